/** Values of command-line options, checked where they enter: a wrong one is a usage error that names the option. */
import { Option } from "commander";
import { UsageError } from "../engine/errors.ts";

interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Whether `min` and `max` themselves are refused. */
  readonly open?: boolean | undefined;
}

function inWords({ min, max, open = false }: Range): string {
  if (min !== undefined && max !== undefined) return open ? ` between ${min} and ${max}` : ` from ${min} to ${max}`;
  if (min !== undefined) return open ? ` above ${min}` : ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

function isInside(value: number, { min = -Infinity, max = Infinity, open = false }: Range): boolean {
  return open ? value > min && value < max : value >= min && value <= max;
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
