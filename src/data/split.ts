/** Splits a data set in two, class by class, the same way for the same seed; nothing is copied unless asked for. */
import { DataError, UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import {
  asDataset,
  type Dataset,
  type ImageDataset,
  type Locality,
  type PairDataset,
  type SplitName,
} from "./dataset.ts";
import type { BatchArrays, Ports, Sizes } from "./port.ts";

/** Some samples of another data set, which keeps the pixels. */
export class Subset implements Dataset {
  readonly name: string;
  readonly base: Dataset;
  /** Sample i of the subset is sample indices[i] of `base`. */
  readonly indices: Int32Array;
  #mapped = new Int32Array(0);

  /** @throws UsageError when an index is outside `base` */
  constructor(base: Dataset | PairDataset, indices: Int32Array, name = base.name) {
    for (const index of indices) {
      if (index < 0 || index >= base.length) throw new UsageError(`${name}: no sample ${index} among ${base.length}`);
    }
    this.base = asDataset(base);
    this.indices = indices;
    this.name = name;
  }

  get length(): number {
    return this.indices.length;
  }
  get inputs(): Ports {
    return this.base.inputs;
  }
  get targets(): Ports {
    return this.base.targets;
  }
  get classes(): readonly string[] | undefined {
    return this.base.classes;
  }
  get ground(): number | undefined {
    return this.base.ground;
  }
  /** A group of as many neighbors here lies, as a rule, in one of the base or across two. */
  get locality(): Locality | undefined {
    const { locality, length } = this.base;
    if (locality === undefined) return undefined;
    const samples = Math.max(1, Math.floor((locality.samples * this.length) / length));
    return { samples, groups: Math.max(1, Math.floor(locality.groups / 2)) };
  }
  get split(): SplitName | undefined {
    return this.base.split;
  }
  get tokens(): readonly string[] | undefined {
    return this.base.tokens;
  }
  get alphabet(): readonly string[] | undefined {
    return this.base.alphabet;
  }

  /** Undefined where the data set below has no class indices. */
  get label(): ((index: number) => number) | undefined {
    const { base, indices } = this;
    return base.label && ((index) => (base.label as (index: number) => number)(indices[index]));
  }

  sizes(index: number): Sizes {
    return this.base.sizes?.(this.indices[index]) ?? {};
  }

  writer(index: number): number {
    return this.base.writer?.(this.indices[index]) ?? -1;
  }

  read(
    indices: ArrayLike<number>,
    start: number,
    count: number,
    arrays: BatchArrays,
    sizes?: Sizes,
    epoch?: number,
  ): void {
    if (this.#mapped.length < count) this.#mapped = new Int32Array(count);
    for (let k = 0; k < count; k++) this.#mapped[k] = this.indices[indices[start + k]];
    this.base.read(this.#mapped, 0, count, arrays, sizes, epoch);
  }
}

/** Where sample `index` of a data set lies in the set that it was taken from, which is the set itself where it is whole. */
export function originOf(dataset: Dataset, index: number): { readonly dataset: Dataset; readonly index: number } {
  return dataset instanceof Subset ? originOf(dataset.base, dataset.indices[index]) : { dataset, index };
}

/** The two parts of a split; their samples stand in the order of the whole. */
export interface Split {
  readonly train: Subset;
  readonly validation: Subset;
}

/**
 * Puts aside `fraction` of every class (rounded, at least one sample). A data set without class labels is split as one.
 * @param fraction between 0 and 1, both excluded
 * @throws UsageError for another fraction  @throws DataError when a class has a single sample
 */
export function stratifiedSplit(dataset: Dataset | PairDataset, fraction: number, seed: number): Split {
  return splitBy(dataset, markAside(dataset, fraction, seed));
}

/** The two parts of a set by what {@link markAside} or {@link markGroupsAside} says. */
export function splitBy(dataset: Dataset | PairDataset, aside: Uint8Array): Split {
  return {
    train: new Subset(dataset, indicesOf(aside, 0), `${dataset.name} (train)`),
    validation: new Subset(dataset, indicesOf(aside, 1), `${dataset.name} (validation)`),
  };
}

/** What a split depends on. */
type Labeled = Pick<Dataset, "name" | "length" | "label" | "classes">;

/** As {@link stratifiedSplit}, for labels without samples: 1 for each that is put aside. @throws as it does */
export function markAside(labeled: Labeled, fraction: number, seed: number): Uint8Array {
  if (!(fraction > 0 && fraction < 1))
    throw new UsageError(`a split needs a fraction between 0 and 1, not ${fraction}`);
  const [lone] = loneClasses(labeled);
  if (lone !== undefined) {
    throw new DataError(`${labeled.name}: class "${lone}" has 1 sample; a split needs at least 2 of each class`);
  }
  const aside = new Uint8Array(labeled.length);
  for (const [label, members] of groupByClass(labeled).entries()) {
    if (members.length === 0) continue;
    const count = Math.min(members.length - 1, Math.max(1, Math.round(members.length * fraction)));
    new Random(seed, "split", label).shuffle(members);
    for (let i = 0; i < count; i++) aside[members[i]] = 1;
  }
  return aside;
}

/** Names of classes with a single sample, which {@link markAside} cannot divide. */
export function loneClasses(labeled: Labeled): string[] {
  return groupByClass(labeled).flatMap((members, label) =>
    members.length === 1 ? [labeled.classes?.[label] ?? String(label)] : [],
  );
}

/** Groups of which some can be put aside. */
const LEAST_GROUPS = 4;

/**
 * As {@link markAside}, but puts whole groups aside, such as all that one writer wrote: hands that were trained on are read
 * better than new ones.
 * @param groups number of the group of each sample
 * @returns undefined where that cannot be done: groups are few or very unequal, or a class would be missing on a side
 */
export function markGroupsAside(
  labeled: Labeled,
  groups: Int32Array,
  fraction: number,
  seed: number,
): Uint8Array | undefined {
  const { length } = labeled;
  const sizes: number[] = [];
  for (const group of groups) sizes[group] = (sizes[group] ?? 0) + 1;
  const order = new Random(seed, "split").shuffle([...sizes.keys()].filter((group) => (sizes[group] ?? 0) > 0));
  if (order.length < LEAST_GROUPS) return undefined;
  const chosen = new Set<number>();
  let count = 0;
  // Each group that brings the part nearer to what is wanted.
  for (const group of order) {
    if (Math.abs(count + sizes[group] - fraction * length) >= Math.abs(count - fraction * length)) continue;
    chosen.add(group);
    count += sizes[group];
  }
  const aside = Uint8Array.from(groups, (group) => (chosen.has(group) ? 1 : 0));
  const [train, test] = [0, 1].map(
    (side) => new Set(Array.from(aside, (is, i) => (is === side ? labeled.label?.(i) : -1))),
  );
  const isComplete = [...train].every((name) => test.has(name)) && [...test].every((name) => train.has(name));
  return isComplete && count > (fraction * length) / 2 && count < 2 * fraction * length ? aside : undefined;
}

/** A copy of some pictures as a data set of its own. */
export function takeImages(dataset: ImageDataset, indices: ArrayLike<number>, origin = dataset.origin): ImageDataset {
  const [height, width, channels] = dataset.inputShape;
  const size = height * width * channels;
  const images = new Uint8Array(indices.length * size);
  const labels = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    images.set(dataset.image(indices[i]), i * size);
    labels[i] = dataset.label(indices[i]);
  }
  return dataset.with({ images, labels, origin });
}

/** Pictures of several sets of one kind, one set after the other; they belong to no part any more. */
export function joinImages(datasets: readonly ImageDataset[], origin: string): ImageDataset {
  const images = new Uint8Array(datasets.reduce((sum, dataset) => sum + dataset.images.length, 0));
  const labels = new Int32Array(datasets.reduce((sum, { length }) => sum + length, 0));
  let done = 0;
  let bytes = 0;
  for (const dataset of datasets) {
    images.set(dataset.images, bytes);
    labels.set(dataset.labels, done);
    bytes += dataset.images.length;
    done += dataset.length;
  }
  return datasets[0].with({ images, labels, origin, split: undefined });
}

/** Sample numbers by class; all in one group where there are no labels. */
function groupByClass(dataset: Labeled): number[][] {
  const groups: number[][] = [];
  for (let i = 0; i < dataset.length; i++) {
    const label = dataset.label?.(i) ?? 0;
    while (groups.length <= label) groups.push([]);
    groups[label].push(i);
  }
  return groups;
}

function indicesOf(marks: Uint8Array, mark: number): Int32Array {
  const indices = new Int32Array(marks.length);
  let count = 0;
  for (let i = 0; i < marks.length; i++) if (marks[i] === mark) indices[count++] = i;
  return indices.slice(0, count);
}
