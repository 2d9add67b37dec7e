/** Where characters stand, against all paths one by one. */
import { expect, it } from "vitest";
import { alignLabels } from "../../../src/task/transcribe/ctc-align.ts";
import { oneOf } from "../../../src/task/transcribe/fields/automaton.ts";
import { allPaths, allStrings, logs, randomFrames, said } from "./ctc-paths.ts";

/** First and last frame of each label of a path. */
function spansOf(path: readonly number[], blank: number): [number, number][] {
  const spans: [number, number][] = [];
  path.forEach((c, t) => {
    if (c === blank) return;
    if (c === path[t - 1]) spans[spans.length - 1][1] = t + 1;
    else spans.push([t, t + 1]);
  });
  return spans;
}

it.each([
  [1, 5, 3, 0],
  [2, 6, 3, 2],
  [3, 4, 4, 1],
])("follows the most probable path of a string (seed %i: %i frames of %i classes, blank %i)", (seed, T, C, blank) => {
  const frames = randomFrames(seed, T, C);
  const sample = { scores: logs(frames), classes: C, blank };
  const strings = allStrings(frames, blank);
  const probabilityOf = new Map(strings.map(({ labels, probability }) => [labels.join(), probability]));
  for (const { labels, probability } of strings) {
    const paths = allPaths(frames).filter(({ path }) => said(path, blank).join() === labels.join());
    const best = paths.reduce((a, b) => (b.probability > a.probability ? b : a));
    const aligned = alignLabels(sample, labels);
    expect(aligned.map(({ start, end }) => [start, end])).toEqual(spansOf(best.path, blank));
    aligned.forEach((found, i) => {
      const others = [...Array(C).keys()].filter((c) => c !== blank && c !== labels[i]).map((c) => labels.with(i, c));
      const all = [labels, labels.toSpliced(i, 1), ...others];
      const sum = all.reduce((total, string) => total + (probabilityOf.get(string.join()) ?? 0), 0);
      expect(found.label).toBe(labels[i]);
      expect(found.probability).toBeCloseTo(probability / sum, 9);
    });
  }
});

it("counts as another character only what may stand there", () => {
  const frames = randomFrames(4, 6, 4);
  const sample = { scores: logs(frames), classes: 4 };
  const [first, second] = alignLabels(sample, [1, 2], {
    allowed: oneOf([
      [0, 1],
      [0, 2],
    ]),
  });
  expect(first.probability).toBe(1);
  const own = allStrings(frames, 0).find(({ labels }) => labels.join() === "1,2")?.probability ?? 0;
  const other = allStrings(frames, 0).find(({ labels }) => labels.join() === "1,3")?.probability ?? 0;
  expect(second.probability).toBeCloseTo(own / (own + other), 9);
});

it("has nothing to say of strings that the frames cannot hold", () => {
  const sample = { scores: logs(randomFrames(5, 2, 3)), classes: 3 };
  expect(alignLabels(sample, [1, 1])).toEqual([]);
  expect(alignLabels(sample, [])).toEqual([]);
  expect(alignLabels({ scores: [], classes: 3 }, [1])).toEqual([]);
});
