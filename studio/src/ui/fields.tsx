/** Fields of a form, each with its label, a hint or what is wrong with it. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface NumberFieldProps {
  readonly id: string;
  readonly label: string;
  /** As it was typed. */
  readonly text: string;
  /** What is wrong with it. */
  readonly error?: string | undefined;
  readonly hint?: string | undefined;
  readonly before?: ComponentChildren | undefined;
  readonly after?: ComponentChildren | undefined;
  onType(text: string): void;
}

export function NumberField({ id, label, text, error, hint, before, after, onType }: NumberFieldProps) {
  const said = error ?? hint;
  const saidId = `${id}-said`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="row">
        {before}
        <input
          id={id}
          inputMode="decimal"
          autocomplete="off"
          value={text}
          aria-invalid={error !== undefined}
          {...(said !== undefined && { "aria-describedby": saidId })}
          onInput={(event) => onType(event.currentTarget.value)}
        />
        {after}
      </div>
      <p id={saidId} class={error === undefined ? "soft" : "error"} aria-live="polite">
        {said}
      </p>
    </div>
  );
}

interface ChoiceProps<Name extends string> {
  readonly label: string;
  readonly value: Name;
  readonly values: readonly Name[];
  nameOf(value: Name): string;
  onChoose(value: Name): void;
}

export function Choice<Name extends string>({ label, value, values, nameOf, onChoose }: ChoiceProps<Name>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => {
          const chosen = values.find((each) => each === event.currentTarget.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {values.map((each) => (
          <option key={each} value={each}>
            {nameOf(each)}
          </option>
        ))}
      </select>
    </div>
  );
}
