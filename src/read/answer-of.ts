/**
 * From what a network says of a place to the answer for it: the text, where its characters stand on the picture, and why a person
 * should look at it. The last step of reading a page, the same for the engine (page-reader.ts) and for exported pages.
 */
import { quadOfColumns, type Region } from "../page/regions.ts";
import { columnInPicture, type Line } from "../picture/line.ts";
import type { FieldRules } from "../task/transcribe/fields/field.ts";
import type { FieldReading } from "../task/transcribe/reading.ts";
import type { NumberAnswer, Refusal } from "./answers.ts";
import { isStruckOut } from "./struck-out.ts";

/** Below this probability an answer is unsure, unless told otherwise. */
export const MIN_PROBABILITY = 0.9;
/** A picture that is less likely than this to show anything that may stand there shows something else. */
const LEAST_FIT = 0.5;

/** A place of which more is known than that there may be a number. */
export interface KnownRegion extends Region {
  readonly name?: string | undefined;
  readonly rules?: FieldRules | undefined;
}

/** How pages are read. */
export interface ReadOptions {
  /** Answers that are less probable are refused as unsure; default 0.9. */
  readonly minProbability?: number | undefined;
}

/** What the network says of a line, and how its frames lie on it. */
export interface ReadLine {
  readonly line: Line;
  /** Undefined where nothing that may stand there fits into the frames. */
  readonly reading: FieldReading | undefined;
  readonly columnsOfFrame: number;
}

/** The answer where nothing is written. */
export const NOTHING = { text: "", probability: 1, characters: [], alternatives: [] };

/** @param read undefined where there is no ink */
export function answerOf(region: KnownRegion, read: ReadLine | undefined, options: ReadOptions): NumberAnswer {
  const { name, kind, place, quad, crop } = region;
  const where = { name, kind, place, quad, crop: region.ink && crop };
  const reading = read?.reading;
  if (read === undefined) return { ...where, ...NOTHING, refused: "nothing there" };
  if (reading === undefined) return { ...where, ...NOTHING, probability: 0, refused: "does not fit" };
  const { text, probability, alternatives } = reading;
  const at = (frame: number): number => columnInPicture(read.line, frame * read.columnsOfFrame, region.crop.width);
  const characters = reading.characters.map(({ start, end, ...character }) => ({
    ...character,
    quad: quadOfColumns(region, at(start), at(end)),
  }));
  const refused = refusalOf(region, reading, options);
  return { ...where, text, probability, characters, alternatives, refused };
}

/** Why a reading should not be taken as it is; the first that holds. */
const REFUSALS: readonly (readonly [
  Refusal,
  (reading: FieldReading, region: KnownRegion, minProbability: number) => boolean,
])[] = [
  ["struck out", (_, { crop }) => isStruckOut(crop, "the middle")],
  ["struck out", ({ text, fit }, { crop }) => (isNoNumber(text) || fit < LEAST_FIT) && isStruckOut(crop, "anything")],
  ["no number", ({ text, fit }, { rules }) => isNoNumber(text) || (rules === undefined && fit < LEAST_FIT)],
  ["does not fit", ({ fit }) => fit < LEAST_FIT],
  ["unsure", ({ probability }, _, minProbability) => probability < minProbability],
];

/** Signs without a digit or letter. */
const isNoNumber = (text: string): boolean => !/[\p{L}\p{N}]/u.test(text);

function refusalOf(
  region: KnownRegion,
  reading: FieldReading,
  { minProbability = MIN_PROBABILITY }: ReadOptions,
): Refusal | undefined {
  return REFUSALS.find(([, holds]) => holds(reading, region, minProbability))?.[0];
}
