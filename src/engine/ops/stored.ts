/**
 * What a stored graph may hold of an op: how many inputs, and which attributes, each with a check, since the file may come
 * from anywhere and most ops trust their attributes. Part of an op's record; models/graph-module.ts reads graphs by it.
 * Shapes that do not fit each other are found by the ops' own shape rules; only what those take for granted is checked here.
 */
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** An attribute as it stands in a node once the batch size is put in. */
export type PlainValue = number | string | boolean | readonly number[];

/** Says what a value must be, or nothing when it is. */
export type Check = (value: PlainValue) => string | undefined;

/** A check for each attribute of an op. */
export type AttrChecks<A extends object> = { readonly [K in keyof A]-?: Check };

export interface StoredForm<A extends object> {
  readonly inputs: readonly [least: number, most: number];
  readonly attrs: AttrChecks<A>;
  /** What is wrong with the attributes for these inputs. */
  readonly fits?: ((inputs: readonly Tensor[], attrs: A) => string | undefined) | undefined;
}

/** Far above anything useful and far below anything that overflows. */
export const MOST = 2 ** 31 - 1;
export const MAX_RANK = 8;
export const MAX_INPUTS = 256;

export const whole =
  (low: number, high: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? undefined
      : `must be a whole number from ${low} to ${high}`;

export const list =
  (each: Check, least: number, most = least): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      return `must be a list of ${least === most ? least : `${least} to ${most}`} numbers`;
    }
    return value.map(each).find((problem) => problem !== undefined);
  };

export const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : `must be one of ${words.join(", ")}`;

export const word: Check = (value) => (typeof value === "string" ? undefined : "must be a word");
export const truth: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
/** Infinities included. */
export const number: Check = (value) => (typeof value === "number" ? undefined : "must be a number");
export const finite: Check = (value) => (Number.isFinite(value) ? undefined : "must be a finite number");
/** Heights and widths, steps along them. */
export const positivePair = list(whole(1, 65535), 2);
export const axis = whole(0, MAX_RANK - 1);
export const axes = list(axis, 0, MAX_RANK);
/** One position or step per axis. */
export const anywhere = list(whole(-MOST, MOST), 0, MAX_RANK);
export const shape: Check = (value) =>
  list(whole(1, MOST), 0, MAX_RANK)(value) ??
  (sizeOf(value as Shape) <= MOST ? undefined : "must not have that many elements");

/** Ops without attributes. */
export const plain = (inputs: number): { inputs: readonly [number, number]; attrs: Record<string, never> } => ({
  inputs: [inputs, inputs],
  attrs: {},
});

/** `fits` of ops along one axis. */
export const inRank = ([x]: readonly Tensor[], { axis: a }: { readonly axis: number }): string | undefined =>
  a < x.rank ? undefined : `has no axis ${a} in ${formatShape(x.shape)}`;

/** Ops of one tensor along one axis. */
export const alongAxis: StoredForm<{ readonly axis: number }> = { inputs: [1, 1], attrs: { axis }, fits: inRank };
