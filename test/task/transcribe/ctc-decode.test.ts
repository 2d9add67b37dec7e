/** Decoding of CTC frames against sums over all paths, one by one. */
import { describe, expect, it } from "vitest";
import { beamDecode, type Decoded, greedyDecode } from "../../../src/task/transcribe/ctc-decode.ts";
import { uniformNoise } from "../../helpers/noise.ts";

/** What a path says. */
function said(path: readonly number[], blank: number): number[] {
  return path.filter((c, t) => c !== path[t - 1]).filter((c) => c !== blank);
}

/** All strings with their probabilities, the most probable first, from probabilities by frame. */
function allStrings(frames: readonly (readonly number[])[], blank: number): Decoded[] {
  const found = new Map<string, { labels: number[]; probability: number }>();
  const visit = (path: readonly number[], probability: number): void => {
    if (path.length === frames.length) {
      const labels = said(path, blank);
      const known = found.get(labels.join()) ?? { labels, probability: 0 };
      known.probability += probability;
      found.set(labels.join(), known);
      return;
    }
    for (const [c, p] of frames[path.length].entries()) visit([...path, c], probability * p);
  };
  visit([], 1);
  return [...found.values()].sort((a, b) => b.probability - a.probability);
}

const logs = (frames: readonly (readonly number[])[]): number[] => frames.flat().map(Math.log);

/** Rows of probabilities. */
function randomFrames(seed: number, count: number, classes: number): number[][] {
  const noise = uniformNoise(seed, count * classes, -2, 2);
  return Array.from({ length: count }, (_, t) => {
    const row = [...noise.subarray(t * classes, (t + 1) * classes)].map(Math.exp);
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((value) => value / sum);
  });
}

function expectSame(got: readonly Decoded[], want: readonly Decoded[]): void {
  expect(got.map(({ labels }) => labels)).toEqual(want.map(({ labels }) => labels));
  got.forEach(({ probability }, i) => {
    expect(probability).toBeCloseTo(want[i].probability, 10);
  });
}

const BLANK_OR_A = [
  [0.6, 0.4],
  [0.6, 0.4],
];

describe("the best path", () => {
  it("joins repeats before it drops blanks", () => {
    const sure = (path: readonly number[]): number[] => path.flatMap((c) => [0, 1, 2].map((k) => (k === c ? 9 : 0)));
    const read = (...path: number[]): readonly number[] => greedyDecode({ scores: sure(path), classes: 3 }).labels;
    expect(read(1, 1, 0, 1, 2, 2, 0)).toEqual([1, 1, 2]);
    expect(read(0, 0, 0)).toEqual([]);
    expect(read(2, 1, 1, 2)).toEqual([2, 1, 2]);
  });

  it("is not the best string", () => {
    const { labels, probability } = greedyDecode({ scores: logs(BLANK_OR_A), classes: 2 });
    expect(labels).toEqual([]);
    expect(probability).toBeCloseTo(0.36, 12);
  });

  it("takes logits, another blank, and no more frames than count", () => {
    const scores = [5, 1, 2, 3, 3, 9, 8, 0, 0, 7, 0, 0].map((score) => score + 50);
    expect(greedyDecode({ scores, classes: 3, blank: 2, frames: 3 }).labels).toEqual([0, 0]);
    expect(greedyDecode({ scores, classes: 3, blank: 2 }).labels).toEqual([0, 0]);
    expect(greedyDecode({ scores, classes: 3, blank: 2, frames: 0 })).toEqual({ labels: [], probability: 1 });
  });
});

describe("the beam", () => {
  it("adds up the paths of a string", () => {
    expectSame(beamDecode({ scores: logs(BLANK_OR_A), classes: 2 }, { best: 9 }), [
      { labels: [1], probability: 0.64 },
      { labels: [], probability: 0.36 },
    ]);
  });

  it.each([
    [1, 5, 3, 0],
    [2, 5, 4, 0],
    [3, 6, 3, 2],
    [4, 4, 5, 1],
    [5, 7, 2, 0],
  ])(
    "finds every string with its probability when it is wide (seed %i: %i frames of %i classes)",
    (seed, T, C, blank) => {
      const frames = randomFrames(seed, T, C);
      const all = allStrings(frames, blank);
      const found = beamDecode({ scores: logs(frames), classes: C, blank }, { width: 10_000, best: 10_000 });
      expectSame(found, all);
    },
  );

  it("gives what it finds its whole probability when it is narrow", () => {
    const frames = randomFrames(6, 6, 4);
    const all = new Map(allStrings(frames, 0).map(({ labels, probability }) => [labels.join(), probability]));
    for (const width of [1, 2, 5]) {
      const found = beamDecode({ scores: logs(frames), classes: 4 }, { width, best: 5 });
      expect(found.length).toBe(width);
      for (const { labels, probability } of found) expect(probability).toBeCloseTo(all.get(labels.join()) ?? 0, 10);
    }
  });

  it("goes without classes that are impossible", () => {
    const scores = [0, 1, -Infinity, 0, 1, -Infinity];
    for (const { labels } of beamDecode({ scores, classes: 3 }, { best: 99 })) expect(labels).not.toContain(2);
  });
});

it("refuses scores that are no whole number of frames, and a blank that is no class", () => {
  expect(() => greedyDecode({ scores: [1, 2, 3], classes: 2 })).toThrow("3 scores are no whole number of frames");
  expect(() => beamDecode({ scores: [1, 2], classes: 2, blank: 2 })).toThrow("blank is 2 but the classes are 0 … 1");
});
