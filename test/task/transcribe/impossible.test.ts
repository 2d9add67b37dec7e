/** Strings that need more frames than a network gives: training names the sample, measuring lists them. */
import { beforeAll, describe, expect, it } from "vitest";
import { Lines } from "../../../src/data/lines.ts";
import { Subset } from "../../../src/data/split.ts";
import { nodePlatform } from "../../../src/platform/node/platform.ts";
import { setPlatform } from "../../../src/platform/platform.ts";
import { framesNeeded } from "../../../src/task/transcribe/ctc-frames.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../../src/train/fit.ts";
import { ImpossibleSampleError } from "../../../src/train/trainer.ts";
import { evaluate } from "../../../src/use/evaluate.ts";
import { strings } from "../../helpers/sequence-models.ts";

beforeAll(() => setPlatform(nodePlatform));

/** The model has 28 frames: 14 equal symbols need 27, 15 need 29. */
const FITS = "1".repeat(14);
const TOO_LONG = "1".repeat(15);

function lines(...texts: readonly string[]): Lines {
  const images = Uint8Array.from({ length: texts.length * 784 }, (_, i) => (i * 37) % 256);
  return new Lines({ images, height: 28, width: 28, strings: texts, alphabet: "123", name: "few" });
}

const OPTIONS = { epochs: 1, lr: 1e-3, threads: 1, preprocess: "none" } as const;
const WHY = `few: sample 4, "${TOO_LONG}", needs 29 frames but the network gives 28; leave it out`;

it("a string needs a frame for each symbol, and one between equal neighbors", () => {
  expect(["", "1", "12", "11", "1121", TOO_LONG].map((text) => framesNeeded([...text]))).toEqual([0, 1, 2, 3, 5, 29]);
});

describe("training", () => {
  it("names the sample, its string and the frames, and keeps the weights", async () => {
    const model = strings();
    const before = [...model.network.namedParameters()].map(([, { data }]) => [...data]);
    const run = trainModel(model, lines("12", "3", FITS, "2", TOO_LONG, "1"), { ...OPTIONS, batchSize: 6 });
    await expect(run).rejects.toThrow(ImpossibleSampleError);
    await expect(run).rejects.toThrow(WHY);
    expect([...model.network.namedParameters()].map(([, { data }]) => [...data])).toEqual(before);
  });

  it("names it by its number in the whole set, in whichever part of a step it stands", async () => {
    const whole = lines("12", "3", FITS, "2", TOO_LONG, "1");
    const some = new Subset(whole, Int32Array.of(1, 4, 2, 5));
    const run = trainModel(strings(), some, { ...OPTIONS, batchSize: 1, accumulate: 4 });
    await expect(run).rejects.toThrow(WHY);
  });

  it("names one that is in the validation data", async () => {
    const validation = lines("12", "3", FITS, "2", TOO_LONG);
    await expect(trainModel(strings(), lines("12", "3"), { ...OPTIONS, validation })).rejects.toThrow(WHY);
  });

  it("learns what just fits", async () => {
    const { history } = await trainModel(strings(), lines("12", FITS), OPTIONS);
    expect(history[0].trainingLoss).toBeGreaterThan(0);
  });
});

it("measuring lists them beside the infinite loss", async () => {
  const measured = await evaluate(strings(), lines("12", TOO_LONG, FITS, `${TOO_LONG}2`), { threads: 1 });
  expect(measured.loss).toBe(Number.POSITIVE_INFINITY);
  const tooLong = [
    { index: 1, truth: TOO_LONG, needed: 29, frames: 28 },
    { index: 3, truth: `${TOO_LONG}2`, needed: 30, frames: 28 },
  ];
  expect(measured.tooLong).toEqual(tooLong);
  expect(measured.toJSON()).toMatchObject({ tooLong });
  expect(measured.text()).toContain(
    `sample 1, "${TOO_LONG}", needs 29 frames but the network gives 28; sample 3, "${TOO_LONG}2", needs 30`,
  );
  const plain = await evaluate(strings(), lines("12", FITS), { threads: 1 });
  expect(plain.text()).not.toContain("too long");
});
