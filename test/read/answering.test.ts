/** From the scores of a network to answers: what is said where no field tells what stands there, and "?" is likely. */
import { expect, it } from "vitest";
import { findNumbers } from "../../src/page/find-numbers.ts";
import { LINE, lineOf } from "../../src/picture/line.ts";
import { answersFor, RuleBook } from "../../src/read/answering.ts";
import { bars, page } from "./tally.ts";

const ALPHABET = ["7", "8", "?"];
const [region] = findNumbers(page(400, 200, bars(3, 100, 80))).regions;

/** One frame that says each of blank, 7, 8 and ? with these probabilities. */
function answer(probabilities: readonly number[], rules?: object) {
  const line = lineOf(LINE, { ...region.crop, channels: 1 });
  const scores = Float32Array.from(probabilities, Math.log);
  const found = { line, scores, classes: 4, blank: 0, columnsOfFrame: line.columns };
  const place = { kind: region.kind, quad: region.quad, region, rules };
  return answersFor([place], [found], new RuleBook(ALPHABET), {})[0];
}

it("a number that is less likely than something unreadable is told, and refused", () => {
  const { text, probability, refused } = answer([0.01, 0.04, 0.3, 0.65]);
  expect([text, refused]).toEqual(["8", "no number"]);
  expect(probability).toBeCloseTo(0.3, 5);
});

it("what may be unreadable is no surer for that it cannot be told", () => {
  const { text, probability, refused, alternatives } = answer([0.001, 0.019, 0.78, 0.2]);
  expect([text, refused]).toEqual(["8", "unsure"]);
  expect(probability).toBeCloseTo(0.78, 5);
  expect(alternatives.map((one) => one.text)).not.toContain("?");
  expect(answer([0.001, 0.009, 0.98, 0.01]).refused).toBeUndefined();
});

it("where a field says what stands there, it does", () => {
  const { text, probability, refused } = answer([0.001, 0.019, 0.78, 0.2], { length: 1 });
  expect([text, refused]).toEqual(["8", undefined]);
  expect(probability).toBeCloseTo(0.78 / 0.799, 4);
});
