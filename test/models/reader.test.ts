/** The reader of numbers: what follows a line, and what is read beside it, changes nothing; it learns, and comes back from its file. */
import { describe, expect, it, vi } from "vitest";
import "../../src/index.ts";
import { ImageDataset } from "../../src/data/dataset.ts";
import { REACH } from "../../src/models/reader.ts";
import { LINE } from "../../src/picture/line.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { printedDigits } from "../../src/synthesis/print.ts";
import { stringsOf } from "../../src/synthesis/strings-of.ts";
import { fit as train } from "../../src/train/fit.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { predict } from "../../src/use/predict.ts";
import { LineReader } from "../../src/use/read-line.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { createReader } from "../helpers/reader.ts";
import { wasmBackendHere } from "../helpers/wasm-backend.ts";

const DIGITS = [..."0123456789"];

/** A reader whose batch norms have seen something: fresh ones leave everything as it is. */
function reader(): ReturnType<typeof createReader> {
  const model = createReader(DIGITS, 5);
  for (const [name, { data }] of model.network.namedParameters()) {
    if (name.endsWith("running_mean")) data.fill(-0.2);
    if (name.endsWith("running_var")) data.fill(0.5);
  }
  return model;
}

/** Columns of a line, the same for the same seed. */
const noise = (columns: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: columns * LINE.height }, (_, i) => (i * i * 31 + i * seed * 17) % 251);

async function logitsOf(model: ReturnType<typeof createReader>, lines: readonly Uint8Array[], columns: number) {
  const backend = await wasmBackendHere({ threads: 1 });
  const program = await backend.compile(inferenceGraph(model, lines.length, { columns }));
  const { x, length } = program.inputs;
  x.fill(0);
  for (const [i, line] of lines.entries()) {
    x.set(line, i * columns * LINE.height);
    length[i] = line.length / LINE.height;
  }
  program.run();
  const { logits, frames } = await program.read();
  const size = logits.length / lines.length;
  const found = lines.map((_, i) => logits.slice(i * size, i * size + frames[i] * (DIGITS.length + 1)));
  await backend.close();
  return found;
}

describe("the reader", () => {
  it("has at most 120,000 weights", () => {
    const sizes = [...createReader([...DIGITS, ...".,-/$€£?"]).network.namedParameters()].map(([, { size }]) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120_000);
  });

  it("gives the same numbers however much paper follows and whatever is read beside a line", async () => {
    const model = reader();
    const line = noise(40, 3);
    // The narrowest picture in which the line has its paper behind it.
    expect(40 + LINE.margin).toBe(64);
    const [alone] = await logitsOf(model, [line], 64);
    expect(alone.length).toBe(20 * 11);
    expect(new Set(alone).size).toBeGreaterThan(100);
    for (const columns of [96, 128, 192]) expect(await logitsOf(model, [line], columns)).toEqual([alone]);
    const [, among] = await logitsOf(model, [noise(80, 1), line, noise(12, 7)], 128);
    expect(among).toEqual(alone);
    // With less paper than a frame may see it would not be so.
    expect(LINE.margin).toBeGreaterThanOrEqual(REACH);
    const [short] = await logitsOf(model, [line], 44);
    expect(short).not.toEqual(alone);
  });

  it("learns strings, reads pictures of them alone and together, and is the same from its file", async () => {
    const print = printedDigits(DIGITS.map((_, i) => i));
    const area = print.height * print.width;
    // One face, so that little is to be learned.
    const images = print.images.slice(0, 10 * area);
    const dataset = new ImageDataset({
      name: "print",
      images,
      labels: print.symbols.slice(0, 10),
      height: print.height,
      width: print.width,
      classes: DIGITS,
    });
    const style = {
      spacings: [[1, { low: 2, high: 6, jitter: 1 }]],
      clutter: { box: 0, rule: 0, dirt: 0, noise: 0 },
      calm: 1,
    } as const;
    const strings = stringsOf(dataset, { length: 256, style, characters: [1, 3], seed: 1 });
    const model = createReader(strings.alphabet, 2);
    const held = stringsOf(dataset, { length: 50, style, characters: [1, 3], seed: 9, isEndless: false });
    const before = await evaluate(model, held, { threads: 1 });
    const run = await train(model, strings, {
      validation: held,
      epochs: 4,
      batchSize: 16,
      lr: 0.01,
      seed: 1,
      threads: 1,
    });
    const measured = await evaluate(run.model, held, { threads: 1 });
    expect(measured.loss).toBeLessThan(before.loss / 2);
    expect(run.model.temperature).toBeGreaterThan(0);

    const again = await load<typeof run.model.task>(await encodeModel(run.model));
    const pictures = [[1, 7], [4, 0, 0, 2], [3]].map((digits) => printed(images, print, digits));
    const lines = await LineReader.open(again);
    const together = await lines.readAll(pictures);
    for (const [i, picture] of pictures.entries()) {
      expect(await lines.read(picture)).toEqual(together[i]);
      expect(await predict(run.model, picture)).toEqual(together[i]);
    }
    await lines.close();
    expect(new Set(together.map(({ probability }) => probability)).size).toBe(3);
  });

  it("reads short lines with the program of a long one, to the same bits, until one of their own has paid", async () => {
    const backend = await wasmBackendHere({ threads: 1 });
    const compile = vi.spyOn(backend, "compile");
    const lines = await LineReader.open(reader(), backend);
    const line = (columns: number, seed: number) => ({ pixels: noise(columns, seed), columns, left: 0, scale: 1 });
    const logits = (all: readonly ReturnType<typeof line>[]) =>
      lines.run(all, ({ outputs }) => outputs.logits.slice(0, outputs.frames[0] * (1 + DIGITS.length)));
    const few = await logits([line(40, 3), line(300, 1), line(60, 2)]);
    expect(compile).toHaveBeenCalledTimes(1);
    expect(few.map(({ length }) => length / (1 + DIGITS.length))).toEqual([20, 150, 30]);
    const many = await logits(Array.from({ length: 40 }, () => line(40, 3)));
    expect(compile).toHaveBeenCalledTimes(2);
    for (const own of many) expect(own).toEqual(few[0]);
    await lines.close();
  });

  it("draws its weights by the seed", () => {
    const [a, b, c] = [createReader(DIGITS, 1), createReader(DIGITS, 1), createReader(DIGITS, 2)].map(
      ({ network }) => [...network.namedParameters()][0][1].data[3],
    );
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });
});

/** Digits side by side, dark on paper. */
function printed(images: Uint8Array, { height, width }: { height: number; width: number }, digits: number[]): Picture {
  const data = new Uint8Array(height * width * digits.length).fill(240);
  for (const [k, digit] of digits.entries()) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        data[y * width * digits.length + k * width + x] = 240 - 0.9 * images[(digit * height + y) * width + x];
      }
    }
  }
  return { width: width * digits.length, height, channels: 1, data };
}
