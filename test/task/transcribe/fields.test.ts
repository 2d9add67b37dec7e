/** What may stand in a field: patterns against those of JavaScript, checksums against numbers that are known to be right. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/engine/random.ts";
import { type Automaton, DEAD } from "../../../src/task/transcribe/fields/automaton.ts";
import { CHECKSUMS, type Checksum, checked } from "../../../src/task/transcribe/fields/checksums.ts";
import { fieldAutomaton } from "../../../src/task/transcribe/fields/field.ts";
import { matching } from "../../../src/task/transcribe/fields/pattern.ts";

const DIGITS = [..."0123456789"];
const ALL = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ -./,"];

/** Whether a string is allowed; then it is never shorter than was said on the way. */
function allows(automaton: Automaton, alphabet: readonly string[], string: string): boolean {
  let [state, left] = [0, string.length];
  let isLong = automaton.remaining(state) <= left;
  for (const character of string) {
    state = automaton.next(state, alphabet.indexOf(character));
    if (state === DEAD) return false;
    isLong &&= automaton.remaining(state) <= --left;
  }
  if (automaton.remaining(state) > 0) return false;
  expect(isLong).toBe(true);
  return true;
}

/** All strings of up to `most` symbols. */
function stringsOf(alphabet: readonly string[], most: number): string[] {
  const all = [""];
  let last = [""];
  for (let n = 0; n < most; n++) {
    last = last.flatMap((string) => alphabet.map((symbol) => string + symbol));
    all.push(...last);
  }
  return all;
}

describe("a pattern", () => {
  const alphabet = [..."012,-"];
  const strings = stringsOf(alphabet, 5);
  it.each([
    "",
    "0",
    "012",
    "0|12|",
    "[01]+",
    "[^01]{2}",
    "\\d{2,3}",
    "\\d{0,2}(,\\d\\d)?",
    "-?\\d+",
    "(0|1)*2",
    "(?:01)*",
    "(01|0)(1|11)?",
    ".{3,}",
    "[0-2]{2}[,\\-]?",
    "^0{2}1*$",
    "(0*1*)*",
    "((0|1){2}){1,2}",
    "\\D\\W.?",
    "0{0}1",
    "[-0]{2}",
  ])("%j matches what it matches in JavaScript", (pattern) => {
    const automaton = matching(pattern, alphabet);
    const expression = new RegExp(`^(?:${pattern})$`, "u");
    expect(strings.filter((string) => allows(automaton, alphabet, string))).toEqual(
      strings.filter((string) => expression.test(string)),
    );
  });

  it.each([
    ["(0", '")" is missing, at character 3'],
    ["0)", '")" has no beginning, at character 2'],
    ["[01", '"]" is missing, at character 4'],
    ["*0", '"*" has nothing before it; write "\\\\*" for the character, at character 1'],
    ["0{a}", '"{" needs a count and "}", at character 3'],
    ["0{3,2}", "{3,2} counts down, at character 7"],
    ["0{2000}", "counts go up to 1000, at character 7"],
    ["[2-0]", "2-0 goes down, at character 4"],
    ["\\b0", '"\\\\b" is not known, at character 2'],
    ["(?=0)", '"(?" is known as "(?:" alone, at character 3'],
    ["0\\", "a character is missing behind the backslash, at character 3"],
  ])("%j says what is wrong", (pattern, message) => {
    expect(() => matching(pattern, alphabet)).toThrow(`pattern ${JSON.stringify(pattern)}: ${message}`);
  });

  it("may be nested as deep as it is long", () => {
    expect(allows(matching(`${"(".repeat(399)}0*${")*".repeat(149)}${")".repeat(250)}`, DIGITS), DIGITS, "000")).toBe(
      true,
    );
    expect(() => matching("(".repeat(2000), DIGITS)).toThrow("is longer than 1000 characters");
  });

  it("that would grow without end is refused", () => {
    const automaton = matching("(.{0,300}0.{300}){9}", DIGITS);
    expect(() => allows(automaton, DIGITS, "0120120".repeat(200))).toThrow("is too complicated; write a simpler one");
  });
});

