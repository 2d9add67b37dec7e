/** Statistics against scikit-learn, SciPy and statsmodels (golden/make.py), and against what they must do. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pairedDifferenceInterval, wilsonInterval } from "../../src/metrics/intervals.ts";
import { rejection } from "../../src/metrics/rejection.ts";
import { calibration, fitTemperature, logLoss } from "../../src/task/classify/calibration.ts";
import { classify, worstClasses } from "../../src/task/classify/classification.ts";
import { suspectedLabels, worstErrors } from "../../src/task/classify/errors.ts";
import { Evaluation } from "../../src/task/classify/evaluation.ts";
import { comparePaired, mcnemar } from "../../src/task/classify/mcnemar.ts";
import { Predictions } from "../../src/task/classify/predictions.ts";
import { formatEvaluation } from "../../src/task/classify/text.ts";

interface Stored {
  readonly logits: readonly number[];
  readonly labels: readonly number[];
}

type Means = Readonly<Record<"precision" | "recall" | "f1", number>>;
interface Golden {
  readonly classes: number;
  readonly predictions: Stored;
  readonly validation: Stored;
  readonly classification: {
    readonly accuracy: number;
    readonly confusion: readonly (readonly number[])[];
    readonly topK: Readonly<Record<number, number>>;
    readonly macro: Means;
    readonly weighted: Means;
  } & Readonly<Record<"precision" | "recall" | "f1" | "support", readonly number[]>>;
  readonly calibration: readonly Readonly<
    Record<"temperature" | "logLoss" | "expectedError" | "largestError", number>
  >[];
  readonly suspects: readonly number[];
  readonly rejectionArea: number;
  readonly wilson: readonly { readonly hits: number; readonly total: number; readonly interval: readonly number[] }[];
  readonly mcnemar: readonly { readonly counts: readonly [number, number]; readonly pValue: number }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("golden/metrics.json", import.meta.url), "utf8"));
const names = Array.from({ length: golden.classes }, (_, i) => `class ${i}`);
const restore = ({ logits, labels }: Stored): Predictions =>
  new Predictions({ classes: names, temperature: undefined }, Float32Array.from(logits), Int32Array.from(labels));
const predictions = restore(golden.predictions);
const validation = restore(golden.validation);

/** Outputs, one row per sample, with the classes a, b, c … */
function make(rows: readonly (readonly number[])[], labels: readonly number[]): Predictions {
  const classes = Array.from({ length: rows[0].length }, (_, i) => String.fromCharCode(97 + i));
  return new Predictions({ classes, temperature: undefined }, Float32Array.from(rows.flat()), Int32Array.from(labels));
}

/** A model of ten thousand classes that takes every tenth sample for the class after its own. */
function manyClasses(): Predictions {
  const [count, width] = [200, 10_000];
  const logits = new Float32Array(count * width);
  const labels = Int32Array.from({ length: count }, (_, i) => (i * 37) % width);
  for (const [i, label] of labels.entries()) logits[i * width + ((label + (i % 10 === 0 ? 1 : 0)) % width)] = 20;
  const classes = Array.from({ length: width }, (_, c) => `class ${c}`);
  return new Predictions({ classes, temperature: undefined }, logits, labels);
}

describe("ten thousand classes", () => {
  it("have pairs instead of a matrix, and a table that is cut to the worst", () => {
    const predictions = manyClasses();
    const result = classify(predictions);
    expect(result.accuracy).toBeCloseTo(0.9, 12);
    expect(result.confusion).toBeUndefined();
    expect(result.confusedPairs).toHaveLength(20);
    expect(result.confusedPairs[0]).toEqual({ actual: "class 0", predicted: "class 1", count: 1 });
    expect(worstClasses(result.classes, 20).every(({ f1, support }) => f1 === 0 && support === 1)).toBe(true);
    const fields = { dataset: "many", count: 200, loss: 1, metrics: {}, predictions, seconds: 1 };
    const evaluation = new Evaluation({ ...fields, isTrainingData: false });
    expect(JSON.stringify(evaluation).length).toBeLessThan(2e6);
    const text = formatEvaluation(evaluation);
    expect(text.split("\n").length).toBeLessThan(40);
    expect(text).toContain("(the 20 worst of 10,000 classes; --json has all)");
  });
});

describe("classification", () => {
  const result = classify(predictions);

  it("agrees with scikit-learn", () => {
    const { accuracy, precision, recall, f1, support, macro, weighted, confusion, topK } = golden.classification;
    expect(result.accuracy).toBeCloseTo(accuracy, 12);
    expect(result.confusion).toEqual(confusion);
    for (const [c, found] of result.classes.entries()) {
      expect(found).toMatchObject({ name: names[c], support: support[c] });
      expect([found.precision, found.recall, found.f1]).toEqual(
        [precision[c], recall[c], f1[c]].map((value) => expect.closeTo(value, 12)),
      );
    }
    for (const key of ["precision", "recall", "f1"] as const) {
      expect(result.macro[key]).toBeCloseTo(macro[key], 12);
      expect(result.weighted[key]).toBeCloseTo(weighted[key], 12);
    }
    expect(result.topK).toEqual({ 2: expect.closeTo(topK[2], 12), 3: expect.closeTo(topK[3], 12) });
  });

  it("lists the commonest mistakes first", () => {
    const pairs = result.confusedPairs;
    const counts = pairs.map(({ count }) => count);
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(predictions.length - predictions.hits);
  });

  it("gives zeros, not NaN, for a class without samples", () => {
    const { classes, macro } = classify(make([[2, 1, 0]], [0]));
    expect(classes[2]).toEqual({ name: "c", support: 0, precision: 0, recall: 0, f1: 0 });
    expect(macro).toEqual({ precision: 1, recall: 1, f1: 1 });
  });
});

