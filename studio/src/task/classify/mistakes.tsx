/** Errors as pictures, each with what it is and, in red, what it was read as. */
import type { Mistake } from "../../engine/protocol.ts";
import { percent, texts } from "../../i18n/i18n.ts";
import { Seen } from "../../ui/bytes-canvas.tsx";

interface MistakeStripProps {
  readonly mistakes: readonly Mistake[];
  /** Pictures at most. */
  readonly most?: number | undefined;
}

export function MistakeStrip({ mistakes, most = 24 }: MistakeStripProps) {
  const t = texts.value.train;
  // The nearest to an error is none.
  const wrong = mistakes.filter(({ label, predicted }) => label !== predicted).slice(0, most);
  if (wrong.length === 0) return <p class="soft">{t.noMistakes}</p>;
  return (
    <ul class="mistakes">
      {wrong.map((mistake) => {
        const { pixels, shape, label, predicted, probability } = mistake;
        return (
          <li key={mistake} title={`${t.mistake(label, predicted)}, ${percent(probability)}`}>
            <Seen pixels={pixels} shape={shape} />
            <span>
              <span class="hidden">{t.mistake(label, predicted)}</span>
              <span aria-hidden="true">
                {label} <b>{predicted}</b>
              </span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}
