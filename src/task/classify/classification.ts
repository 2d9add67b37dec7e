/** How good a classifier is: accuracy with its interval, top-k, precision, recall and F1 of each class, confusion matrix. */
import { type Interval, wilsonInterval } from "../../metrics/intervals.ts";
import type { Predictions } from "./predictions.ts";

/** Results of one class. */
export interface ClassResult {
  readonly name: string;
  /** Samples of this class in the data. */
  readonly support: number;
  /** Share of what was taken for this class that is of this class; 0 where nothing was. */
  readonly precision: number;
  /** Share of this class that was recognized; 0 where the data has none of it. */
  readonly recall: number;
  /** Harmonic mean of the two; 0 where both are. */
  readonly f1: number;
}

/** Means over classes. */
export type ClassMeans = Pick<ClassResult, "precision" | "recall" | "f1">;

/** One kind of mistake. */
export interface ConfusedPair {
  readonly actual: string;
  readonly predicted: string;
  readonly count: number;
}

/** What only data with classes has. */
export interface Classification {
  /** Share of samples whose largest output is their class. */
  readonly accuracy: number;
  /** 95 % confidence interval of the accuracy (Wilson): what other samples of the same kind may give. */
  readonly interval: Interval;
  /** Share of samples whose class is among the k largest outputs, for the k below the number of classes among 2, 3 and 5. */
  readonly topK: Readonly<Record<number, number>>;
  readonly classes: readonly ClassResult[];
  /** Unweighted means over the classes that the data has. */
  readonly macro: ClassMeans;
  /** Means weighted by the samples of each class. */
  readonly weighted: ClassMeans;
  /** `confusion[actual][predicted]`, in samples; undefined for more than 256 classes, where `confusedPairs` says it all. */
  readonly confusion: readonly (readonly number[])[] | undefined;
  /** All mistakes that occur, most frequent first. */
  readonly confusedPairs: readonly ConfusedPair[];
}

/** Beyond this, a matrix is nearly empty, and large: of ten thousand classes it would have a hundred million cells. */
const MATRIX_CLASSES = 256;

const TOP = [2, 3, 5] as const;

export function classify(predictions: Predictions): Classification {
  const { classes: names, length, hits } = predictions;
  const classes = classResults(predictions);
  const kept = TOP.filter((k) => k < names.length);
  return {
    accuracy: length === 0 ? 0 : hits / length,
    interval: wilsonInterval(hits, length),
    topK: Object.fromEntries(kept.map((k) => [k, topShare(predictions, k)])),
    classes,
    macro: means(classes, (result) => (result.support > 0 ? 1 : 0)),
    weighted: means(classes, (result) => result.support),
    confusion: names.length <= MATRIX_CLASSES ? confusionMatrix(predictions) : undefined,
    confusedPairs: confusedPairs(predictions),
  };
}

/** What was taken for what: rows are actual classes, columns predicted ones. */
export function confusionMatrix({ classes, length, labels, predicted }: Predictions): number[][] {
  const rows = classes.map(() => new Array<number>(classes.length).fill(0));
  for (let i = 0; i < length; i++) rows[labels[i]][predicted[i]]++;
  return rows;
}

/** The commonest mistakes, most frequent first. */
function confusedPairs(predictions: Predictions): ConfusedPair[] {
  const { classes, length, labels, predicted } = predictions;
  const counts = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    if (predictions.isRight(i)) continue;
    const pair = labels[i] * classes.length + predicted[i];
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, many], [b, more]) => more - many || a - b)
    .map(([pair, count]) => ({
      actual: classes[Math.floor(pair / classes.length)],
      predicted: classes[pair % classes.length],
      count,
    }));
}

/** The classes that the model knows least, worst first: those of the data by F1. */
export function worstClasses(classes: readonly ClassResult[], count: number): ClassResult[] {
  return classes
    .filter(({ support }) => support > 0)
    .sort((a, b) => a.f1 - b.f1 || b.support - a.support)
    .slice(0, count);
}

/** Share of samples whose class is among the `k` largest outputs (ties count for the sample). */
function topShare({ classes, length, logits, labels }: Predictions, k: number): number {
  const width = classes.length;
  let right = 0;
  for (let i = 0; i < length; i++) {
    const own = logits[i * width + labels[i]];
    let above = 0;
    for (let c = i * width; c < (i + 1) * width; c++) if (logits[c] > own) above++;
    if (above < k) right++;
  }
  return length === 0 ? 0 : right / length;
}

/** Precision, recall and F1 of each class, zero where they are undefined (as in scikit-learn). */
function classResults(predictions: Predictions): ClassResult[] {
  const { classes, length, labels, predicted } = predictions;
  const [supports, taken, hits] = Array.from({ length: 3 }, () => new Int32Array(classes.length));
  for (let i = 0; i < length; i++) {
    supports[labels[i]]++;
    taken[predicted[i]]++;
    if (predictions.isRight(i)) hits[labels[i]]++;
  }
  return classes.map((name, c) => {
    const ratio = (total: number): number => (total === 0 ? 0 : hits[c] / total);
    const support = supports[c];
    return { name, support, precision: ratio(taken[c]), recall: ratio(support), f1: ratio((support + taken[c]) / 2) };
  });
}

function means(results: readonly ClassResult[], weight: (result: ClassResult) => number): ClassMeans {
  const total = results.reduce((sum, result) => sum + weight(result), 0);
  const mean = (key: keyof ClassMeans): number =>
    total === 0 ? 0 : results.reduce((sum, result) => sum + weight(result) * result[key], 0) / total;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}
