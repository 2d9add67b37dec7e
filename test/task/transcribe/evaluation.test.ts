/** What is worked out from strings that were read: by length, doubled symbols, writers, confidence, and the temperature that suits them. */
import { describe, expect, it } from "vitest";
import { bootstrapInterval, wilsonInterval } from "../../../src/metrics/intervals.ts";
import { editDistance, type ReadString, TranscribeEvaluation } from "../../../src/task/transcribe/evaluation.ts";
import { fitStringTemperature, type KnownString } from "../../../src/task/transcribe/temperature.ts";

function evaluation(strings: readonly Omit<ReadString, "index">[]): TranscribeEvaluation {
  return new TranscribeEvaluation({
    dataset: "lines",
    count: strings.length,
    loss: 0.5,
    metrics: {},
    isTrainingData: false,
    seconds: 1,
    strings: strings.map((read, index) => ({ ...read, index })),
  });
}

const read = (truth: string, text: string, probability: number, writer?: number): Omit<ReadString, "index"> => ({
  truth,
  text,
  probability,
  ...(writer !== undefined && { writer }),
});

describe("an evaluation of strings", () => {
  const some = evaluation([
    read("12", "12", 0.9),
    read("11", "1", 0.8),
    read("345", "345", 0.99),
    read("344", "344", 0.95),
    read("", "", 0.7),
  ]);

  it("tells lengths and doubled symbols apart", () => {
    expect(some.byLength.map(({ length, hits, total }) => [length, hits, total])).toEqual([
      [0, 1, 1],
      [2, 1, 2],
      [3, 2, 2],
    ]);
    expect(some.doubled?.with).toMatchObject({ hits: 1, total: 2, accuracy: 0.5 });
    expect(some.doubled?.without).toMatchObject({ hits: 3, total: 3, accuracy: 1 });
    expect(evaluation([read("12", "12", 1)]).doubled).toBeUndefined();
    expect(some.symbolErrorRate).toBeCloseTo(1 / 10, 12);
    expect(editDistance([..."40799932"], [..."4079932"])).toBe(1);
  });

  it("says how far it can be believed, and what leaving some out gains", () => {
    const gaps = [0.1, 0.8, 0.01, 0.05, 0.3];
    expect(some.calibration.expectedError).toBeLessThanOrEqual(gaps.reduce((sum, gap) => sum + gap, 0) / 5);
    expect(some.calibration.bins.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect(some.rejection.curve.at(-1)).toMatchObject({ coverage: 1, accuracy: 0.8, threshold: 0.7 });
    expect(some.rejection.reach[0]).toMatchObject({ accuracy: 0.99, coverage: 0.6, threshold: 0.9 });
    expect(some.worstErrors(3)).toEqual([{ index: 1, truth: "11", text: "1", probability: 0.8 }]);
  });

  it("takes intervals over writers where all are known", () => {
    expect(some.interval).toEqual(wilsonInterval(4, 5));
    expect(some.writers).toBe(0);
    // Of four writers one is never read: that one may be drawn often, or not at all.
    const strings = Array.from({ length: 400 }, (_, i) => read("1", i % 4 === 0 ? "7" : "1", 0.9, i % 4));
    const grouped = evaluation(strings);
    expect(grouped.writers).toBe(4);
    expect(grouped.interval.low).toBeLessThan(wilsonInterval(300, 400).low - 0.1);
    expect(grouped.interval.high).toBe(1);
    expect(evaluation([...strings, read("1", "1", 0.9)]).writers).toBe(0);
    expect(grouped.summary).toMatchObject({ interval: grouped.interval });
  });

  it("draws all measures anew by writers, where strings of one are right or wrong together", () => {
    const strings = (writers: boolean) =>
      evaluation(
        Array.from({ length: 400 }, (_, i) =>
          read("12", i % 8 === 0 ? "17" : "12", i % 8 === 0 ? 0.6 : 0.99, writers ? i % 8 : undefined),
        ),
      );
    const [alone, grouped] = [strings(false), strings(true)];
    const width = (interval?: { low: number; high: number }): number => (interval?.high ?? 0) - (interval?.low ?? 0);
    expect(alone.symbolErrorRate).toBe(1 / 16);
    for (const { low, high } of [alone.symbolErrorInterval, grouped.symbolErrorInterval]) {
      expect(low).toBeLessThan(1 / 16);
      expect(high).toBeGreaterThan(1 / 16);
    }
    expect(width(grouped.symbolErrorInterval)).toBeGreaterThan(2 * width(alone.symbolErrorInterval));
    expect(width(grouped.calibrationInterval)).toBeGreaterThan(width(alone.calibrationInterval));
    expect(alone.rejection.reach[0].coverage).toBe(7 / 8);
    expect(width(grouped.rejectionIntervals[0])).toBeGreaterThan(2 * width(alone.rejectionIntervals[0]));
    // One writer alone says nothing of others.
    const lone = evaluation([read("12", "12", 0.9, 0), read("12", "17", 0.6, 0), read("21", "21", 0.8, 0)]);
    expect(width(lone.symbolErrorInterval)).toBeGreaterThan(0);
    expect(grouped.toJSON()).toMatchObject({ calibration: { interval: grouped.calibrationInterval } });
    expect(grouped.text()).toMatch(/symbol error rate\s+6\.25 % \(95 % interval /);
  });

  it("is a table, and plain data without holes", () => {
    expect(some.text()).toMatch(/by length\s+0: 100\.00 %, 2: 50\.00 %, 3: 100\.00 %/);
    expect(some.text()).toMatch(/doubled symbols\s+50\.00 %, others 100\.00 %/);
    const plain = JSON.parse(JSON.stringify(some));
    expect(plain.byLength[1]).toMatchObject({ length: 2, hits: 1, total: 2 });
    expect(plain.calibration.expectedError).toBe(some.calibration.expectedError);
  });
});

describe("an interval over groups", () => {
  it("is narrow where all groups agree, and the same again", () => {
    const alike = Array.from({ length: 50 }, () => ({ hits: 9, total: 10 }));
    expect(bootstrapInterval(alike)).toEqual({ low: 0.9, high: 0.9 });
    const mixed = Array.from({ length: 50 }, (_, i) => ({ hits: i % 3 === 0 ? 0 : 10, total: 10 }));
    const interval = bootstrapInterval(mixed);
    expect(interval).toEqual(bootstrapInterval(mixed));
    // Two thirds, whose standard deviation over 50 groups is 0.067.
    expect(interval.low).toBeGreaterThan(0.66 - 3 * 0.067);
    expect(interval.low).toBeLessThan(0.66 - 0.067);
    expect(interval.high).toBeGreaterThan(0.66 + 0.067);
  });
});

describe("the temperature of strings", () => {
  /** Two frames, two classes and the blank; the first class is right in a share of them, and its logit says how sure the network is. */
  const strings = (logit: number, right: number): KnownString[] =>
    Array.from({ length: 400 }, (_, i) => ({
      scores: Float32Array.from([0, logit, 0, logit, 0, 0]),
      classes: 3,
      labels: [1],
      isRight: i < 400 * right,
    }));

  it("is above 1 for a network that is too sure, below it for one that is not sure enough", () => {
    expect(fitStringTemperature(strings(8, 0.8))).toBeGreaterThan(1.5);
    expect(fitStringTemperature(strings(2, 0.999))).toBeLessThan(0.9);
  });

  it("is not led by single strings that are labeled wrongly, and is none without strings", () => {
    const wrong = { scores: Float32Array.from([0, 30, 0, 30, 0, 0]), classes: 3, labels: [1], isRight: false };
    const [led, without] = [[...strings(3, 0.95), wrong], strings(3, 0.95)].map(fitStringTemperature) as number[];
    expect(led).toBeGreaterThanOrEqual(without);
    expect(led / without).toBeLessThan(1.25);
    expect(fitStringTemperature([])).toBeUndefined();
  });
});
