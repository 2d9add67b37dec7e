/** A page with what was read laid over it. */
import { useSignal } from "@preact/signals";
import type { PageNumber } from "../engine/protocol.ts";
import { percent } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import { choicesOf, isOpen, lineOf, type StoredPage, standingOf, textAt } from "../state/pages.ts";
import { boxOf } from "./quads.ts";
import { ZoomFrame } from "./zoom-frame.tsx";

interface PagePictureProps {
  readonly sheet: StoredPage;
  readonly selected: number | undefined;
  /** @param isByMouse not by a finger, which would bring up the keyboard of a phone */
  onSelect(index: number, isByMouse: boolean): void;
}

export function PagePicture({ sheet, selected, onSelect }: PagePictureProps) {
  const t = pageTexts.value;
  const tip = useSignal<Tip | undefined>(undefined);
  const { answer } = sheet;
  const number = selected === undefined ? undefined : answer?.numbers[selected];
  const showTip = (shown: Tip | undefined): void => {
    tip.value = shown;
  };
  return (
    <>
      <ZoomFrame
        picture={sheet.picture}
        label={t.picture(sheet.name)}
        width={answer?.width}
        sight={number && boxOf(number.quad)}
        onMove={() => showTip(undefined)}
      >
        {(press) =>
          answer !== undefined && (
            <svg viewBox={`0 0 ${answer.width} ${answer.height}`} aria-hidden="true">
              {answer.numbers.map((each, index) => (
                <Place
                  key={index}
                  sheet={sheet}
                  index={index}
                  number={each}
                  isSelected={index === selected}
                  onTip={showTip}
                  onSelect={() => {
                    if (!press.current.isPull) onSelect(index, press.current.isByMouse);
                  }}
                />
              ))}
            </svg>
          )
        }
      </ZoomFrame>
      {tip.value !== undefined && <TipBox sheet={sheet} tip={tip.value} />}
    </>
  );
}

/** What is shown beside the pointer, and where in the window. */
interface Tip {
  readonly index: number;
  readonly x: number;
  readonly y: number;
}

/** Of the height of a place, that of the text over it; of a cell, that in its corner. In parts of the page's width, its bounds. */
const TEXT = 0.55;
const CELL_TEXT = 0.34;
const SMALLEST = 1 / 90;
const LARGEST_TEXT = 1 / 28;

interface PlaceProps {
  readonly sheet: StoredPage;
  readonly index: number;
  readonly number: PageNumber;
  readonly isSelected: boolean;
  onTip(tip: Tip | undefined): void;
  onSelect(): void;
}

function Place({ sheet, index, number, isSelected, onTip, onSelect }: PlaceProps) {
  const standing = standingOf(sheet, index);
  const width = sheet.answer?.width ?? 1;
  const { quad } = number;
  const box = boxOf(quad);
  const isCell = number.kind === "cell";
  const size = Math.min(
    LARGEST_TEXT * width,
    isCell ? CELL_TEXT * box.height : Math.max(SMALLEST * width, TEXT * box.height),
  );
  const text = textAt(sheet, index);
  const shown = standing === "empty" ? "" : isOpen(standing) && !text.endsWith("?") ? `${text}?` : text;
  const [x, y] = isCell
    ? [box.left + box.width - 0.1 * size, box.top + box.height - 0.2 * size]
    : [box.left, Math.max(size, box.top - 0.15 * size)];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list beside the picture has the same by keyboard
    <g
      class={`place ${standing}${isSelected ? " selected" : ""}`}
      data-index={index}
      onPointerMove={({ pointerType, clientX, clientY, buttons }) => {
        if (pointerType === "mouse" && buttons === 0) onTip({ index, x: clientX, y: clientY });
      }}
      onPointerLeave={() => onTip(undefined)}
      onClick={onSelect}
    >
      <polygon points={quad.map((corner) => `${corner.x},${corner.y}`).join(" ")} />
      <text x={x} y={y} font-size={size} text-anchor={isCell ? "end" : "start"}>
        {shown}
      </text>
    </g>
  );
}

/** Others that are shown beside the pointer. */
const OTHERS = 3;

function TipBox({ sheet, tip: { index, x, y } }: { readonly sheet: StoredPage; readonly tip: Tip }) {
  const t = pageTexts.value;
  const number = sheet.answer?.numbers[index];
  if (number === undefined) return null;
  const line = lineOf(sheet, index);
  const choices = choicesOf(number);
  const others = number.alternatives
    .filter(({ text }) => choices.includes(text) && text !== number.text)
    .slice(0, OTHERS);
  const isLeft = x > innerWidth / 2;
  return (
    <div
      class="tip"
      aria-hidden="true"
      style={{ top: `${y + 16}px`, ...(isLeft ? { right: `${innerWidth - x + 10}px` } : { left: `${x + 10}px` }) }}
    >
      <b>{textAt(sheet, index) || t.empty}</b> <span>{line === undefined ? percent(number.probability) : t.byYou}</span>
      {line === undefined && number.refused !== undefined && <p class="why">{t.refusals[number.refused]}</p>}
      {others.length > 0 && (
        <ul>
          {others.map(({ text, probability }) => (
            <li key={text}>
              <span>{text}</span>
              <span>{percent(probability)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
