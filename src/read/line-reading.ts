/** What stands in the picture of one line: the likeliest string, and where on the picture its characters stand. */
import { columnInPicture } from "../picture/line.ts";
import { type LikelyString, readField } from "../task/transcribe/reading.ts";
import type { LineScores } from "./answering.ts";

/** One character of a line. */
export interface LineCharacter extends LikelyString {
  /** Where it stands: columns of the picture, in pixels from its left. */
  readonly left: number;
  readonly right: number;
}

/** What stands in a line. */
export interface LineReading extends LikelyString {
  /** Other strings, the likeliest first. */
  readonly alternatives: readonly LikelyString[];
  /** One for each character of `text`, with the probability that it is this one if all others are right. */
  readonly characters: readonly LineCharacter[];
}

/** @param width of the picture that the line was made of, in pixels */
export function lineReading(sample: LineScores, alphabet: readonly string[], width: number): LineReading {
  const reading = readField(sample, alphabet);
  // Without rules some string always fits, if only the empty one.
  const { text, probability, alternatives, characters } = reading as NonNullable<typeof reading>;
  const at = (frame: number): number => columnInPicture(sample.line, frame * sample.columnsOfFrame, width);
  const placed = characters.map(({ start, end, ...character }) => ({ ...character, left: at(start), right: at(end) }));
  return { text, probability, alternatives, characters: placed };
}
