/** All strings that frames may say, one path after the other: what decoding is compared with. */
import type { Decoded } from "../../../src/task/transcribe/ctc-decode.ts";
import { uniformNoise } from "../../helpers/noise.ts";

/** What a path says. */
export function said(path: readonly number[], blank: number): number[] {
  return path.filter((c, t) => c !== path[t - 1]).filter((c) => c !== blank);
}

/** Every path with its probability, from probabilities by frame. */
export function allPaths(frames: readonly (readonly number[])[]): { path: number[]; probability: number }[] {
  return frames.reduce(
    (paths, row) =>
      paths.flatMap(({ path, probability }) =>
        row.map((p, c) => ({ path: [...path, c], probability: probability * p })),
      ),
    [{ path: [] as number[], probability: 1 }],
  );
}

/** All strings with their probabilities, the most probable first. */
export function allStrings(frames: readonly (readonly number[])[], blank: number): Decoded[] {
  const found = new Map<string, { labels: number[]; probability: number }>();
  for (const { path, probability } of allPaths(frames)) {
    const labels = said(path, blank);
    const known = found.get(labels.join()) ?? { labels, probability: 0 };
    known.probability += probability;
    found.set(labels.join(), known);
  }
  return [...found.values()].sort((a, b) => b.probability - a.probability);
}

export const logs = (frames: readonly (readonly number[])[]): number[] => frames.flat().map(Math.log);

/** Rows of probabilities. */
export function randomFrames(seed: number, count: number, classes: number): number[][] {
  const noise = uniformNoise(seed, count * classes, -2, 2);
  return Array.from({ length: count }, (_, t) => {
    const row = [...noise.subarray(t * classes, (t + 1) * classes)].map(Math.exp);
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((value) => value / sum);
  });
}
