/** How well a model foresees the next token of a text. */
import { AnyEvaluation, type EvaluationFields } from "../evaluation.ts";
import { measureText, measureTitle } from "../measures.ts";
import { grouped, PLAIN, percent, type Style, table } from "../text.ts";

/** What a {@link GenerateEvaluation} is made of; its loss is the mean over the tokens. */
export interface GenerateFields extends EvaluationFields {
  /** Tokens that had to be foreseen. */
  readonly tokens: number;
  /** Those that were the likeliest by the model. */
  readonly hits: number;
}

/** Results of a model that goes on with texts, on one data set; `console.log` shows them as a table. */
export class GenerateEvaluation extends AnyEvaluation {
  readonly tokens: number;
  readonly #hits: number;

  constructor({ tokens, hits, ...fields }: GenerateFields) {
    super({ ...fields, metrics: { perplexity: Math.exp(fields.loss), ...fields.metrics } });
    this.tokens = tokens;
    this.#hits = hits;
  }

  /** exp(loss): among so many equally likely tokens the next one would be as hard to foresee. */
  get perplexity(): number {
    return this.metrics.perplexity;
  }

  /** Bits that a token needs when it is coded by the model's probabilities. */
  get bitsPerToken(): number {
    return this.loss / Math.LN2;
  }

  /** Share of the tokens that were the likeliest by the model. */
  get accuracy(): number {
    return this.#hits / this.tokens;
  }

  fitTemperature(): undefined {}

  text({ bold }: Style = PLAIN): string {
    const { dataset, count, tokens, loss, bitsPerToken, accuracy, metrics } = this;
    return table([
      ["data", `${dataset}, ${grouped(count)} texts, ${grouped(tokens)} tokens`],
      ...Object.entries(metrics).map(([name, value]) => [measureTitle(name), bold(measureText(name, value))] as const),
      ["loss", `${loss.toFixed(4)} nats a token (${bitsPerToken.toFixed(3)} bits)`],
      ["foreseen", `${percent(accuracy)} of the tokens were the likeliest`],
    ]);
  }

  toJSON(): Record<string, unknown> {
    const { dataset, count, tokens, loss, perplexity, bitsPerToken, accuracy, metrics, isTrainingData, seconds } = this;
    return { dataset, count, tokens, loss, perplexity, bitsPerToken, accuracy, metrics, isTrainingData, seconds };
  }
}
