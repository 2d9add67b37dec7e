/** What was read on a page: the answer for each place, why one is refused, and both as plain data. */

import type { Point, Quad } from "../page/geometry.ts";
import type { Gray } from "../page/gray.ts";
import type { RegionKind } from "../page/regions.ts";
import type { LikelyString } from "../task/transcribe/reading.ts";

/** Why an answer should not be taken as it is. */
export const REASONS = [
  "not in the picture",
  "nothing there",
  "no number",
  "struck out",
  "does not fit",
  "unsure",
] as const;

/** One of {@link REASONS}. */
export type Refusal = (typeof REASONS)[number];

/** One character of an answer. */
export interface AnswerCharacter extends LikelyString {
  /** Where it stands on the picture: corners in pixels, from the top left clockwise. */
  readonly quad: Quad;
}

/** What was read at one place. */
export interface NumberAnswer extends LikelyString {
  /** Name of the field; undefined on a page of which no fields are known. */
  readonly name?: string | undefined;
  readonly kind: RegionKind;
  /** Of cells: their grid on the page, and their place in it, all from 0. */
  readonly place?: { readonly grid: number; readonly row: number; readonly column: number } | undefined;
  /** Where it stands on the picture: corners in pixels, from the top left clockwise. */
  readonly quad: Quad;
  /** The place upright, as it was read: dark ink on paper that is 255, without lines. Undefined where nothing is written. */
  readonly crop?: Gray | undefined;
  readonly characters: readonly AnswerCharacter[];
  /** Other strings that may stand there, the likeliest first. */
  readonly alternatives: readonly LikelyString[];
  /** Why a person should look at it; undefined where the answer can be taken. */
  readonly refused?: Refusal | undefined;
}

/** All that was read on a page. */
export interface PageAnswer {
  readonly width: number;
  readonly height: number;
  /** In reading order, or in the order of the fields. */
  readonly numbers: readonly NumberAnswer[];
  /** Why nothing can be relied on: too small, blurred …, with what to do. */
  readonly problem?: string | undefined;
}

/** Whole pixels. */
const rounded = ({ x, y }: Point): [number, number] => [Math.round(x), Math.round(y)];

/** Left, top, width and height of the smallest upright box around, in pixels. */
export function boxAround(quad: Quad): [left: number, top: number, width: number, height: number] {
  const [xs, ys] = [quad.map(({ x }) => Math.round(x)), quad.map(({ y }) => Math.round(y))];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

/** What a place is called: its field, its cell, or its number. @param index from 0 */
export function placeOf({ name, place }: Pick<NumberAnswer, "name" | "place">, index: number): string {
  if (name !== undefined) return name;
  if (place !== undefined) return `row ${place.row + 1}, column ${place.column + 1}`;
  return `${index + 1}`;
}

/**
 * Whether a place is left alone, rather than given to a person: what stands free on a page and is no number is mostly a word.
 */
export const isLeftAlone = ({ kind, name, refused }: Pick<NumberAnswer, "kind" | "name" | "refused">): boolean =>
  kind === "line" && name === undefined && refused === "no number";

/** What was read on a page as JSON has it (docs/reading.md): in files, on the command line, over HTTP. */
export function pageJson({ width, height, problem, numbers }: PageAnswer): object {
  return { width, height, problem, numbers: numbers.map(numberJson) };
}

/** An answer as JSON has it. */
export function numberJson({ name, kind, place, quad, text, probability, characters, ...rest }: NumberAnswer): object {
  return {
    name,
    kind,
    ...place,
    text,
    probability,
    refused: rest.refused ?? null,
    box: boxAround(quad),
    corners: quad.map(rounded),
    characters: characters.map((character) => ({
      text: character.text,
      probability: character.probability,
      box: boxAround(character.quad),
    })),
    alternatives: rest.alternatives,
  };
}
