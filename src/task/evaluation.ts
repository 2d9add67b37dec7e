/** What measuring a model on a data set gives, whatever its task: the part that is the same for all of them. */
import type { Overlap } from "../data/duplicates.ts";
import type { FoundSamples } from "../data/trained-samples.ts";
import { measureOf } from "./score.ts";
import type { Measures } from "./task.ts";
import { PLAIN, type Style } from "./text.ts";

/** What an {@link AnyEvaluation} is made of. */
export interface EvaluationFields {
  readonly dataset: string;
  readonly count: number;
  readonly loss: number;
  readonly metrics: Measures;
  /** Whether these are the data, all of them, that the model was trained with. */
  readonly isTrainingData: boolean;
  /** Which samples the model was trained on; undefined where its file does not say and nobody has looked. */
  readonly trainedOn?: FoundSamples | undefined;
  readonly overlap?: Overlap | undefined;
  readonly seconds: number;
}

/** Results on one data set; `console.log` and `String` show them as a table, `JSON.stringify` as plain data. */
export abstract class AnyEvaluation {
  readonly dataset: string;
  /** Samples. */
  readonly count: number;
  /** Mean over the samples; of a model that goes on with texts, over their tokens. */
  readonly loss: number;
  /** Values of the user's metrics, and of those of the task that have no place of their own, by name. */
  readonly metrics: Measures;
  /** Whether these are the data, all of them, that the model was trained with: what was put aside for validation as well. */
  readonly isWholeTrainingSet: boolean;
  /** Whether the model was trained on these very samples: then nothing here says how good it is. */
  readonly isTrainingData: boolean;
  /**
   * Which of the samples the model was trained on, by their inputs: `trained` of the `checked` that could be looked up (all,
   * where the model was trained on up to 2,048 samples); undefined where its file does not say and nobody has looked.
   */
  readonly trainedOn: FoundSamples | undefined;
  /** Samples that the model was trained on too; undefined where nobody has looked. */
  readonly overlap: Overlap | undefined;
  /** Wall time of the pass. */
  readonly seconds: number;

  constructor(fields: EvaluationFields) {
    const { dataset, count, loss, metrics, isTrainingData, trainedOn, overlap, seconds } = fields;
    this.dataset = dataset;
    this.count = count;
    this.loss = loss;
    this.metrics = metrics;
    this.isWholeTrainingSet = isTrainingData;
    this.trainedOn = trainedOn;
    this.isTrainingData =
      isTrainingData || (trainedOn !== undefined && trainedOn.trained > 0 && trainedOn.trained === trainedOn.checked);
    this.overlap = overlap;
    this.seconds = seconds;
  }

  /** Share of all samples that the model has right; undefined where there is no such thing. */
  abstract get accuracy(): number | undefined;

  /** What logits should be divided by, so that probabilities can be believed, by these samples; undefined where they do not tell. */
  abstract fitTemperature(): number | undefined;

  /** The first sample that makes the loss infinite whatever the weights are, and why, as `task.impossible` says it. */
  get impossible(): { readonly index: number; readonly why: string } | undefined {
    return undefined;
  }

  /** What was measured, for people to read. @param style of a terminal; default: none */
  abstract text(style?: Style): string;

  /** A measure by its name, such as that of `task.primary`, over samples that the model has not seen as far as that is known. */
  measure(name: string): number | undefined {
    return measureOf(this, name);
  }

  /** What a model file keeps of it. */
  get summary(): Readonly<Record<string, unknown>> {
    const { count, loss, accuracy, metrics } = this;
    return { samples: count, loss, accuracy, ...metrics };
  }

  toString(): string {
    return this.text(PLAIN);
  }

  abstract toJSON(): Record<string, unknown>;

  // Node prints an object by this well-known symbol; it means nothing elsewhere.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
