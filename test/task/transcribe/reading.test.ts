/** What stands in a field: probabilities by what may stand there, and the characters. */
import { expect, it } from "vitest";
import { fieldAutomaton } from "../../../src/task/transcribe/fields/field.ts";
import { readField } from "../../../src/task/transcribe/reading.ts";
import { logs } from "./ctc-paths.ts";

const DIGITS = [..."0123456789"];

/** Frames that say digits, each surely but for one other, with a blank behind each. */
function frames(...digits: [digit: number, probability: number, other: number][]): number[] {
  const rows = digits.flatMap(([digit, probability, other]) => {
    const row = Array.from({ length: 11 }, () => 1e-9);
    row[1 + digit] = probability;
    row[1 + other] = 1 - probability;
    return [row, [1, ...Array.from({ length: 10 }, () => 1e-12)]];
  });
  return logs(rows);
}

it("without rules says what is likeliest, and how likely each character is", () => {
  const found = readField({ scores: frames([7, 0.9, 1], [5, 0.6, 3]), classes: 11 }, DIGITS);
  expect(found?.text).toBe("75");
  expect(found?.probability).toBeCloseTo(0.54, 6);
  expect(found?.fit).toBe(1);
  expect(found?.alternatives.map(({ text }) => text)).toEqual(["73", "15", "13", expect.any(String)]);
  expect(found?.characters).toEqual([
    { text: "7", start: 0, end: 1, probability: expect.closeTo(0.9, 6) },
    { text: "5", start: 2, end: 3, probability: expect.closeTo(0.6, 6) },
  ]);
});

it("with a checksum weighs only the numbers whose checksum is right", () => {
  // Of 75, 78, 15 and 18 two pass Luhn's check: 7 doubled is 14, 1 + 4 + 5 = 10; 1 doubled is 2, 2 + 8 = 10.
  const allowed = fieldAutomaton({ checksum: "luhn", length: 2 }, DIGITS);
  const found = readField({ scores: frames([7, 0.9, 1], [5, 0.6, 8]), classes: 11 }, DIGITS, { allowed });
  expect(found?.text).toBe("75");
  expect(found?.fit).toBeCloseTo(0.54 + 0.04, 5);
  expect(found?.probability).toBeCloseTo(0.54 / 0.58, 5);
  expect(found?.alternatives[0]).toEqual({ text: "18", probability: expect.closeTo(0.04 / 0.58, 5) });
});

it("a small fit says that something else stands there", () => {
  const allowed = fieldAutomaton({ values: ["12", "99"] }, DIGITS);
  const found = readField({ scores: frames([7, 0.9, 1], [5, 0.6, 2]), classes: 11 }, DIGITS, { allowed });
  expect(found?.text).toBe("12");
  expect(found?.fit).toBeCloseTo(0.04, 6);
  expect(found?.probability).toBeCloseTo(1, 6);
  expect(found?.characters.map(({ probability }) => probability)).toEqual([1, 1]);
});

it("is nothing where what may stand there has more characters than frames", () => {
  const allowed = fieldAutomaton({ length: 5 }, DIGITS);
  expect(readField({ scores: frames([7, 0.9, 1]), classes: 11 }, DIGITS, { allowed })).toBeUndefined();
});
