/**
 * What stands in one field, from the frames of a network: the likeliest string of those that may stand there, others, and
 * where each character is. Decoding (ctc-decode.ts), alignment (ctc-align.ts) and rules (fields/) put together.
 */
import { alignLabels } from "./ctc-align.ts";
import { allowedProbability, beamDecode } from "./ctc-decode.ts";
import { type Frames, symbolOf } from "./ctc-frames.ts";
import type { Automaton } from "./fields/automaton.ts";

/** A string and how likely it is. */
export interface LikelyString {
  readonly text: string;
  /** 0 … 1. */
  readonly probability: number;
}

/** A character of a string that was read. */
export interface ReadCharacter extends LikelyString {
  /** First frame. */
  readonly start: number;
  /** Behind the last frame. */
  readonly end: number;
}

/** What stands in a field. */
export interface FieldReading extends LikelyString {
  /** Others that may stand there, the likeliest first. */
  readonly alternatives: readonly LikelyString[];
  /** One for each character of `text`, with the probability that it is this one if all others are right. */
  readonly characters: readonly ReadCharacter[];
  /**
   * 0 … 1: the probability, by the picture alone, that anything stands there that may. 1 where nothing is known of the field; a
   * small one says that something else does.
   */
  readonly fit: number;
}

export interface ReadFieldOptions {
  /** Which strings may stand there (fields/field.ts); default all. */
  readonly allowed?: Automaton | undefined;
  /** Other strings at most; default 4. */
  readonly alternatives?: number | undefined;
}

/**
 * @param alphabet the characters of the classes, the blank left out
 * @returns undefined where no string that may stand there fits into the frames
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function readField(
  sample: Frames,
  alphabet: readonly string[],
  { allowed, alternatives = 4 }: ReadFieldOptions = {},
): FieldReading | undefined {
  const [best, ...others] = beamDecode(sample, { allowed, best: 1 + alternatives });
  if (best === undefined) return undefined;
  const fit = allowed === undefined ? 1 : allowedProbability(sample, allowed);
  const blank = sample.blank ?? 0;
  const characterOf = (label: number): string => alphabet[symbolOf(label, blank)];
  // Given that one of the allowed strings stands there.
  const likely = ({ labels, probability }: (typeof others)[number]): LikelyString => ({
    text: labels.map(characterOf).join(""),
    probability: fit > 0 ? Math.min(1, probability / fit) : 0,
  });
  const characters = alignLabels(sample, best.labels, { allowed });
  return {
    ...likely(best),
    alternatives: others.map(likely),
    characters: characters.map(({ label, ...where }) => ({ text: characterOf(label), ...where })),
    fit,
  };
}
