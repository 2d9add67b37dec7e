/** The results of one pass over a data set, and how they look in a terminal. */

import { summarizeOverlap } from "../../data/overlap.ts";
import { type Interval, wilsonInterval } from "../../metrics/intervals.ts";
import { type Rejection, rejection } from "../../metrics/rejection.ts";
import { AnyEvaluation, type EvaluationFields } from "../evaluation.ts";
import type { Style } from "../text.ts";
import { type Calibration, calibration, fitTemperature, TEMPERATURE_SPREAD } from "./calibration.ts";
import { type Classification, classify } from "./classification.ts";
import { type JudgedSample, suspectedLabels, worstErrors } from "./errors.ts";
import type { NoveltyRecord } from "./novelty.ts";
import type { Predictions } from "./predictions.ts";
import { formatEvaluation } from "./text.ts";

/** What {@link Evaluation} is made of. */
export interface ClassifiedFields extends EvaluationFields {
  readonly predictions?: Predictions | undefined;
  /** 1 for each sample that is none of the classes by the model's novelty score; undefined where it has none. */
  readonly strange?: Uint8Array | undefined;
  /** What the score reached on samples apart when it was fitted. */
  readonly novelty?: Pick<NoveltyRecord, "share" | "strangers"> | undefined;
}

/** What a novelty score makes of samples that show the model's classes: whatever it refuses is refused wrongly. */
export interface Refused {
  /** Samples that are none of the classes, as the model says. */
  readonly count: number;
  readonly rate: number;
  readonly interval: Interval;
  /** How many samples the model has wrong, and how many of these are refused, which is no loss; undefined for data without classes. */
  readonly wrong: number | undefined;
  readonly wrongRefused: number | undefined;
  /** The rate that the score was fitted to, on other samples. */
  readonly expected: number | undefined;
  /** The share that is refused of drawings of no class, which the score was not fitted to: what is not refused is missed. */
  readonly strangers: number | undefined;
}

/** A share of some samples, with its 95 % interval. */
export interface CountedShare {
  readonly count: number;
  readonly hits: number;
  readonly accuracy: number;
  readonly interval: Interval;
}

/** Samples that a plain object lists; the rest is counted. */
const LISTED = 20;
/** Pairs of classes that were confused. */
const PAIRS = 100;

/** Results of a classifier on one data set; `console.log` and `String` show them as a table, `JSON.stringify` as plain data. */
export class Evaluation extends AnyEvaluation {
  /** Every output; only for data with classes. All that follows is worked out from it when it is asked for. */
  readonly predictions: Predictions | undefined;
  readonly #strange: Uint8Array | undefined;
  readonly #novelty: ClassifiedFields["novelty"];
  #classification: Classification | undefined;

  constructor({ predictions, strange, novelty, ...fields }: ClassifiedFields) {
    super(fields);
    this.predictions = predictions;
    this.#strange = strange;
    this.#novelty = novelty;
  }

  /** Accuracy, precision, recall, F1, confusion matrix; undefined for data without classes. */
  get classification(): Classification | undefined {
    this.#classification ??= this.predictions && classify(this.predictions);
    return this.#classification;
  }

  /**
   * Share of all samples recognized; undefined for data without classes. Where the model was trained on some of them this is
   * no measure of it: see {@link accuracyOnNew}.
   */
  get accuracy(): number | undefined {
    return this.classification?.accuracy;
  }

  /** Share recognized of the samples that the model was trained on; undefined where it is known of none. */
  get trainingAccuracy(): number | undefined {
    return this.isTrainingData ? this.accuracy : this.#countMarked(1)?.accuracy;
  }

  /**
   * How good the model is: the accuracy over the samples that it was not trained on, as far as that is known, which are all
   * where none was found among those trained on; undefined where all were.
   */
  get accuracyOnNew(): CountedShare | undefined {
    const { classification, predictions, isTrainingData, trainedOn, count } = this;
    if (classification === undefined || predictions === undefined || isTrainingData) return undefined;
    if (trainedOn !== undefined && trainedOn.trained > 0) return this.#countMarked(0);
    const { accuracy, interval } = classification;
    return { count, hits: predictions.hits, accuracy, interval };
  }

