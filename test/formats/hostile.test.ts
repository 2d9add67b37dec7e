/** Small files that would take seconds or gigabytes if they were believed. Processor time is measured: others use the machine. */
import { describe, expect, it } from "vitest";
import { checkAugmentations } from "../../src/augment/augmentations.ts";
import { DuctusError, TooLargeError } from "../../src/engine/errors.ts";
import { decodeWeights } from "../../src/formats/weights-file.ts";
import { writeZip } from "../../src/formats/zip.ts";
import { applyPreprocessing } from "../../src/picture/preprocess.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { classNames } from "../../src/task/classify/classify.ts";
import { rawSafetensors } from "./helpers.ts";

/** What an action throws, and how many milliseconds of processor time it takes. */
function outcome(action: () => unknown): { readonly error: unknown; readonly milliseconds: number } {
  const before = process.cpuUsage();
  let error: unknown;
  try {
    action();
  } catch (thrown) {
    error = thrown;
  }
  const { user, system } = process.cpuUsage(before);
  return { error, milliseconds: (user + system) / 1000 };
}

const pickled = (...instructions: (string | readonly number[])[]): Uint8Array => {
  const pickle = instructions.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part)] : [...part]));
  return writeZip(new Map([["a/data.pkl", Uint8Array.from([0x80, 2, 0x7d, ...pickle, 0x4b, 1, 0x73, 0x2e])]]));
};
/** A tuple of twice the same tuple of twice … */
const doubled = Array.from({ length: 40 }, () => [0x71, 0, 0x68, 0, 0x86]).flat();
/** What an OrderedDict is made of again and again: a list of 20,000 pairs. */
const pairs = ["]q\0(", new Array(20_000).fill([0x29, 0x29, 0x86]).flat(), "e"];
const again = new Array(20_000).fill([..."ccollections\nOrderedDict\nh\0\x85R0"].map((c) => c.charCodeAt(0))).flat();

const REFUSED: Readonly<Record<string, () => unknown>> = {
  "a key that is a tuple of tuples without end": () => decodeWeights(pickled([0x29], doubled), "a.pt"),
  "a key that is 100,000 tuples deep": () => decodeWeights(pickled("N", new Array(100_000).fill(0x85)), "a.pt"),
  "dictionaries made of one long list": () => decodeWeights(pickled(...pairs, again, "N"), "a.pt"),
  "a header of empty objects": () => decodeWeights(rawSafetensors(`{"a":[${"{},".repeat(2e6)}0]}`), "a"),
  "an element type that is no text": () =>
    decodeWeights(rawSafetensors('{"a":{"dtype":{"toString":1},"shape":[],"data_offsets":[0,0]}}'), "a"),
  "an augmentation with a name of a million characters": () => checkAugmentations([{ name: "x".repeat(1e6) }]),
  "100,000 class names, one of them twice": () => classNames([...Array.from({ length: 1e5 }, (_, i) => `${i}`), "7"]),
};

describe("what would cost too much", () => {
  it.each(Object.entries(REFUSED))("is refused soon and in one short line: %s", (_, action) => {
    const { error, milliseconds } = outcome(action);
    expect(error).toBeInstanceOf(DuctusError);
    expect((error as Error).message.length).toBeLessThan(400);
    // Minutes or all memory, if it were not linear; how long it takes is for the benchmarks to say.
    expect(milliseconds).toBeLessThan(20_000);
  });

  it("is a TooLargeError where more of it would be accepted", () => {
    expect(outcome(REFUSED["a header of empty objects"]).error).toBeInstanceOf(TooLargeError);
    expect(outcome(REFUSED["dictionaries made of one long list"]).error).toBeInstanceOf(TooLargeError);
  });

  it("does not include thick strokes of large pictures", () => {
    const side = 512;
    const data = new Uint8Array(side * side).fill(255);
    for (let i = 0; i < side; i++) data[i * side + i] = 0;
    const thick = { ...MNIST_PREPROCESSING, minStroke: 64 };
    const { error, milliseconds } = outcome(() =>
      applyPreprocessing(thick, { width: side, height: side, channels: 1, data }),
    );
    expect(error).toBeUndefined();
    expect(milliseconds).toBeLessThan(20_000);
  });
});
