/** Strings of the characters of any data set: by its classes, writers where they are known, print and signs where it has digits. */
import type { ImageDataset, SplitName } from "../data/dataset.ts";
import { UsageError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import { UNREADABLE } from "../task/transcribe/transcribe.ts";
import type { Material } from "./content.ts";
import { glyphsOf } from "./glyphs.ts";
import { printedDigits } from "./print.ts";
import { drawnSigns, SIGNS, unreadable } from "./signs.ts";
import { Strings, type StringsOptions } from "./strings.ts";

const DIGITS = [..."0123456789"];

/** How strings are made of a data set of characters. */
export interface StringsOfOptions
  extends Pick<StringsOptions, "style" | "characters" | "isEndless" | "seed" | "name" | "split"> {
  /** How many strings an epoch has; default 20,000. */
  readonly length?: number | undefined;
  /** Number of the writer of each character: a string is of one writer's. Default: of anybody's. */
  readonly writers?: ArrayLike<number> | undefined;
  /** Only characters of these writers. */
  readonly among?: ReadonlySet<number> | undefined;
  /**
   * Share of the strings that are printed, in digits of our own design (print.ts); default 0.12 in the style "mixed" of data that have
   * the ten digits, else 0.
   */
  readonly printed?: number | undefined;
}

/**
 * The symbols of strings of these classes: the classes themselves; of the ten digits also the signs of amounts and dates, and "?" for
 * what is none of them.
 * @throws UsageError when a class is no single character
 */
export function alphabetOf(classes: readonly string[]): string[] {
  const long = classes.find((name) => [...name].length !== 1);
  if (long !== undefined) {
    throw new UsageError(`strings are made of single characters, but the data have a class ${quote(long)}`);
  }
  return hasDigits(classes)
    ? [...classes, ...[...SIGNS, UNREADABLE].filter((sign) => !classes.includes(sign))]
    : [...classes];
}

const hasDigits = (classes: readonly string[]): boolean => DIGITS.every((digit) => classes.includes(digit));

/**
 * Strings made of the characters of a data set, as a data set to train or measure readers with.
 * @throws UsageError when a class is no single character, or an option is out of range
 */
export function stringsOf(dataset: ImageDataset, options: StringsOfOptions = {}): Strings {
  const { length = 20_000, writers, among, style = "mixed", printed, ...others } = options;
  const alphabet = alphabetOf(dataset.classes);
  const places = new Map(alphabet.map((symbol, i) => [symbol, i]));
  const known = hasDigits(dataset.classes);
  const share = printed ?? (known && style === "mixed" ? 0.12 : 0);
  const nothing = places.get(UNREADABLE);
  const material: Material = {
    written: glyphsOf(dataset, writers, among),
    places,
    ...(share > 0 && { printed: { glyphs: printedDigits(DIGITS.map((digit) => places.get(digit) as number)), share } }),
    ...(known && {
      signs: drawnSigns(places),
      ...(nothing !== undefined && { unreadable: { glyphs: unreadable(nothing), symbol: nothing } }),
    }),
  };
  const name = `strings:${dataset.name}`;
  const split: SplitName | undefined = dataset.split;
  return new Strings({ name, split, ...others, material, alphabet, length, style });
}
