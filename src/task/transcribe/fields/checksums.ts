/**
 * Numbers that check themselves, as automata: one digit that is misread makes them wrong, and often tells what it should be. Spaces,
 * dashes, dots and slashes between digits do not count.
 */
import { type Automaton, DEAD } from "./automaton.ts";

/** A checksum, written over characters. States are whole numbers, 0 is the start. */
interface Rule {
  readonly next: (state: number, character: string) => number;
  readonly remaining: (state: number) => number;
}

const digitOf = (character: string): number => (/^[0-9]$/.test(character) ? Number(character) : Number.NaN);

/** A to Z as 10 to 35, in either case. */
const letterOf = (character: string): number =>
  /^[A-Za-z]$/.test(character) ? character.toUpperCase().charCodeAt(0) - 55 : Number.NaN;

/** A number with `count` different values as part of a state: `[value, what is left]`. */
const split = (state: number, count: number): [number, number] => [state % count, Math.floor(state / count)];

/**
 * Sums in which every second digit, counted from the last, has another weight. Which digit is the last is known at the end alone, so
 * a state has both sums: in which the digit before counts as it is, and in which it does not.
 * @param weighed what a digit counts in every second place
 * @param most digits after which counting stops
 * @param left how many digits have to follow, by how many there are and whether the sum is right
 */
function alternating(
  weighed: (digit: number) => number,
  most: number,
  left: (count: number, isRight: boolean) => number,
): Rule {
  return {
    next: (state, character) => {
      const digit = digitOf(character);
      const [plain, rest] = split(state, 10);
      const [other, count] = split(rest, 10);
      if (Number.isNaN(digit)) return DEAD;
      return ((other + digit) % 10) + 10 * ((plain + weighed(digit)) % 10) + 100 * Math.min(count + 1, most);
    },
    remaining: (state) => left(Math.floor(state / 100), state % 10 === 0),
  };
}

const EAN_LENGTHS: readonly number[] = [8, 12, 13, 14];
const IBAN_MOST = 34;
const ALL_IBAN = 97 * 97;

const RULES = {
  /** Card numbers and many others: ISO/IEC 7812-1, annex B. Two digits at least. */
  luhn: alternating(
    (digit) => (digit < 5 ? 2 * digit : 2 * digit - 9),
    2,
    (count, isRight) => (isRight && count === 2 ? 0 : Math.max(1, 2 - count)),
  ),
  /** EAN-8, UPC-A, EAN-13 and ITF-14: GS1 General Specifications, 7.9. */
  ean: alternating(
    (digit) => 3 * digit,
    15,
    (count, isRight) => {
      if (isRight && EAN_LENGTHS.includes(count)) return 0;
      return (EAN_LENGTHS.find((length) => length > count) ?? Number.POSITIVE_INFINITY) - count;
    },
  ),
  /** ISO 7064, MOD 97-10: two check digits at the end. Three digits at least. */
  "mod97-10": {
    next: (state, character) => {
      const digit = digitOf(character);
      const [value, count] = split(state, 97);
      return Number.isNaN(digit) ? DEAD : ((10 * value + digit) % 97) + 97 * Math.min(count + 1, 3);
    },
    remaining: (state) => (state === 1 + 97 * 3 ? 0 : Math.max(1, 3 - Math.floor(state / 97))),
  },
  /** ISO 7064, MOD 11,10: one check digit, such as that of German tax numbers. Two digits at least. */
  "mod11-10": {
    // The product of the standard is 10 at the start; kept as 0 there, since it is 1 … 10 afterwards. The second part: how many
    // digits there are, 2 for more whose last one is no check digit, 3 where it is.
    next: (state, character) => {
      const digit = digitOf(character);
      const [product, count] = split(state, 11);
      if (Number.isNaN(digit)) return DEAD;
      const sum = ((product || 10) + digit) % 10;
      const seen = count === 0 ? 1 : sum === 1 ? 3 : 2;
      return ((2 * (sum || 10)) % 11) + 11 * seen;
    },
    remaining: (state) => [2, 1, 1, 0][Math.floor(state / 11)],
  },
  /** ISO 7064, MOD 11-2: one check digit or X at the end, such as that of ORCID and ISNI. Two at least. */
  "mod11-2": {
    // Behind an X nothing may follow.
    next: (state, character) => {
      const digit = digitOf(character);
      const [value, seen] = split(state, 11);
      const last = /^[xX]$/.test(character) ? 10 : digit;
      if (Number.isNaN(last) || seen === 4) return DEAD;
      const isRight = seen > 0 && (value + last) % 11 === 1;
      if (last === 10) return isRight ? 11 * 4 : DEAD;
      return ((2 * (value + last)) % 11) + 11 * (seen === 0 ? 1 : isRight ? 3 : 2);
    },
    remaining: (state) => [2, 1, 1, 0, 0][Math.floor(state / 11)],
  },
  /**
   * International bank account numbers: ISO 13616-1. MOD 97-10 over digits and letters, the first four behind all others. How long
   * those of a country are is not checked; say it by `length`.
   */
  iban: {
    next: (state, character) => {
      const [front, rest] = split(state, 97);
      const [back, count] = split(rest, 97);
      const isLetter = !Number.isNaN(letterOf(character));
      const value = isLetter ? letterOf(character) : digitOf(character);
      const isWrong = count < 2 ? !isLetter : count < 4 && isLetter;
      if (Number.isNaN(value) || isWrong || count === IBAN_MOST) return DEAD;
      const on = (sum: number): number => (sum * (value < 10 ? 10 : 100) + value) % 97;
      return (count < 4 ? on(front) + 97 * back : front + 97 * on(back)) + ALL_IBAN * (count + 1);
    },
    remaining: (state) => {
      const [front, rest] = split(state, 97);
      const [back, count] = split(rest, 97);
      if (count < 5) return 5 - count;
      // Two letters and two digits stand for six digits.
      if ((back * 1_000_000 + front) % 97 === 1) return 0;
      return count === IBAN_MOST ? Number.POSITIVE_INFINITY : 1;
    },
  },
} satisfies Record<string, Rule>;

/** How numbers check themselves. */
export type Checksum = keyof typeof RULES;

export const CHECKSUMS = Object.keys(RULES) as readonly Checksum[];

/** What may stand between the digits of a number. */
const BETWEEN = " -./";

/** Strings whose checksum is right. @param alphabet symbol i is `alphabet[i]` */
export function checked(checksum: Checksum, alphabet: readonly string[]): Automaton {
  const { next, remaining } = RULES[checksum];
  return {
    next: (state, symbol) => (BETWEEN.includes(alphabet[symbol]) ? state : next(state, alphabet[symbol])),
    remaining,
  };
}
