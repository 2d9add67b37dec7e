/** The results of one pass over a data set, and how they look in a terminal. */
import { type ClassResult, type ConfusionMatrix, classResults, macroMeans } from "./metrics.ts";
import { formatEvaluation } from "./report.ts";

/** What only data with classes has. */
export interface Classification {
  /** Share of samples whose largest output is their class. */
  readonly accuracy: number;
  readonly classes: readonly ClassResult[];
  /** Unweighted means over the classes. */
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number };
  /** `confusion[actual][predicted]`, in samples. */
  readonly confusion: readonly (readonly number[])[];
}

/** Fields of {@link Evaluation}. */
export interface EvaluationFields {
  readonly dataset: string;
  readonly count: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly classification?: Classification;
  /** Whether the model was trained on these very samples: then nothing here says how good it is. */
  readonly isTrainingData: boolean;
  readonly seconds: number;
}

/** Results on one data set; `console.log` and `String` show them as a table, `JSON.stringify` as plain data. */
export class Evaluation implements EvaluationFields {
  readonly dataset: string;
  /** Samples. */
  readonly count: number;
  /** Mean over the samples. */
  readonly loss: number;
  /** Values of the user's metrics by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Only for data with classes. */
  readonly classification: Classification | undefined;
  /** Whether the model was trained on these very samples: then nothing here says how good it is. */
  readonly isTrainingData: boolean;
  /** Wall time of the pass. */
  readonly seconds: number;

  constructor(fields: EvaluationFields) {
    this.dataset = fields.dataset;
    this.count = fields.count;
    this.loss = fields.loss;
    this.metrics = fields.metrics;
    this.classification = fields.classification;
    this.isTrainingData = fields.isTrainingData;
    this.seconds = fields.seconds;
  }

  /** Share of samples recognised; undefined for data without classes. */
  get accuracy(): number | undefined {
    return this.classification?.accuracy;
  }

  toString(): string {
    return formatEvaluation(this);
  }

  /** Plain data, with everything about classes beside the rest. */
  toJSON(): Record<string, unknown> {
    const { dataset, count, loss, accuracy, classification: classes, metrics, isTrainingData, seconds } = this;
    const { classes: perClass, macro, confusion } = classes ?? {};
    const share = isTrainingData ? { trainingAccuracy: accuracy } : { accuracy };
    return { dataset, count, loss, ...share, classes: perClass, macro, confusion, metrics, isTrainingData, seconds };
  }

  // Node prints an object by this well-known symbol; it means nothing elsewhere.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** Everything that follows from a confusion matrix. */
export function classification(matrix: ConfusionMatrix, names: readonly string[]): Classification {
  const classes = classResults(matrix, names);
  let hits = 0;
  let total = 0;
  for (let c = 0; c < matrix.classes; c++) hits += matrix.at(c, c);
  for (const count of matrix.counts) total += count;
  return { accuracy: total === 0 ? 0 : hits / total, classes, macro: macroMeans(classes), confusion: matrix.rows() };
}
