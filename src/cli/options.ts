/** Values of command-line options, checked where they enter: a wrong one is a usage error that names the option. */
import { Option } from "commander";
import { UsageError } from "../engine/errors.ts";
import { isInRange, type Range, rangeInWords } from "../train/range.ts";

/** An option that takes a number of a range. */
export function rangedOption(flags: string, about: string, range: Range): Option {
  const option = new Option(flags, about);
  return option.argParser((text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!isInRange(value, range)) {
      throw new UsageError(`${option.long} must be ${rangeInWords(range)}, not "${text}"`);
    }
    return value;
  });
}

/** An option that takes a whole number. */
export function integerOption(flags: string, about: string, range: Range = {}): Option {
  return rangedOption(flags, about, { ...range, whole: true });
}

/** An option that takes any finite number. */
export function numberOption(flags: string, about: string, range: Range = {}): Option {
  return rangedOption(flags, about, range);
}

/**
 * An option that takes any number of words, between spaces or commas, and may be given again; default: none.
 * @param check throws UsageError for words that are none
 */
export function listOption(flags: string, about: string, check: (words: readonly string[]) => void): Option {
  const option = new Option(flags, about).default([], "none");
  return option.argParser((text: string, before: readonly string[]): readonly string[] => {
    const words = text.split(",").map((word) => word.trim());
    try {
      check(words);
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${option.long}: ${error.message}`) : error;
    }
    return [...before, ...words];
  });
}

/** Options that every verb has. */
export interface CommonOptions {
  readonly json?: boolean | undefined;
}

/** `--json`, with the same words everywhere. */
export function jsonOption(): Option {
  return new Option("--json", "print one JSON object to standard output, and nothing else there");
}
