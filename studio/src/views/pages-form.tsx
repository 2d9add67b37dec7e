/** Makes a form: boxes are drawn on the picture of a blank one, or taken from those printed on it, and named. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { texts, whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import {
  addAllFound,
  addField,
  CHECKSUMS,
  changeField,
  type DraftField,
  type FormDraft,
  removeField,
  saveForm,
  useDraft,
} from "../state/form-draft.ts";
import { attempt } from "../state/notices.ts";
import { address } from "../state/route.ts";
import { Icon } from "../ui/icons.tsx";
import type { Box } from "../ui/quads.ts";
import { ZoomFrame } from "../ui/zoom-frame.tsx";

/** A box that is drawn smaller than this part of the picture's width was no box. */
const SMALLEST = 1 / 150;

export function FormMaker({ form }: { readonly form: FormDraft }) {
  const t = pageTexts.value.maker;
  const inHand = useSignal<string | undefined>(undefined);
  const drawn = useSignal<Box | undefined>(undefined);
  const picture = useRef<SVGSVGElement>(null);
  const take = (id: string): void => {
    inHand.value = id;
    setTimeout(() => document.getElementById(`name-${id}`)?.focus());
  };

  /** The place under a pointer, in pixels of the picture. */
  const placeOf = (event: PointerEvent): { readonly x: number; readonly y: number } => {
    const { left, top, width, height } = (picture.current as SVGSVGElement).getBoundingClientRect();
    const [x, y] = [((event.clientX - left) * form.width) / width, ((event.clientY - top) * form.height) / height];
    return { x: Math.min(form.width, Math.max(0, x)), y: Math.min(form.height, Math.max(0, y)) };
  };
  const onPointerDown = (event: PointerEvent): void => {
    // A finger scrolls; on a screen that is touched, the printed boxes are pressed.
    if (event.pointerType === "touch" || event.button !== 0) return;
    const from = placeOf(event);
    const onDraw = (moved: PointerEvent): void => {
      const to = placeOf(moved);
      const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
      drawn.value = { left, top, width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
    };
    addEventListener("pointermove", onDraw);
    addEventListener(
      "pointerup",
      () => {
        removeEventListener("pointermove", onDraw);
        const box = drawn.value;
        drawn.value = undefined;
        const least = SMALLEST * form.width;
        if (box !== undefined && box.width > least && box.height > least) take(addField(box));
      },
      { once: true },
    );
  };
  const chosen = form.fields.find(({ id }) => id === inHand.value);
  return (
    <>
      <div class="title review-title">
        <p class="back">
          <a href={address("pages")}>
            <Icon name="back" />
            {pageTexts.value.review.back}
          </a>
        </p>
        <h1>{t.heading}</h1>
      </div>
      <p class="soft">{t.lead}</p>
      <div class="row wrap">
        {form.found.length > 0 && (
          <button type="button" onClick={addAllFound}>
            <Icon name="plus" />
            {t.addAll(whole(form.found.length))}
          </button>
        )}
        <button
          type="button"
          onClick={() =>
            take(addField({ left: 0, top: 0, width: Math.ceil(form.width / 5), height: Math.ceil(form.height / 20) }))
          }
        >
          <Icon name="plus" />
          {t.add}
        </button>
        <button
          type="button"
          class="primary"
          disabled={form.fields.length === 0}
          onClick={() => attempt(() => useDraft(form))}
        >
          <Icon name="check" />
          {t.use}
        </button>
        <button type="button" disabled={form.fields.length === 0} onClick={() => attempt(() => saveForm(form))}>
          <Icon name="save" />
          {t.save}
        </button>
      </div>
      <div class="reading-desk making-form">
        <div class="sheet-side">
          <ZoomFrame
            picture={form.picture}
            label={t.picture(form.name)}
            width={form.width}
            sight={chosen?.box}
            isPulled={false}
          >
            {() => (
              <svg
                ref={picture}
                viewBox={`0 0 ${form.width} ${form.height}`}
                aria-hidden="true"
                onPointerDown={onPointerDown}
              >
                {form.found.map((box, i) => (
                  // biome-ignore lint/a11y/noStaticElementInteractions: one button beside the picture takes all
                  <rect key={i} class="found" {...rectOf(box)} onClick={() => take(addField(box))} />
                ))}
                {form.fields.map((field) => (
                  // biome-ignore lint/a11y/noStaticElementInteractions: the list beside it has the same by keyboard
                  <g
                    key={field.id}
                    class={field.id === inHand.value ? "place sure selected" : "place sure"}
                    onPointerDown={(event) => event.stopPropagation()}
                    onClick={() => take(field.id)}
                  >
                    <polygon points={cornersOf(field.box)} />
                    <text
                      x={field.box.left}
                      y={field.box.top - 2}
                      font-size={Math.min(field.box.height * 0.5, form.width / 40)}
                    >
                      {field.name}
                    </text>
                  </g>
                ))}
                {drawn.value !== undefined && <rect class="drawn" {...rectOf(drawn.value)} />}
              </svg>
            )}
          </ZoomFrame>
        </div>
        <ol class="answer-side form-fields" aria-label={t.fields}>
          {form.fields.length === 0 && <li class="soft">{t.empty}</li>}
          {form.fields.map((field) => (
            <FieldRow
              key={field.id}
              field={field}
              isInHand={field.id === inHand.value}
              onTake={() => {
                inHand.value = field.id;
              }}
            />
          ))}
        </ol>
      </div>
    </>
  );
}

const rectOf = ({ left, top, width, height }: Box) => ({ x: left, y: top, width, height });
const cornersOf = ({ left, top, width, height }: Box): string =>
  `${left},${top} ${left + width},${top} ${left + width},${top + height} ${left},${top + height}`;

interface FieldRowProps {
  readonly field: DraftField;
  readonly isInHand: boolean;
  onTake(): void;
}

const SIDES = ["left", "top", "width", "height"] as const;

function FieldRow({ field, isInHand, onTake }: FieldRowProps) {
  const t = pageTexts.value.maker;
  const { id, name, length, pattern, checksum, box } = field;
  const typed = (label: string, key: "name" | "length" | "pattern", value: string, hint?: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        id={`${key}-${id}`}
        autocomplete="off"
        spellcheck={false}
        placeholder={hint}
        value={value}
        onInput={(event) => changeField(id, { [key]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <li class={isInHand ? "form-field selected" : "form-field"} onFocusIn={onTake}>
      <div class="row">
        <div class="grow">{typed(t.name, "name", name)}</div>
        <button
          type="button"
          class="icon-button quiet"
          aria-label={`${texts.value.remove}: ${name}`}
          title={texts.value.remove}
          onClick={() => removeField(id)}
        >
          <Icon name="bin" />
        </button>
      </div>
      {isInHand && (
        <>
          <div class="rules">
            {typed(t.length, "length", length, t.lengthHint)}
            {typed(t.pattern, "pattern", pattern, "\\d{2}\\.\\d{2}")}
            <label class="field">
              <span>{t.checksum}</span>
              <select value={checksum} onChange={(event) => changeField(id, { checksum: event.currentTarget.value })}>
                <option value="">{t.none}</option>
                {CHECKSUMS.map((each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <div class="rules sides">
            {SIDES.map((side) => (
              <label key={side} class="field">
                <span>{t.sides[side]}</span>
                <input
                  type="number"
                  min={side === "left" || side === "top" ? 0 : 1}
                  value={box[side]}
                  onInput={(event) => {
                    const value = event.currentTarget.valueAsNumber;
                    if (Number.isFinite(value)) changeField(id, { box: { ...box, [side]: value } });
                  }}
                />
              </label>
            ))}
          </div>
        </>
      )}
    </li>
  );
}
