/** A random part of a data set in which the classes have the shares that they have in the whole: for a quick look, or a quick run. */
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { type Dataset, ImageDataset } from "./dataset.ts";
import { Subset, takeImages } from "./split.ts";

/** How a sample is drawn. */
export interface SampleOptions {
  /** The same seed draws the same samples; default 0. */
  readonly seed?: number | undefined;
}

/**
 * `count` samples drawn at random without replacement, in random order. Classes keep their shares, and each has a sample as
 * long as there are enough for all; a data set without class labels is drawn from as one.
 *
 *     const some = data.sample(train, 3000, { seed: 7 });
 *
 * The first samples of a set are no substitute: many are sorted by class.
 * @returns pictures as a data set of their own, other samples as a {@link Subset}, which keeps `dataset`
 * @throws UsageError unless count is a whole number from 1 to the length of the set
 */
export function sample(dataset: ImageDataset, count: number, options?: SampleOptions): ImageDataset;
export function sample(dataset: Dataset, count: number, options?: SampleOptions): Subset;
export function sample(dataset: Dataset, count: number, { seed = 0 }: SampleOptions = {}): ImageDataset | Subset {
  const { name, length } = dataset;
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= length)) {
    throw new UsageError(`sample: ${count} of ${name}; expected a whole number from 1 to ${length}, its samples`);
  }
  const groups: number[][] = [];
  for (let i = 0; i < length; i++) {
    const label = dataset.label?.(i) ?? 0;
    while (groups.length <= label) groups.push([]);
    groups[label].push(i);
  }
  const counts = shares(
    groups.map((members) => members.length),
    count,
  );
  const drawn = groups.flatMap((members, label) =>
    new Random(seed, "split", label).shuffle(members).slice(0, counts[label]),
  );
  const indices = new Random(seed, "shuffle").shuffle(drawn);
  if (!(dataset instanceof ImageDataset)) return new Subset(dataset, Int32Array.from(indices), `${count} of ${name}`);
  return takeImages(dataset, indices, `${dataset.origin}; ${count} of ${length} drawn at random (seed ${seed})`);
}

/** `count` divided in proportion to `sizes`, of which none gets more than it has, and all get one if there are enough. */
function shares(sizes: readonly number[], count: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const filled = sizes.filter((size) => size > 0).length;
  const least = count >= filled ? 1 : 0;
  const exact = sizes.map((size) => (count * size) / total);
  const given = exact.map((share, i) => Math.max(Math.floor(share), Math.min(least, sizes[i])));
  const lack = (i: number): number => exact[i] - given[i];
  const most = (isAllowed: (i: number) => boolean, sign: 1 | -1): number =>
    [...sizes.keys()].filter(isAllowed).reduce((best, i) => (sign * lack(i) > sign * lack(best) ? i : best));
  let left = count - given.reduce((sum, share) => sum + share, 0);
  for (; left > 0; left--) given[most((i) => given[i] < sizes[i], 1)]++;
  for (; left < 0; left++) given[most((i) => given[i] > least, -1)]--;
  return given;
}
