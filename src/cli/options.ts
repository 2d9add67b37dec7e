/** Values of command-line options, checked where they enter: a wrong one is a usage error that names the option. */
import { Option } from "commander";
import { UsageError } from "../engine/errors.ts";

interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Values must be larger than this. */
  readonly above?: number | undefined;
  /** Values must be smaller than this. */
  readonly below?: number | undefined;
}

function inWords({ min, max, above, below }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (above !== undefined && below !== undefined) return ` between ${above} and ${below}`;
  const bounds = Object.entries({ "of at least": min, above, "of at most": max, below });
  const given = bounds.flatMap(([words, bound]) => (bound === undefined ? [] : [` ${words} ${bound}`]));
  return given.join(" and");
}

function isInside(value: number, { min, max, above, below }: Range): boolean {
  const isTooSmall = value < (min ?? -Infinity) || value <= (above ?? -Infinity);
  return !isTooSmall && value <= (max ?? Infinity) && value < (below ?? Infinity);
}

function numeric(flags: string, about: string, range: Range, kind: "a whole number" | "a number"): Option {
  const option = new Option(flags, about);
  return option.argParser((text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const isKind = kind === "a number" ? Number.isFinite(value) : Number.isSafeInteger(value);
    if (!isKind || !isInside(value, range)) {
      throw new UsageError(`${option.long} must be ${kind}${inWords(range)}, not "${text}"`);
    }
    return value;
  });
}

/** An option that takes a whole number. */
export function integerOption(flags: string, about: string, range: Range = {}): Option {
  return numeric(flags, about, range, "a whole number");
}

/** An option that takes any finite number. */
export function numberOption(flags: string, about: string, range: Range = {}): Option {
  return numeric(flags, about, range, "a number");
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