const RIGHT: Record<Checksum, readonly string[]> = {
  luhn: ["79927398713", "4539 1488 0343 6467", "00", "18"],
  ean: ["4006381333931", "73513537", "036000291452", "10012345678902"],
  "mod97-10": ["79444", "3214282912345698765432161182"],
  "mod11-10": ["07945", "86095742719"],
  "mod11-2": ["07940", "0000-0002-1825-0097", "0000-0002-1694-233X"],
  iban: ["GB82WEST12345698765432", "DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606"],
};

describe.each(CHECKSUMS)("the checksum %s", (checksum) => {
  const automaton = checked(checksum, ALL);

  it.each(RIGHT[checksum])("holds for %s, and for none with another digit", (number) => {
    expect(allows(automaton, ALL, number)).toBe(true);
    [...number].forEach((character, i) => {
      if (!DIGITS.includes(character)) return;
      for (const other of DIGITS) {
        const changed = number.slice(0, i) + other + number.slice(i + 1);
        if (other !== character) expect([changed, allows(automaton, ALL, changed)]).toEqual([changed, false]);
      }
    });
  });

  it("holds for a share of all numbers", () => {
    const random = new Random(1, "user");
    const [length, letters, share] = {
      luhn: [7, "", 1 / 10],
      ean: [8, "", 1 / 10],
      "mod97-10": [7, "", 1 / 97],
      "mod11-10": [7, "", 1 / 10],
      "mod11-2": [7, "", 1 / 11],
      iban: [16, "DE", 1 / 97],
    }[checksum] as [number, string, number];
    const count = 20_000;
    let right = 0;
    for (let n = 0; n < count; n++) {
      const number = letters + Array.from({ length }, () => random.integer(10)).join("");
      right += Number(allows(automaton, ALL, number));
    }
    // Five standard deviations.
    expect(Math.abs(right / count - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / count));
  });

  it("needs more than nothing", () => {
    expect(allows(automaton, ALL, "")).toBe(false);
    expect(allows(automaton, ALL, "0,")).toBe(false);
  });
});

describe("a field", () => {
  it("may have all rules at once", () => {
    const automaton = fieldAutomaton(
      { length: [4, 6], pattern: "1.*", values: ["18", "1107", "1115", "9993"], checksum: "luhn" },
      DIGITS,
    );
    const allowed = ["18", "1107", "1115", "9993", "1100"].filter((string) => allows(automaton, DIGITS, string));
    expect(allowed).toEqual(["1107", "1115"]);
  });

  it("of which nothing is said may hold anything", () => {
    const automaton = fieldAutomaton({}, DIGITS);
    for (const string of ["", "1", "0987654321"]) expect(allows(automaton, DIGITS, string)).toBe(true);
  });

  it.each([
    [{ length: -1 }, "length -1 to -1: whole numbers from 0 are needed, the smaller first"],
    [{ length: [3, 2] as const }, "length 3 to 2: whole numbers from 0 are needed, the smaller first"],
    [{ values: ["12", "1A"] }, 'values: "1A" has "A", which the reader cannot read'],
    [{ values: [] }, 'no string of "0123456789" meets values "[]"'],
    [{ length: 3, pattern: "\\d{4}" }, 'no string of "0123456789" meets length "3", pattern'],
    [{ pattern: "[a-z]" }, 'no string of "0123456789" meets pattern'],
    [{ length: 9, checksum: "ean" as const }, 'no string of "0123456789" meets length "9", checksum "\\"ean\\""'],
    [{ values: ["1106", "1114"], checksum: "luhn" as const }, 'no string of "0123456789" meets values'],
  ])("%j is refused: %s", (field, message) => {
    expect(() => fieldAutomaton(field, DIGITS)).toThrow(message);
  });
});