  #countMarked(wanted: number): CountedShare | undefined {
    const { predictions, trainedOn, isTrainingData } = this;
    if (predictions === undefined || trainedOn === undefined || isTrainingData) return undefined;
    let count = 0;
    let hits = 0;
    trainedOn.marks.forEach((mark, index) => {
      if (mark !== wanted) return;
      count++;
      if (predictions.isRight(index)) hits++;
    });
    return count === 0 ? undefined : { count, hits, accuracy: hits / count, interval: wilsonInterval(hits, count) };
  }

  /** The accuracy over the samples that have no exact or near twin among those trained on; undefined where there are none, or all are such. */
  get accuracyWithoutOverlap(): number | undefined {
    const { predictions, overlap, count } = this;
    if (predictions === undefined || overlap === undefined || overlap.duplicates.length === 0) return undefined;
    const left = count - overlap.duplicates.length;
    const lost = overlap.duplicates.filter(({ index }) => predictions.isRight(index)).length;
    return left === 0 ? undefined : (predictions.hits - lost) / left;
  }

  /** What the model's probabilities were divided by; undefined where none was fitted, which counts as 1. */
  get temperature(): number | undefined {
    return this.predictions?.temperature;
  }

  /** How far the softmax of the outputs alone could be believed, without a temperature. */
  get calibration(): Calibration | undefined {
    return this.predictions && calibration(this.predictions);
  }

  /** How far the probabilities that the model answers can be believed: at the temperature that was fitted on other samples. */
  get scaledCalibration(): Calibration | undefined {
    const { predictions, temperature } = this;
    return predictions && temperature !== undefined ? calibration(predictions, temperature) : undefined;
  }

  /** Accuracy against coverage. */
  get rejection(): Rejection | undefined {
    return this.predictions && rejection(this.predictions.sureAnswers());
  }

  /** How many samples are refused as none of the classes; undefined where the model has no novelty score. */
  get refused(): Refused | undefined {
    const { predictions, count: all } = this;
    const strange = this.#strange;
    if (strange === undefined || all === 0) return undefined;
    const count = strange.reduce((sum, mark) => sum + mark, 0);
    const wrongRefused = predictions && strange.reduce((sum, mark, i) => sum + (predictions.isRight(i) ? 0 : mark), 0);
    return {
      count,
      rate: count / all,
      interval: wilsonInterval(count, all),
      wrong: predictions && all - predictions.hits,
      wrongRefused,
      expected: this.#novelty?.share,
      strangers: this.#novelty?.strangers,
    };
  }

  /** The mistakes that the model is surest of, the worst first; none for data without classes. */
  worstErrors(count: number): readonly JudgedSample[] {
    return this.predictions === undefined ? [] : worstErrors(this.predictions, count);
  }

  override measure(name: string): number | undefined {
    return name === "accuracy" ? this.accuracyOnNew?.accuracy : super.measure(name);
  }

  override get summary(): Readonly<Record<string, unknown>> {
    const { count, loss, accuracyOnNew, classification } = this;
    const { accuracy, interval } = accuracyOnNew ?? {};
    return { samples: count, loss, accuracy, interval, macroF1: classification?.macro.f1 };
  }

  text(style?: Style): string {
    return formatEvaluation(this, style);
  }

  /** Plain data, with everything about classes beside the rest. */
  toJSON(): Record<string, unknown> {
    const { dataset, count, loss, classification, metrics, isTrainingData, predictions, seconds } = this;
    const { overlap, accuracyWithoutOverlap, accuracyOnNew, trainingAccuracy, trainedOn, temperature = null } = this;
    const { topK, classes, macro, weighted, confusion, confusedPairs } = classification ?? {};
    // Never "accuracy" of what was trained on: that word is kept for samples that the model has not seen.
    const share = { accuracy: accuracyOnNew?.accuracy, interval: accuracyOnNew?.interval, trainingAccuracy };
    const suspects = predictions && suspectedLabels(predictions);
    return {
      dataset,
      count,
      loss,
      ...share,
      topK,
      classes,
      macro,
      weighted,
      confusion,
      confusedPairs: confusedPairs?.slice(0, PAIRS),
      metrics,
      isTrainingData,
      trainedOn: trainedOn && { trained: trainedOn.trained, checked: trainedOn.checked },
      overlap: overlap && summarizeOverlap(overlap),
      accuracyWithoutOverlap,
      temperature,
      calibration: this.calibration,
      scaledCalibration: this.scaledCalibration,
      rejection: this.rejection,
      refused: this.refused,
      worstErrors: predictions && this.worstErrors(LISTED),
      suspectedLabels: suspects && { count: suspects.length, first: suspects.slice(0, LISTED) },
      seconds,
    };
  }

  fitTemperature(): number | undefined {
    return this.predictions && fitTemperature(this.predictions, TEMPERATURE_SPREAD);
  }
}
