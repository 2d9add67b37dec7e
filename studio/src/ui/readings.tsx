/** The answer, large, and the probabilities of what it may be as lines of ink. */
import type { Answer, ModelCard } from "../engine/protocol.ts";
import { milliseconds, percent, texts } from "../i18n/i18n.ts";
import type { ReadingState } from "../state/reading.ts";
import { kindOf } from "../task/kinds.ts";

/** Of more choices than this, only the likeliest are shown. */
const MOST = 10;
/** An answer that is less probable is shown as a guess. */
const SURE = 0.5;

interface AnswerProps {
  readonly state: ReadingState;
  /** What is said while there is nothing to read; default: that ink is awaited. */
  readonly waiting?: string | undefined;
}

export function AnswerText({ state, waiting }: AnswerProps) {
  const t = texts.value.draw;
  const { status, answer } = state;
  const best = status === "read" ? answer?.readings[0] : undefined;
  const isUnsure = best !== undefined && best.probability < SURE;
  return (
    <div class="answer">
      <output
        id="answer"
        class={[best !== undefined && best.label.length > 3 && "word", isUnsure && "unsure"].filter(Boolean).join(" ")}
        aria-label={t.answer}
      >
        {best?.label ?? ""}
      </output>
      <p id="confidence" class={status === "failed" ? "error" : "soft"}>
        {best !== undefined
          ? isUnsure
            ? t.perhaps(percent(best.probability))
            : t.sure(percent(best.probability))
          : status === "empty" && waiting !== undefined
            ? waiting
            : STATUS[status](state)}
      </p>
      {best !== undefined && answer !== undefined && answer.characters > 1 && (
        <p class="error">{t.several(answer.characters)}</p>
      )}
      {answer?.isNone === true && answer.characters <= 1 && <p class="error">{t.noneOfThese}</p>}
    </div>
  );
}

const STATUS: Readonly<Record<ReadingState["status"], (state: ReadingState) => string>> = {
  none: () => texts.value.make.untrained,
  loading: () => texts.value.draw.loading,
  empty: () => texts.value.draw.waiting,
  faint: () => texts.value.draw.tooLittle,
  read: () => "",
  failed: ({ error }) => error ?? "",
};

/** Few choices keep their order, so that lines do not jump; of many the likeliest are listed. */
export function Bars({ card, answer }: { readonly card: ModelCard | undefined; readonly answer: Answer | undefined }) {
  const choices = card === undefined ? [] : kindOf(card).choices(card);
  const byLabel = new Map(answer?.readings.map(({ label, probability }) => [label, probability]));
  const isFew = choices.length > 0 && choices.length <= MOST;
  const listed = isFew || answer === undefined ? choices : answer.readings.map(({ label }) => label);
  const best = answer?.readings[0]?.label;
  return (
    <ol class={listed.some((label) => label.length > 2) ? "bars words" : "bars"} aria-label={texts.value.draw.readings}>
      {listed.slice(0, MOST).map((label) => {
        const probability = byLabel.get(label) ?? 0;
        return (
          <li key={label} class={label === best ? "first" : ""}>
            <span>{label}</span>
            <i aria-hidden="true">
              <b style={{ transform: `scaleX(${probability})` }} />
            </i>
            <span>{answer === undefined ? "–" : percent(probability)}</span>
          </li>
        );
      })}
    </ol>
  );
}

export function ReadTime({ answer }: { readonly answer: Answer | undefined }) {
  return <>{answer === undefined ? "" : texts.value.draw.time(milliseconds(answer.ms))}</>;
}
