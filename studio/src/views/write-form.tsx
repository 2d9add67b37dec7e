/** A text to go on with: its beginning, how much and how boldly, and what the model has written behind it. */
import { type Signal, useSignal } from "@preact/signals";
import { reader } from "../engine/client.ts";
import { texts, whole } from "../i18n/i18n.ts";
import { type ModelEntry, withModel } from "../state/models.ts";
import { announce, messageOf } from "../state/notices.ts";
import { NumberField } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";

/** Tokens that are written at most: somebody waits. */
const LONGEST = 1000;
const HOTTEST = 5;

interface WriteFormProps {
  readonly beginning: Signal<string>;
  readonly entry: ModelEntry;
}

/** The text that a beginning has become, or why there is none. */
type Written =
  | { readonly kind: "writing" }
  | { readonly kind: "text"; readonly beginning: string; readonly text: string }
  | { readonly kind: "failed"; readonly message: string };

export function WriteForm({ beginning, entry }: WriteFormProps) {
  const t = texts.value.draw;
  const { wholeFrom, numberFrom } = texts.value.train;
  const length = useSignal("100");
  const temperature = useSignal("1");
  const written = useSignal<Written | undefined>(undefined);
  const [tokens, heat] = [length, temperature].map(({ value }) => Number(value.trim().replace(",", ".") || Number.NaN));
  const isLong = Number.isInteger(tokens) && tokens >= 1 && tokens <= LONGEST;
  const isWarm = heat >= 0 && heat <= HOTTEST;
  const write = async (): Promise<void> => {
    const start = beginning.value;
    written.value = { kind: "writing" };
    // Each time another text.
    const writing = { length: tokens, temperature: heat, seed: Math.floor(Math.random() * 2 ** 31) };
    try {
      const text = await withModel(entry, () => reader.write(start, writing));
      written.value = { kind: "text", beginning: start, text };
      announce(start + text);
    } catch (error) {
      written.value = { kind: "failed", message: messageOf(error) };
    }
  };
  return (
    <form
      class="write"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (isLong && isWarm) void write();
        else document.getElementById(isLong ? "temperature" : "length")?.focus();
      }}
    >
      <label class="field">
        <span>{t.beginning}</span>
        <textarea
          id="text"
          rows={4}
          value={beginning.value}
          onInput={(event) => {
            beginning.value = event.currentTarget.value;
          }}
        />
      </label>
      <div class="row wrap">
        <NumberField
          id="length"
          label={t.length}
          text={length.value}
          error={isLong ? undefined : wholeFrom("1", whole(LONGEST))}
          onType={(text) => {
            length.value = text;
          }}
        />
        <NumberField
          id="temperature"
          label={t.temperature}
          text={temperature.value}
          hint={t.temperatureHint}
          error={isWarm ? undefined : numberFrom("0", whole(HOTTEST))}
          onType={(text) => {
            temperature.value = text;
          }}
        />
      </div>
      <button type="submit" class="primary" disabled={beginning.value === "" || written.value?.kind === "writing"}>
        <Icon name="draw" />
        {t.write}
      </button>
      <output id="written" aria-label={t.written}>
        {written.value?.kind === "writing" && <span class="soft">{t.writing}</span>}
        {written.value?.kind === "failed" && <span class="error">{written.value.message}</span>}
        {written.value?.kind === "text" && (
          <>
            <span class="soft">{written.value.beginning}</span>
            {written.value.text}
          </>
        )}
      </output>
    </form>
  );
}
