/**
 * One small file for each layer, mode and exporter (golden/make_corpus.py): what is imported computes what ONNX Runtime
 * does, and what cannot be imported is refused by the name of an operator. Nothing is wrong without a word.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { type Imported, importOnnx } from "../../src/import/onnx.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { logitsOf } from "./logits.ts";

beforeAll(() => setPlatform(nodePlatform));

interface Entry {
  /** The file, in hexadecimal. */
  readonly model: string;
  /** What ONNX Runtime gives for the three pictures. */
  readonly outputs: readonly (readonly number[])[];
}

const packed = readFileSync(new URL("golden/corpus.json.gz", import.meta.url));
const corpus = JSON.parse(gunzipSync(packed).toString()) as Readonly<Record<string, Entry>>;
const pixels = Uint8Array.from({ length: 3 * 64 }, (_, i) => (i * 89 + ((i * i) % 37) * 5) % 256);

/** Files that are refused, by the message behind the file's name. A file that comes to be imported leaves the list. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    "Asinh Atan Ceil Cos Floor GlobalLpPool Hardmax LpPool MeanVarianceNormalization ReduceProd Round Sin Sinh Tan"
      .split(" ")
      .map((op) => [`hand-13: ${op}`, new RegExp(`\\(${op}\\): this operator cannot be imported`)]),
  ),
  "hand-18: ReduceProd": /\(ReduceProd\): this operator cannot be imported/,
  "hand-11: Resize-nearest-tf_crop_and_resize":
    /\(Resize\): its coordinate_transformation_mode is "tf_crop_and_resize"/,
  "hand-11: Resize-linear-tf_crop_and_resize": /\(Resize\): its coordinate_transformation_mode is "tf_crop_and_resize"/,
  "hand-11: Resize-cubic-tf_crop_and_resize": /\(Resize\): its coordinate_transformation_mode is "tf_crop_and_resize"/,
  "hand-18: Resize-not_larger": /\(Resize\): its keep_aspect_ratio_policy is "not_larger"/,
  "hand-18: Resize-not_smaller": /\(Resize\): its keep_aspect_ratio_policy is "not_smaller"/,
  "torch: ends-softmax-permuted": /\(GatherND\): this operator cannot be imported/,
  "torch: ends-one-number": /it has one output, which is no probability/,
};

const normalized = (row: readonly number[]): number[] => {
  const sum = row.reduce((total, value) => total + value, 0);
  return row.map((value) => value / sum);
};
const softmaxOf = (row: readonly number[]): number[] => {
  const top = Math.max(...row);
  return normalized(row.map((value) => Math.exp(value - top)));
};

/** Two classes where there is one output. */
const asClasses = (row: readonly number[]): readonly number[] => (row.length === 1 ? [1 - row[0], row[0]] : row);

function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  const scale = Math.max(...wanted.map(Math.abs));
  for (const [k, value] of wanted.entries()) {
    expect(Math.abs(found[k] - value), `${k}: ${found[k]} instead of ${value}`).toBeLessThan(1e-5 * scale);
  }
}

const read = (name: string): Promise<Imported> =>
  importOnnx(Buffer.from(corpus[name].model, "hex"), "a.onnx", () => Promise.reject(new Error("no other files")));

describe("files of every layer", () => {
  it.each(Object.keys(corpus).filter((name) => REFUSED[name] === undefined))("%s", async (name) => {
    const { model, notes } = await read(name);
    const logits = await logitsOf(model, pixels);
    const rows = [0, 1, 2].map((n) => logits.slice((n * logits.length) / 3, ((n + 1) * logits.length) / 3));
    for (const [n, row] of rows.entries()) {
      const wanted = corpus[name].outputs[n];
      // Without a note the outputs are the logits; with one they are probabilities, or parts of a sum.
      const isSaid = notes.some((note) => /softmax|probabilit/.test(note));
      if (isSaid) expectClose(softmaxOf(row), normalized(asClasses(wanted)));
      else expectClose(row, wanted);
    }
  });

  it.each(Object.keys(REFUSED))("%s is refused", async (name) => {
    const error = await read(name).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error?.message).toMatch(/^a\.onnx: /);
    expect(error?.message.slice("a.onnx: ".length)).toMatch(REFUSED[name]);
  });
});
