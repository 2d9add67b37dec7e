/** One number in hand: what was read, what else it may be, and a field to say what it is. The same beside the page and in the queue. */
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import type { PageNumber } from "../engine/protocol.ts";
import { percent, whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import { choicesOf, correct, lineOf, reset, type StoredPage, unknownIn } from "../state/pages.ts";
import { Icon } from "../ui/icons.tsx";

/** What a place is called, in words. */
export function placeName({ name, place }: PageNumber, index: number): string {
  const t = pageTexts.value;
  if (name !== undefined) return name;
  if (place !== undefined) return t.cell(whole(place.row + 1), whole(place.column + 1));
  return t.number(whole(index + 1));
}

/** How sure a reading is, or why it was refused, in words. */
export function howRead(sheet: StoredPage, index: number): string {
  const t = pageTexts.value;
  const number = sheet.answer?.numbers[index];
  if (number === undefined) return "";
  if (lineOf(sheet, index) !== undefined) return t.byYou;
  const sure = t.sure(percent(number.probability));
  return number.refused === undefined ? sure : `${t.refusals[number.refused]}, ${sure}`;
}

/** Where a reader saw no number, that is what a person is asked to confirm. */
const SHOWS_NONE: ReadonlySet<PageNumber["refused"]> = new Set(["no number", "struck out", "nothing there"] as const);

/** What stands in the field before anything is typed. */
export function proposalFor(sheet: StoredPage, index: number): string {
  const number = sheet.answer?.numbers[index];
  const line = lineOf(sheet, index);
  if (line !== undefined) return line.text;
  return number === undefined || SHOWS_NONE.has(number.refused) ? "" : number.text;
}

interface DecideProps {
  readonly sheet: StoredPage;
  readonly index: number;
  readonly number: PageNumber;
  readonly field: RefObject<HTMLInputElement | null>;
  /** Keys are written on buttons that have any. */
  readonly keys?: Readonly<Partial<Record<"accept" | "none", string>>> | undefined;
  readonly typed: Signal<string>;
  /** More buttons. */
  readonly children?: ComponentChildren;
  onDecided(): void;
}

export const useTyped = (sheet: StoredPage, index: number): Signal<string> => useSignal(proposalFor(sheet, index));

export function Decide({ sheet, index, number, field, keys, typed, children, onDecided }: DecideProps) {
  const t = pageTexts.value;
  const line = lineOf(sheet, index);
  const decide = (text: string): void => {
    correct(sheet, index, text.trim());
    onDecided();
  };
  const unknown = unknownIn(typed.value.trim());
  const likely = new Map(number.alternatives.map((each) => [each.text, each.probability]));
  return (
    <form
      class="decide"
      onSubmit={(event) => {
        event.preventDefault();
        decide(typed.value);
      }}
    >
      <label class="field">
        <span>{t.reads}</span>
        <input
          ref={field}
          name="reads"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          inputMode={/^[\d\s.,]*$/.test(number.text) ? "decimal" : "text"}
          enterkeyhint="next"
          placeholder={t.noNumber}
          value={typed.value}
          aria-describedby="decide-why"
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
      </label>
      <p id="decide-why" class="soft why">
        {howRead(sheet, index)}
        {unknown !== "" && <span class="error">{t.unknown(unknown)}</span>}
      </p>
      {choicesOf(number).length > 0 && (
        <fieldset class="choices">
          <legend>{t.choices}</legend>
          {choicesOf(number).map((text, i) => (
            <button key={text} type="button" class="choice" onClick={() => decide(text)}>
              {keys !== undefined && i < 9 && <kbd>{i + 1}</kbd>}
              <b>{text}</b>
              <span class="soft">{percent(text === number.text ? number.probability : (likely.get(text) ?? 0))}</span>
            </button>
          ))}
        </fieldset>
      )}
      <div class="row wrap">
        <button type="submit" class="primary">
          <Icon name="check" />
          {t.accept}
          {keys?.accept !== undefined && <kbd>{keys.accept}</kbd>}
        </button>
        <button type="button" onClick={() => decide("")}>
          {t.noNumber}
          {keys?.none !== undefined && <kbd>{keys.none}</kbd>}
        </button>
        {children}
        {line !== undefined && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              reset(sheet, index);
              typed.value = proposalFor(sheet, index);
            }}
          >
            <Icon name="undo" />
            {t.reset}
          </button>
        )}
      </div>
    </form>
  );
}

/** A button that goes to another number. */
export function StepButton({ by, label, onStep }: { readonly by: -1 | 1; readonly label: string; onStep(): void }) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={onStep}>
      <Icon name={by < 0 ? "back" : "forth"} />
    </button>
  );
}
