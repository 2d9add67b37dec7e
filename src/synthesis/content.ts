/** What is to stand in a string: which characters of which writer, numbers as they are written, or nothing that can be read. */
import type { Random } from "../engine/random.ts";
import type { Glyphs } from "./glyphs.ts";

/** Most characters of a string. */
export const MOST = 24;

/** Characters of a string in their order, in arrays that are used for one string after the other. */
export class Content {
  count = 0;
  /** Of each, the material that it is from, and its number there. */
  readonly from: Glyphs[] = [];
  readonly glyph = new Int32Array(MOST);
  /** Whether it is a sign, whose height says nothing of the height of the digits. */
  readonly isSign = new Uint8Array(MOST);
  /** Whether something is drawn over all of it. */
  isStruck = false;
  /** What it says: places in the alphabet. */
  readonly says: number[] = [];

  clear(): void {
    this.count = 0;
    this.says.length = 0;
    this.isStruck = false;
  }

  add(glyphs: Glyphs, glyph: number, isSign: boolean): void {
    if (this.count === MOST) return;
    this.from[this.count] = glyphs;
    this.glyph[this.count] = glyph;
    this.isSign[this.count] = isSign ? 1 : 0;
    this.count++;
  }

  /** Leaves out the last character. */
  dropLast(): void {
    this.count--;
    this.says.length = Math.min(this.says.length, this.count);
  }
}

/** All that strings are made of. */
export interface Material {
  /** Characters that were written; strings are of one writer each. */
  readonly written: Glyphs;
  /** Printed ones, for that share of the strings. */
  readonly printed?: { readonly glyphs: Glyphs; readonly share: number } | undefined;
  readonly signs?: Glyphs | undefined;
  /** Places of the signs in the alphabet. */
  readonly places: ReadonlyMap<string, number>;
  /** Letters and scribbles, each of which is this one symbol: what a frame answers hangs on what it sees, and on nothing beside it. */
  readonly unreadable?: { readonly glyphs: Glyphs; readonly symbol: number } | undefined;
}

/** Shares of strings that are no plain numbers. */
export interface Kinds {
  readonly amount: number;
  readonly unreadable: number;
  readonly struck: number;
  readonly empty: number;
}

/** A digit is followed by another one of its kind more often than chance has it: doubled digits are what is lost most. */
const AGAIN = 0.12;

/** How amounts, dates and other numbers with signs are written: n for any number of digits, d for one. */
const PATTERNS = [
  "n.dd",
  "n,dd",
  "n.ddd",
  "n,ddd.dd",
  "$n.dd",
  "$n",
  "€n,dd",
  "n€",
  "£n",
  "-n",
  "-n.dd",
  "n/-",
  "n.-",
  "dd/dd/dddd",
  "dd.dd.dd",
  "dd-dd-dddd",
  "d/d",
  "n-n",
  "ddd-dddd",
  "n-",
];

/** Draws what a string is to be. @returns the writer, by place in the material; -1 for print */
export function drawContent(
  content: Content,
  material: Material,
  characters: number,
  kinds: Kinds | undefined,
  random: Random,
): number {
  content.clear();
  const { written, printed, signs, unreadable } = material;
  const isPrinted = printed !== undefined && random.uniform() < printed.share;
  const glyphs = isPrinted ? printed.glyphs : written;
  const writer = random.integer(glyphs.writers.length);
  const kind = random.uniform();
  const { amount, unreadable: odd, struck, empty } = kinds ?? NONE;
  if (kind < empty) return -1;
  if (unreadable !== undefined && kind < empty + odd) {
    const wrong = random.integer(unreadable.glyphs.writers.length);
    const letters = Math.max(1, Math.min(characters, 1 + random.integer(6)));
    const { glyphs: source } = unreadable;
    for (let k = 0; k < letters; k++) {
      content.add(source, source.of(wrong, random.integer(source.countOf(wrong))), false);
      content.says.push(unreadable.symbol);
    }
    return -1;
  }
  if (unreadable !== undefined && kind < empty + odd + struck) {
    drawDigits(content, glyphs, writer, Math.max(2, characters), random);
    content.says.fill(unreadable.symbol);
    content.isStruck = true;
    return -1;
  }
  if (signs !== undefined && kind < empty + odd + struck + amount) {
    drawPattern(content, material, glyphs, writer, characters, random);
  } else {
    drawDigits(content, glyphs, writer, characters, random);
  }
  return isPrinted ? -1 : writer;
}

const NONE: Kinds = { amount: 0, unreadable: 0, struck: 0, empty: 0 };

function drawDigits(content: Content, glyphs: Glyphs, writer: number, count: number, random: Random): void {
  const all = glyphs.countOf(writer);
  let before = -1;
  for (let k = 0; k < count; k++) {
    const same = before >= 0 && random.uniform() < AGAIN ? glyphs.range(writer, before) : undefined;
    const nth = same === undefined ? random.integer(all) : same[0] + random.integer(same[1]);
    const glyph = glyphs.of(writer, nth);
    before = glyphs.symbols[glyph];
    content.add(glyphs, glyph, false);
    content.says.push(before);
  }
}

function drawPattern(
  content: Content,
  { signs, places }: Material,
  glyphs: Glyphs,
  writer: number,
  characters: number,
  random: Random,
): void {
  const pattern = PATTERNS[random.integer(PATTERNS.length)];
  const hand = signs === undefined ? 0 : random.integer(signs.writers.length);
  const free = Math.max(1, characters - pattern.length + 1);
  for (const sign of pattern) {
    if (sign === "d") drawDigits(content, glyphs, writer, 1, random);
    else if (sign === "n") drawDigits(content, glyphs, writer, 1 + random.integer(free), random);
    else {
      const symbol = places.get(sign);
      const range = symbol === undefined ? undefined : signs?.range(hand, symbol);
      if (signs === undefined || range === undefined || symbol === undefined) continue;
      content.add(signs, signs.of(hand, range[0] + random.integer(range[1])), true);
      content.says.push(symbol);
    }
  }
}
