/** What data of texts and of lines have in common: parts, one of which is put aside for testing where their author made none. */
import { resolve } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { loneClasses, markAside, markGroupsAside } from "../../data/split.ts";
import { DataError } from "../../engine/errors.ts";
import { sha256 } from "../../platform/node/files.ts";
import type { RawParts } from "../../platform/node/text-data.ts";
import type { PartName } from "./kind.ts";

/** Put aside for testing where the data have no such part. */
const TEST_PART = 0.2;
const SEED = 0;

export const SPLITS: readonly SplitName[] = ["train", "validation", "test"];

/** All parts, each there if perhaps empty. */
export type AllParts<Item> = Readonly<Record<SplitName, readonly Item[]>>;

/** Data in parts, and where these came from. */
export interface Divided<Item> {
  readonly parts: AllParts<Item>;
  readonly origin: string;
  readonly isTestAside: boolean;
}

/** The items of a part, or of all. */
export const itemsOf = <Item>(parts: AllParts<Item>, part: PartName): readonly Item[] =>
  part === "all" ? SPLITS.flatMap((split) => parts[split]) : parts[part];

export interface DivideOptions<Item> {
  /** Of an item; default: all are of one. */
  readonly classOf?: ((item: Item) => string) | undefined;
  /** Who made an item: what one has made goes to one side, where that is known of all. */
  readonly groupOf?: ((item: Item) => string | undefined) | undefined;
  readonly toMeasure: boolean;
}

/** Items by number of who made them; undefined where that is not known of all. */
export function groupNumbers<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string | undefined,
): Int32Array | undefined {
  const numbers = new Map<string, number>();
  const found = new Int32Array(items.length);
  for (const [i, item] of items.entries()) {
    const group = groupOf(item);
    if (group === undefined) return undefined;
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    found[i] = numbers.get(group) as number;
  }
  return found;
}

/**
 * Puts a part of each class aside for testing, always the same one, where there is no such part.
 * @throws DataError where there is nothing to train on, unless it is only to be measured
 */
export function divide<Item>(
  spec: string,
  { train = [], validation = [], test }: RawParts<Item>,
  { classOf = () => "", groupOf = () => undefined, toMeasure }: DivideOptions<Item>,
): Divided<Item> {
  const origin = resolve(spec);
  if (train.length === 0 && !toMeasure) {
    throw new DataError(`${spec}: there is nothing to train on; "ductus evaluate" measures by it`);
  }
  if (test !== undefined || train.length === 0) {
    return { parts: { train, validation, test: test ?? [] }, origin, isTestAside: false };
  }
  const classes = [...new Set(train.map(classOf))];
  const labels = train.map((item) => classes.indexOf(classOf(item)));
  const labeled = { name: spec, length: train.length, classes, label: (index: number) => labels[index] };
  if (toMeasure && loneClasses(labeled).length > 0) {
    return { parts: { train: [], validation, test: train }, origin, isTestAside: false };
  }
  const groups = groupNumbers(train, groupOf);
  const byGroup = groups && markGroupsAside(labeled, groups, TEST_PART, SEED);
  const aside = byGroup ?? markAside(labeled, TEST_PART, SEED);
  const kept = (mark: number): Item[] => train.filter((_, i) => aside[i] === mark);
  const parts = { train: kept(0), validation, test: kept(1) };
  const words = `${parts.test.length} of ${train.length} (seed ${SEED}, by ${byGroup === undefined ? "class" : "writer"}) put aside for testing`;
  return { parts, origin: `${origin}: ${words}`, isTestAside: true };
}

/** Of all parts together, as JSON. */
export const fingerprintOf = (parts: AllParts<unknown>): string =>
  sha256([new TextEncoder().encode(JSON.stringify(SPLITS.map((split) => parts[split])))]);

export const countsOf = (parts: AllParts<unknown>): Readonly<Record<SplitName, number>> => ({
  train: parts.train.length,
  validation: parts.validation.length,
  test: parts.test.length,
});
