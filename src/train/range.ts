/** Ranges of numbers that options take, as data: checked in the same words by `fit` and by the command line. */

export interface Range {
  /** Whether only whole numbers are in it. */
  readonly whole?: boolean | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Values must be larger than this. */
  readonly above?: number | undefined;
  /** Values must be smaller than this. */
  readonly below?: number | undefined;
}

/** `a whole number of at least 1`. */
export function rangeInWords({ whole, min, max, above, below }: Range): string {
  const kind = whole === true ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (above !== undefined && below !== undefined) return `${kind} between ${above} and ${below}`;
  const bounds = Object.entries({ "of at least": min, above, "of at most": max, below });
  const given = bounds.flatMap(([words, bound]) => (bound === undefined ? [] : [` ${words} ${bound}`]));
  return kind + given.join(" and");
}

export function isInRange(value: number, { whole, min, max, above, below }: Range): boolean {
  if (!(whole === true ? Number.isSafeInteger(value) : Number.isFinite(value))) return false;
  const isTooSmall = value < (min ?? -Infinity) || value <= (above ?? -Infinity);
  return !isTooSmall && value <= (max ?? Infinity) && value < (below ?? Infinity);
}
