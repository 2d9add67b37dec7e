/**
 * Which samples are worth looking at: the worst errors, and labels that are probably wrong themselves (confident learning:
 * C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021).
 */
import { sampleLosses } from "./calibration.ts";
import type { Predictions } from "./predictions.ts";

/** A sample and what the model thinks of it. */
export interface JudgedSample {
  /** In the data set. */
  readonly index: number;
  readonly label: string;
  readonly predicted: string;
  /** Probability that the model gives to the label, and to what it predicts. */
  readonly labelProbability: number;
  readonly confidence: number;
}

/** The mistakes that the model is surest of: those with the largest loss first. */
export function worstErrors(predictions: Predictions, count: number): JudgedSample[] {
  const losses = sampleLosses(predictions);
  return Array.from(losses.keys())
    .filter((i) => !predictions.isRight(i))
    .sort((a, b) => losses[b] - losses[a] || a - b)
    .slice(0, count)
    .map((i) => judged(predictions, i, predictions.predicted[i]));
}

/**
 * Samples whose label is probably wrong, the most doubtful first. A class's threshold is the mean probability that it gets on
 * the samples that bear its label; a sample that is over the threshold of another class, and surest of that one, lies off the
 * diagonal of the confident joint (equations 1 and 2) and is suspected. The probabilities must come from a model that has not
 * been trained on these samples.
 */
export function suspectedLabels(predictions: Predictions): JudgedSample[] {
  const { length, classes, labels } = predictions;
  const width = classes.length;
  const thresholds = meanOwnProbability(predictions);
  const probabilities = new Float64Array(width);
  const suspects: { readonly index: number; readonly guess: number; readonly margin: number }[] = [];
  for (let i = 0; i < length; i++) {
    predictions.probabilitiesOf(i, undefined, probabilities);
    let guess = -1;
    for (let c = 0; c < width; c++) {
      const probability = probabilities[c];
      if (probability >= thresholds[c] && (guess < 0 || probability > probabilities[guess])) guess = c;
    }
    if (guess < 0 || guess === labels[i]) continue;
    const margin = probabilities[labels[i]] - probabilities[guess];
    suspects.push({ index: i, guess, margin });
  }
  suspects.sort((a, b) => a.margin - b.margin || a.index - b.index);
  return suspects.map(({ index, guess }) => judged(predictions, index, guess));
}

/** Mean probability of each class over the samples labeled so; above 1, out of reach, for a class without any. */
function meanOwnProbability(predictions: Predictions): Float64Array {
  const { length, classes, labels } = predictions;
  const probabilities = new Float64Array(classes.length);
  const sums = new Float64Array(classes.length);
  const counts = new Int32Array(classes.length);
  for (let i = 0; i < length; i++) {
    sums[labels[i]] += predictions.probabilitiesOf(i, undefined, probabilities)[labels[i]];
    counts[labels[i]]++;
  }
  return sums.map((sum, c) => (counts[c] === 0 ? 2 : sum / counts[c]));
}

function judged(predictions: Predictions, i: number, guess: number): JudgedSample {
  const { classes, labels } = predictions;
  const probabilities = predictions.probabilitiesOf(i);
  return {
    index: i,
    label: classes[labels[i]],
    predicted: classes[guess],
    labelProbability: probabilities[labels[i]],
    confidence: probabilities[guess],
  };
}
