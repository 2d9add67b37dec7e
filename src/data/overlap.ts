/**
 * Samples that occur in two parts of the data, in numbers and words, and how many are too many. The searches for them are
 * duplicates.ts and trained-samples.ts.
 */
import { DataError } from "../engine/errors.ts";
import type { Overlap } from "./duplicates.ts";
import type { FoundSamples } from "./trained-samples.ts";

/** From this share of known samples on, a test says nothing any more. */
const TOO_MANY = 0.5;
/** Samples that a summary lists; the rest is counted. */
const LISTED = 20;

/** How many samples of `to` are in `from` too. */
export interface OverlapCounts {
  readonly exact: number;
  readonly near: number;
  /** Of both kinds, those whose twin has another label. */
  readonly otherLabel: number;
}

export function countOverlap({ duplicates }: Overlap): OverlapCounts {
  const exact = duplicates.filter(({ kind }) => kind === "exact").length;
  const otherLabel = duplicates.filter(({ isSameLabel }) => !isSameLabel).length;
  return { exact, near: duplicates.length - exact, otherLabel };
}

/**
 * @throws DataError when at least half of a part that measures is trained on, bit for bit. Near duplicates are reported but
 *   never refused: two clean strokes of a simple class may well look the same.
 */
export function refuseOverlap(overlaps: readonly Overlap[]): void {
  for (const overlap of overlaps) {
    if (overlap.count === 0 || countOverlap(overlap).exact < TOO_MANY * overlap.count) continue;
    throw new DataError(
      `${describeOverlap(overlap)}; results on ${overlap.to} would say nothing about new samples. Take them out of one of the two`,
    );
  }
}

/** In words: `12 of 10,000 test samples are in training too (8 exactly, 4 nearly; 1 with another label)`. */
export function describeOverlap(overlap: Overlap): string {
  const { from, to, count, duplicates } = overlap;
  const { exact, near, otherLabel } = countOverlap(overlap);
  const kinds = [exact > 0 ? `${exact} exactly` : "", near > 0 ? `${near} nearly` : ""].filter((text) => text !== "");
  const labels = otherLabel === 0 ? "" : `; ${otherLabel} with another label`;
  const [some, all] = [duplicates.length, count].map((number) => number.toLocaleString("en-US"));
  const many = `${some} of ${all} ${to} samples ${duplicates.length === 1 ? "is" : "are"}`;
  return `${many} in ${from} too (${kinds.join(", ")}${labels})`;
}

/** In words: `12 of 80 samples were trained on`; where only some can be looked up, what follows for all. */
export function describeTrained(
  { trained, checked }: Pick<FoundSamples, "trained" | "checked">,
  count: number,
): string {
  const [some, looked, all] = [trained, checked, count].map((number) => number.toLocaleString("en-US"));
  if (trained === count) return `all ${all} samples were trained on`;
  const were = trained === 1 ? "was" : "were";
  if (checked === count) return `${some} of ${all} samples ${were} trained on`;
  const about = Math.round((count * trained) / checked).toLocaleString("en-US");
  return `${some} of ${looked} samples that can be looked up ${were} trained on, so about ${about} of all ${all}`;
}

/** As plain data. */
export function summarizeOverlap(overlap: Overlap): object {
  const { from, to, count, duplicates } = overlap;
  return { from, to, count, ...countOverlap(overlap), first: duplicates.slice(0, LISTED) };
}
