/**
 * The novelty score (novelty.ts) that a model file has: checked, then ready for use. Exported modules, whose checksum says that they
 * are whole, do without.
 */
import { DataError } from "../../engine/errors.ts";
import {
  check,
  list,
  Mismatch,
  number,
  record,
  refined,
  type Schema,
  text,
  truth,
  whole,
} from "../../engine/schema.ts";
import type { AnyTask } from "../task.ts";
import type { Classify } from "./classify.ts";
import { bytesOf, NOVELTY_SIDE, Novelty, type NoveltyLayer, type NoveltyRecord } from "./novelty.ts";

const MOST_OUTPUTS = 256;
const numbers: Schema<readonly number[]> = list(number(), 1, MOST_OUTPUTS);

const noveltySchema: Schema<NoveltyRecord> = refined(
  record({
    layers: list(record({ kernel: whole(0, 7), weights: text, scales: numbers, bias: numbers }), 1, 8),
    ofStrokes: truth,
    threshold: number(),
    share: number(0, 1),
    samples: whole(1),
    strangers: number(0, 1),
  }),
  ({ layers }) => (isWhole(layers) ? undefined : "is damaged"),
);

/** Whether each layer has the weights that it needs, and the last one two outputs or more. */
function isWhole(layers: readonly NoveltyLayer[]): boolean {
  let [side, inputs] = [NOVELTY_SIDE, 1];
  for (const { kernel, weights, scales, bias } of layers) {
    const each = kernel === 0 ? side * side * inputs : kernel * kernel * inputs;
    if (bytesOf(weights)?.length !== scales.length * each || bias.length !== scales.length) return false;
    side = kernel === 0 ? 1 : Math.ceil(side / 2);
    inputs = scales.length;
  }
  return side === 1 && inputs > 1;
}

/** @throws DataError when what is stored is damaged */
export function checkNoveltyRecord(given: unknown): NoveltyRecord {
  const stored = check(noveltySchema, given);
  if (stored instanceof Mismatch) throw new DataError(`the novelty score is damaged: ${stored.message}`);
  return stored;
}

/** Scores that were made of what tasks keep. */
const made = new WeakMap<NoveltyRecord, Novelty>();

/** The novelty score of a task; undefined where it has none. @throws DataError when it is damaged */
export function noveltyOf(task: AnyTask): Novelty | undefined {
  const { novelty: stored } = task as Partial<Classify>;
  if (stored === undefined) return undefined;
  const novelty = made.get(stored) ?? new Novelty(checkNoveltyRecord(stored));
  made.set(stored, novelty);
  return novelty;
}
