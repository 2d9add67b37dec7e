/** How well a model reads strings: whole ones, and by symbol. */
import { type Interval, wilsonInterval } from "../../metrics/intervals.ts";
import { AnyEvaluation, type EvaluationFields } from "../evaluation.ts";
import { measureText, measureTitle } from "../measures.ts";
import { grouped, PLAIN, percent, percentInterval, type Style, table } from "../text.ts";

/** A string of the data, and what the model made of it. */
export interface ReadString {
  /** Number of the sample. */
  readonly index: number;
  readonly truth: string;
  readonly text: string;
  readonly probability: number;
}

export interface TranscribeFields extends EvaluationFields {
  readonly strings: readonly ReadString[];
}

/** Strings that plain data lists. */
const LISTED = 20;

/** Results of a model that reads strings, on one data set; `console.log` shows them as a table. */
export class TranscribeEvaluation extends AnyEvaluation {
  /** What was read, in the order of the data. */
  readonly strings: readonly ReadString[];

  constructor({ strings, ...fields }: TranscribeFields) {
    super({ ...fields, metrics: { symbolErrorRate: errorRate(strings), ...fields.metrics } });
    this.strings = strings;
  }

  get hits(): number {
    return this.strings.filter(({ truth, text }) => truth === text).length;
  }

  /** Share of the strings that are right as a whole. */
  get accuracy(): number {
    return this.hits / this.count;
  }

  /** Of {@link accuracy}, 95 %. */
  get interval(): Interval {
    return wilsonInterval(this.hits, this.count);
  }

  /** Symbols to insert, leave out or replace, per symbol of the true strings. */
  get symbolErrorRate(): number {
    return this.metrics.symbolErrorRate;
  }

  /** The strings that are wrong, those first that the model was surest of. */
  worstErrors(count: number): readonly ReadString[] {
    const wrong = this.strings.filter(({ truth, text }) => truth !== text);
    return wrong.sort((a, b) => b.probability - a.probability).slice(0, count);
  }

  fitTemperature(): undefined {}

  text({ bold }: Style = PLAIN): string {
    const { dataset, count, loss, accuracy, interval, metrics } = this;
    const worst = this.worstErrors(5).map(
      ({ truth, text, probability }) => `${truth} → ${text} (${percent(probability)})`,
    );
    return table([
      ["data", `${dataset}, ${grouped(count)} strings`],
      ["loss", loss.toFixed(4)],
      ["right", `${bold(percent(accuracy))} of the strings (95 % interval ${percentInterval(interval)})`],
      ...Object.entries(metrics).map(([name, value]) => [measureTitle(name), measureText(name, value)] as const),
      ...(worst.length > 0 ? [["worst", worst.join(", ")] as const] : []),
    ]);
  }

  toJSON(): Record<string, unknown> {
    const { dataset, count, loss, accuracy, interval, symbolErrorRate, metrics, isTrainingData, seconds } = this;
    const worstErrors = this.worstErrors(LISTED);
    return { dataset, count, loss, accuracy, interval, symbolErrorRate, metrics, isTrainingData, worstErrors, seconds };
  }
}

function errorRate(strings: readonly ReadString[]): number {
  const errors = strings.reduce((sum, { truth, text }) => sum + editDistance([...truth], [...text]), 0);
  const symbols = strings.reduce((sum, { truth }) => sum + [...truth].length, 0);
  return symbols === 0 ? 0 : errors / symbols;
}

/** The least number of symbols to insert, leave out or replace that makes one string of another (Levenshtein 1966). */
export function editDistance(a: readonly string[], b: readonly string[]): number {
  let row = b.map((_, j) => j + 1);
  for (const [i, symbol] of a.entries()) {
    let [left, diagonal] = [i + 1, i];
    row = row.map((above, j) => {
      const best = Math.min(left + 1, above + 1, diagonal + (symbol === b[j] ? 0 : 1));
      diagonal = above;
      left = best;
      return best;
    });
  }
  return row.at(-1) ?? a.length;
}
