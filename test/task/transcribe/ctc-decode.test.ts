/** Decoding of CTC frames against sums over all paths, one by one. */
import { describe, expect, it } from "vitest";
import { allowedProbability, beamDecode, type Decoded, greedyDecode } from "../../../src/task/transcribe/ctc-decode.ts";
import { type Automaton, ofLength, oneOf } from "../../../src/task/transcribe/fields/automaton.ts";
import { allStrings, logs, randomFrames } from "./ctc-paths.ts";

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

describe("with what may stand there", () => {
  // Strings over two or three classes: of two labels, or in a list, or whose labels add up to an even number.
  const cases: [string, Automaton, (labels: readonly number[]) => boolean][] = [
    ["of two", ofLength(2, 2), ({ length }) => length === 2],
    ["of one to three", ofLength(1, 3), ({ length }) => length >= 1 && length <= 3],
    ["in a list", oneOf([[0, 0], [1], [1, 0, 1], []]), (labels) => ["1,1", "2", "2,1,2", ""].includes(labels.join())],
    [
      "with an even sum",
      { next: (state, symbol) => (state + symbol) % 2, remaining: (state) => state },
      (labels) => labels.reduce((sum, label) => sum + label - 1, 0) % 2 === 0,
    ],
  ];
  it.each(cases)("the beam finds the strings %s, and their share of all paths is right", (_, allowed, isAllowed) => {
    for (const [seed, T, C] of [
      [1, 6, 3],
      [2, 5, 4],
      [3, 2, 3],
    ]) {
      const frames = randomFrames(seed, T, C);
      const want = allStrings(frames, 0).filter(({ labels }) => isAllowed(labels));
      expectSame(beamDecode({ scores: logs(frames), classes: C }, { allowed, width: 1000, best: 1000 }), want);
      const share = want.reduce((sum, { probability }) => sum + probability, 0);
      expect(allowedProbability({ scores: logs(frames), classes: C }, allowed)).toBeCloseTo(share, 10);
    }
  });

  it("the blank may be any class", () => {
    const frames = randomFrames(4, 5, 4);
    const allowed = oneOf([[0, 2], [1]]);
    const want = allStrings(frames, 1).filter(({ labels }) => ["0,3", "2"].includes(labels.join()));
    expectSame(beamDecode({ scores: logs(frames), classes: 4, blank: 1 }, { allowed, best: 9 }), want);
  });

  it("finds one that is far behind others, with a narrow beam", () => {
    // Twelve frames that nearly all say 1 2 1 2 …; only 1 × 12 labels with a sum divisible by 7 are allowed.
    const path = [1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0];
    const frames = path.map((c) => [0, 1, 2, 3].map((k) => (k === c ? 0.97 : 0.01)));
    const sumOf7: Automaton = {
      next: (state, symbol) => (state + symbol + 1) % 7,
      remaining: (state) => (state ? 1 : 0),
    };
    const [found] = beamDecode({ scores: logs(frames), classes: 4 }, { allowed: sumOf7, width: 4 });
    expect(found.labels.reduce((a, b) => a + b, 0) % 7).toBe(0);
    const sample = { scores: logs(frames), classes: 4 };
    const wide = beamDecode(sample, { allowed: sumOf7, width: 10_000 });
    expect(found.labels).toEqual(wide[0].labels);
  });

  it("gives none where none fits into the frames", () => {
    const frames = randomFrames(5, 3, 3);
    const sample = { scores: logs(frames), classes: 3 };
    expect(beamDecode(sample, { allowed: ofLength(4, 9) })).toEqual([]);
    expect(beamDecode(sample, { allowed: oneOf([[0, 0, 0]]) })).toEqual([]);
    expect(allowedProbability(sample, ofLength(4, 9))).toBe(0);
    expect(beamDecode({ scores: [], classes: 3 }, { allowed: ofLength(1, 1) })).toEqual([]);
    expect(allowedProbability({ scores: [], classes: 3 }, ofLength(0, 1))).toBe(1);
  });
});

it("refuses scores that are no whole number of frames, and a blank that is no class", () => {
  expect(() => greedyDecode({ scores: [1, 2, 3], classes: 2 })).toThrow("3 scores are no whole number of frames");
  expect(() => beamDecode({ scores: [1, 2], classes: 2, blank: 2 })).toThrow("blank is 2 but the classes are 0 … 1");
});
