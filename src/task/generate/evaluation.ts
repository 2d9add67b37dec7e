/** How well a model foresees the next token of a text. */
import { AnyEvaluation, type EvaluationFields } from "../evaluation.ts";
import { grouped, percent, table } from "../text.ts";

/** What a {@link GenerateEvaluation} is made of; its loss is the mean over the tokens. */
export interface GenerateFields extends EvaluationFields {
  /** Tokens that had to be foreseen. */
  readonly tokens: number;
  /** Those that were the likeliest by the model. */
  readonly hits: number;
}

export class GenerateEvaluation extends AnyEvaluation {
  readonly tokens: number;
  readonly #hits: number;

  constructor({ tokens, hits, ...fields }: GenerateFields) {
    super(fields);
    this.tokens = tokens;
    this.#hits = hits;
  }

  /** exp(loss): among so many equally likely tokens the next one would be as hard to foresee. */
  get perplexity(): number {
    return Math.exp(this.loss);
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

  toString(): string {
    const { dataset, count, tokens, loss, perplexity, bitsPerToken, accuracy, metrics } = this;
    return table([
      ["data", `${dataset}, ${grouped(count)} texts, ${grouped(tokens)} tokens`],
      [
        "loss",
        `${loss.toFixed(4)} nats a token (${bitsPerToken.toFixed(3)} bits, perplexity ${perplexity.toFixed(2)})`,
      ],
      ["foreseen", `${percent(accuracy)} of the tokens were the likeliest`],
      ...Object.entries(metrics).map(([name, value]) => [name, value.toFixed(4)] as const),
    ]);
  }

  toJSON(): Record<string, unknown> {
    const { dataset, count, tokens, loss, perplexity, bitsPerToken, accuracy, metrics, isTrainingData, seconds } = this;
    return { dataset, count, tokens, loss, perplexity, bitsPerToken, accuracy, metrics, isTrainingData, seconds };
  }
}
