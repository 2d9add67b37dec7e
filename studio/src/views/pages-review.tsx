/** The queue of what the reader was not sure of, page after page: made for the keyboard, with every key on a button as well. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import { announce } from "../state/notices.ts";
import { choicesOf, choose, correct, lineOf, openSpots, type Spot, sheets } from "../state/pages.ts";
import { address, go } from "../state/route.ts";
import { Icon } from "../ui/icons.tsx";
import { ContextPicture, CropPicture } from "../ui/place-picture.tsx";
import { Decide, howRead, placeName, StepButton, useTyped } from "./pages-decide.tsx";

export function Review() {
  const t = pageTexts.value;
  // What is open when one begins; it does not get shorter under one's hands.
  const queue = useSignal<readonly Spot[]>(openSpots.peek());
  const at = useSignal(0);
  const spots = queue.value.filter(({ sheet }) => sheets.value.some(({ id }) => id === sheet));
  const spot = spots[at.value];
  const isDecided = ({ sheet: id, index }: Spot): boolean => {
    const sheet = sheets.value.find((each) => each.id === id);
    return sheet !== undefined && lineOf(sheet, index) !== undefined;
  };
  const left = spots.filter((each) => !isDecided(each));
  return (
    <>
      <div class="title review-title">
        <p class="back">
          <a href={address("pages")}>
            <Icon name="back" />
            {t.review.back}
          </a>
        </p>
        <h1>{t.review.heading}</h1>
      </div>
      {spot === undefined ? (
        <Finished
          seen={spots.length}
          left={left.length}
          onAgain={() => {
            queue.value = left;
            at.value = 0;
          }}
        />
      ) : (
        <Card
          key={`${spot.sheet} ${spot.index}`}
          spot={spot}
          at={at.value}
          of={spots.length}
          decided={spots.length - left.length}
          onStep={(by) => {
            at.value = Math.min(spots.length, Math.max(0, at.value + by));
          }}
        />
      )}
    </>
  );
}

interface FinishedProps {
  readonly seen: number;
  readonly left: number;
  onAgain(): void;
}

function Finished({ seen, left, onAgain }: FinishedProps) {
  const t = pageTexts.value.review;
  const back = useRef<HTMLButtonElement>(null);
  const said = seen === 0 ? t.none : t.done(whole(seen - left));
  useEffect(() => {
    announce(said);
    return focusSoon(back);
  }, []);
  return (
    <section class="finished">
      <h2>{said}</h2>
      {seen > 0 && <p class="soft">{t.doneHint}</p>}
      <div class="row wrap">
        <button ref={back} type="button" class="primary" onClick={() => void go("pages")}>
          {t.back}
        </button>
        {left > 0 && (
          <button type="button" onClick={onAgain}>
            {t.skipped(whole(left))}
          </button>
        )}
      </div>
    </section>
  );
}

interface CardProps {
  readonly spot: Spot;
  /** From 0. */
  readonly at: number;
  readonly of: number;
  readonly decided: number;
  onStep(by: -1 | 1): void;
}

/** The frame of the page takes the focus when a view begins; this takes it after that. */
function focusSoon(target: { readonly current: HTMLElement | null }): () => void {
  const timer = setTimeout(() => target.current?.focus({ preventScroll: true }));
  return () => clearTimeout(timer);
}

function Card({ spot, at, of, decided, onStep }: CardProps) {
  const t = pageTexts.value;
  const card = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const sheet = sheets.value.find(({ id }) => id === spot.sheet) as (typeof sheets.value)[number];
  const { index } = spot;
  const number = sheet.answer?.numbers[index];
  const typed = useTyped(sheet, index);
  useEffect(() => {
    choose(sheet, index);
    if (number === undefined) return;
    const says = number.text === "" ? t.empty : number.text;
    announce(t.review.said(whole(at + 1), whole(of), placeName(number, index), says, howRead(sheet, index)));
    return focusSoon(card);
  }, []);

  const choices = number === undefined ? [] : choicesOf(number);
  const decide = (text: string): void => {
    correct(sheet, index, text.trim());
    onStep(1);
  };
  const type = (): void => {
    field.current?.focus();
    field.current?.select();
  };
  // Letters and digits are keys while the card has the focus, and typed where the field has it.
  const keys = useMemo<Readonly<Record<string, () => void>>>(
    () => ({
      Enter: () => decide(typed.value),
      t: type,
      n: () => decide(""),
      Delete: () => decide(""),
      s: () => onStep(1),
      ArrowRight: () => onStep(1),
      ArrowDown: () => onStep(1),
      ArrowLeft: () => onStep(-1),
      ArrowUp: () => onStep(-1),
      Escape: () => void go("pages"),
      ...Object.fromEntries(choices.slice(0, 9).map((text, i) => [`${i + 1}`, () => decide(text)])),
    }),
    [],
  );
  const keysInField: Readonly<Record<string, () => void>> = {
    Escape: () => card.current?.focus(),
    ArrowDown: () => onStep(1),
    ArrowUp: () => onStep(-1),
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const { target } = event;
    // Buttons keep their own keys.
    const map = target === card.current ? keys : target === field.current ? keysInField : undefined;
    const act = map?.[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  if (number === undefined || sheet.answer === undefined) return null;
  const place = placeName(number, index);
  return (
    <>
      <div class="review-progress">
        <progress value={decided} max={of} aria-hidden="true" />
        <p>
          <b class="position">{t.review.progress(whole(at + 1), whole(of))}</b>{" "}
          <span class="soft">
            {place} · {sheet.name}
          </span>
        </p>
      </div>
      <section
        ref={card}
        class="review"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it has the keys
        tabIndex={0}
        aria-label={`${t.review.progress(whole(at + 1), whole(of))}: ${place}`}
        aria-describedby="review-keys"
        onKeyDown={onKeyDown}
      >
        <ContextPicture
          picture={sheet.picture}
          quad={number.quad}
          width={sheet.answer.width}
          label={t.context(place, sheet.name)}
        />
        {number.crop !== undefined && (
          <figure class="seen-line">
            <CropPicture crop={number.crop} label={t.seen} />
            <figcaption>{t.seen}</figcaption>
          </figure>
        )}
        <Decide
          sheet={sheet}
          index={index}
          number={number}
          field={field}
          typed={typed}
          keys={{ accept: "Enter", none: "N" }}
          onDecided={() => onStep(1)}
        >
          <button type="button" onClick={type}>
            {t.review.type}
            <kbd>T</kbd>
          </button>
          <button type="button" onClick={() => onStep(1)}>
            {t.skip}
            <kbd>S</kbd>
          </button>
          <StepButton by={-1} label={t.previous} onStep={() => onStep(-1)} />
          <StepButton by={1} label={t.next} onStep={() => onStep(1)} />
        </Decide>
      </section>
      <p id="review-keys" class="soft">
        {t.review.keys}
      </p>
    </>
  );
}
