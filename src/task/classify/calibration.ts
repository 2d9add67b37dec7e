/**
 * Whether a classifier is as often right as it says: log loss, reliability (metrics/reliability.ts), and temperature scaling (C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017).
 */
import { type Reliability, reliability } from "../../metrics/reliability.ts";
import type { Predictions } from "./predictions.ts";

/** {@link Reliability} of a classifier, with its log loss. */
export interface Calibration extends Reliability {
  /** What the outputs were divided by; 1 leaves them as they are. */
  readonly temperature: number;
  /** Mean −ln of the probability of the true class. */
  readonly logLoss: number;
}

/**
 * Measures calibration, of the probabilities as they are or at a temperature that was fitted on OTHER samples
 * ({@link fitTemperature}).
 */
export function calibration(predictions: Predictions, temperature = 1): Calibration {
  const logLossThere = logLoss(predictions, temperature);
  return { temperature, logLoss: logLossThere, ...reliability(predictions.sureAnswers(temperature)) };
}

/** Mean −ln of the probability of the true class, from the outputs themselves: finite where the probability rounds to 0. */
export function logLoss(predictions: Predictions, temperature = 1): number {
  const losses = sampleLosses(predictions, temperature);
  return losses.length === 0 ? 0 : losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** −ln of the probability of the true class of each sample. */
export function sampleLosses(
  { length, classes, logits, labels, predicted }: Predictions,
  temperature = 1,
): Float64Array {
  const width = classes.length;
  return Float64Array.from({ length }, (_, i) => {
    const from = i * width;
    const top = logits[from + predicted[i]];
    let sum = 0;
    for (let c = from; c < from + width; c++) sum += Math.exp((logits[c] - top) / temperature);
    return Math.log(sum) + (top - logits[from + labels[i]]) / temperature;
  });
}

/** Temperatures are sought between 1/LIMIT and LIMIT; a model without any mistake would else want 0. */
const LIMIT = 20;
const STEPS = 100;
/**
 * What is known of a temperature before any sample is seen: its logarithm has this standard deviation. Two hundred samples
 * outweigh it; a handful that are all right, which would want the temperature 0, do not.
 */
export const TEMPERATURE_SPREAD = Math.LN2;

/**
 * The temperature that makes the log loss of these samples least. Fit it on validation samples and use it on others: on the
 * samples it was fitted on it says nothing. It does not change which class a model chooses.
 *
 * The log loss is convex in β = 1/temperature; Newton's method, kept within a shrinking bracket, finds its one minimum.
 * @param spread standard deviation of the temperature's logarithm around 0, as a prior; default: none, the samples alone say
 */
export function fitTemperature(predictions: Predictions, spread = Number.POSITIVE_INFINITY): number {
  const doubt = 1 / (spread ** 2 * predictions.length);
  let [low, high] = [1 / LIMIT, LIMIT];
  let beta = 1;
  for (let step = 0; step < STEPS; step++) {
    const loss = derivatives(predictions, beta);
    // Those of the prior, (ln β)² / 2 · doubt.
    const slope = loss.slope + (doubt * Math.log(beta)) / beta;
    const curvature = loss.curvature + (doubt * (1 - Math.log(beta))) / beta ** 2;
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - beta) <= 1e-10 * beta) break;
    beta = next;
  }
  return 1 / beta;
}

/** Of the mean log loss by β: E[z] − z_label, and the variance of z, where z is drawn with the model's probabilities. */
function derivatives(predictions: Predictions, beta: number): { slope: number; curvature: number } {
  const { length, classes, logits, labels } = predictions;
  const width = classes.length;
  const probabilities = new Float64Array(width);
  let slope = 0;
  let curvature = 0;
  for (let i = 0; i < length; i++) {
    const from = i * width;
    predictions.probabilitiesOf(i, 1 / beta, probabilities);
    let mean = 0;
    let squares = 0;
    for (let c = 0; c < width; c++) {
      const logit = logits[from + c];
      mean += probabilities[c] * logit;
      squares += probabilities[c] * logit * logit;
    }
    slope += mean - logits[from + labels[i]];
    curvature += squares - mean * mean;
  }
  return { slope: slope / length, curvature: curvature / length };
}