describe("intervals", () => {
  it.each(golden.wilson)("Wilson's for $hits of $total as in statsmodels", ({ hits, total, interval }) => {
    const { low, high } = wilsonInterval(hits, total);
    expect([low, high]).toEqual(interval.map((end: number) => expect.closeTo(end, 12)));
  });

  it("of a paired difference holds the difference and mirrors when the two are exchanged", () => {
    const [there, back] = [pairedDifferenceInterval(30, 12, 1000), pairedDifferenceInterval(12, 30, 1000)];
    expect(there.low).toBeLessThan(0.018);
    expect(there.high).toBeGreaterThan(0.018);
    expect(there.low).toBeCloseTo(-back.high, 15);
  });
});

describe("calibration", () => {
  it("agrees with scikit-learn's log loss and the definition of ECE, at any temperature", () => {
    for (const expected of golden.calibration) {
      const found = calibration(predictions, expected.temperature);
      for (const key of ["logLoss", "expectedError", "largestError"] as const) {
        expect(found[key]).toBeCloseTo(expected[key], 6);
      }
      expect(found.bins.reduce((sum, { count }) => sum + count, 0)).toBe(predictions.length);
    }
  });

  it("finds SciPy's temperature", () => {
    expect(fitTemperature(validation)).toBeCloseTo(golden.calibration[1].temperature, 5);
  });

  it("finds the least log loss, whatever the outputs", () => {
    const row = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 3, maxLength: 3 });
    const samples = fc.array(fc.tuple(row, fc.nat(2)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(samples, (list) => {
        const some = make(
          list.map(([outputs]) => outputs),
          list.map(([, label]) => label),
        );
        const best = fitTemperature(some);
        expect(best).toBeGreaterThanOrEqual(1 / 20 - 1e-9);
        expect(best).toBeLessThanOrEqual(20 + 1e-9);
        const least = logLoss(some, best);
        for (const other of [0.05, 0.3, 1, 3, 20]) expect(least).toBeLessThanOrEqual(logLoss(some, other) + 1e-7);
      }),
    );
  });

  it("is finite where probabilities round to 0", () => {
    expect(logLoss(make([[2000, 0]], [1]))).toBe(2000);
    expect(calibration(make([[2000, 0]], [1])).expectedError).toBe(1);
  });
});

describe("rejection", () => {
  it("agrees with the definition of the area", () => {
    expect(rejection(predictions.sureAnswers()).area).toBeCloseTo(golden.rejectionArea, 7);
  });

  it("answers equally sure samples together, and ends with the accuracy of all", () => {
    const { curve, reach } = rejection(
      make(
        [
          [5, 0],
          [1, 0],
          [1, 0],
          [0, 0.5],
        ],
        [0, 0, 1, 1],
      ).sureAnswers(),
    );
    expect(curve.map(({ coverage, accuracy }) => [coverage, accuracy])).toEqual([
      [0.25, 1],
      [0.75, 2 / 3],
      [1, 0.75],
    ]);
    expect(reach.map(({ coverage }) => coverage)).toEqual([0.25, 0.25, 0.25]);
  });
});

describe("samples to look at", () => {
  it("suspects the labels that confident learning does, most doubtful first", () => {
    const found = suspectedLabels(predictions);
    expect(found.map(({ index }) => index).sort((a, b) => a - b)).toEqual(golden.suspects);
    const margins = found.map(({ labelProbability, confidence }) => labelProbability - confidence);
    expect(margins).toEqual([...margins].sort((a, b) => a - b));
  });

  it("lists the errors that the model is surest of", () => {
    const found = worstErrors(
      make(
        [
          [9, 0],
          [0, 3],
          [1, 0],
          [0, 5],
        ],
        [1, 0, 0, 0],
      ),
      2,
    );
    expect(found.map(({ index, label, predicted }) => [index, label, predicted])).toEqual([
      [0, "b", "a"],
      [3, "a", "b"],
    ]);
  });
});

describe("McNemar's test", () => {
  it.each(golden.mcnemar)("of $counts as in statsmodels", ({ counts: [b, c], pValue }) => {
    expect(mcnemar(b, c)).toBeCloseTo(pValue, 9);
  });

  it("counts what each model has right on the same samples", () => {
    const first = make(
      [
        [1, 0],
        [1, 0],
        [0, 1],
        [0, 1],
      ],
      [0, 0, 1, 0],
    );
    const second = make(
      [
        [0, 1],
        [1, 0],
        [1, 0],
        [1, 0],
      ],
      [0, 0, 1, 0],
    );
    expect(comparePaired(first, second)).toMatchObject({ bothRight: 1, bothWrong: 0, onlyFirst: 2, onlySecond: 1 });
  });

  it("refuses to compare results on different samples", () => {
    const one = make([[1, 0]], [0]);
    expect(() =>
      comparePaired(
        one,
        make(
          [
            [1, 0],
            [1, 0],
          ],
          [0, 0],
        ),
      ),
    ).toThrow(/1 and 2 samples cannot be compared/);
    expect(() => comparePaired(one, make([[1, 0]], [1]))).toThrow(/sample 0 is labeled differently/);
  });
});
