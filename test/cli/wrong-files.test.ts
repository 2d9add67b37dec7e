/** Files of other kinds given to every verb that opens a model or weights: one line that says what they are and what to do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serializeTorch } from "../../src/formats/torch-writer.ts";
import { writeZip } from "../../src/formats/zip.ts";
import { create } from "../../src/models/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

let folder: string;

beforeAll(async () => {
  ensureBuilt();
  setPlatform(nodePlatform);
  folder = mkdtempSync(join(tmpdir(), "ductus-"));
  const put = (name: string, bytes: Uint8Array | string): void => writeFileSync(join(folder, name), bytes);
  const json = new TextEncoder().encode("{}");
  put("net.keras", writeZip(new Map(["metadata.json", "config.json", "model.weights.h5"].map((name) => [name, json]))));
  put("net.onnx", Uint8Array.of(8, 8, 0x3a, 0, 0x42, 2, 0x10, 17));
  put("net.pt", serializeTorch(new Map([["fc.weight", { shape: [1], data: Float32Array.of(1) }]])));
  put("table.csv", "label,a,b\n1,2,3\n");
  mkdirSync(join(folder, "saved"));
  put("saved/saved_model.pb", Uint8Array.of(8, 1, 0x12, 0));
  mkdirSync(join(folder, "run"));
  put("run/args.json", "{}");
  put("run/best.safetensors", await encodeModel(create("mlp", { inputShape: [4, 4, 1], classes: ["a", "b"] })));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keras = /it is a Keras model \(\.keras\); .*ductus import net\.onnx\n$/;
const commands: readonly (readonly [words: string, message: RegExp])[] = [
  ["predict net.keras x.png", keras],
  ["explain net.keras x.png", keras],
  ["evaluate net.keras", keras],
  ["export net.keras --to wasm", keras],
  ["info net.keras", keras],
  ["finetune net.keras", keras],
  ["train --teacher net.keras", keras],
  ["import net.keras", keras],
  ["serve net.keras --port 0", keras],
  ["evaluate net.onnx", /it is an ONNX model; bring it in first: ductus import net\.onnx/],
  ["predict net.pt x.png", /weights of PyTorch \(torch\.save\); .*--init net\.pt/],
  ["import net.pt", /not an ONNX file: .*torch\.onnx\.export/],
  ["predict saved x.png", /a SavedModel of TensorFlow; .*--saved-model saved/],
  ["serve saved --port 0", /a SavedModel of TensorFlow; .*--saved-model saved/],
  ["compare net.pt run", /net\.pt is a file, not a run folder/],
  ["evaluate table.csv", /a table \(CSV\); give it as data: --data table\.csv/],
];

test.each(commands)("ductus %s", async (words, message) => {
  const { status, out, err } = await ductus(folder, ...words.split(" "));
  expect(status).not.toBe(0);
  expect(out).toBe("");
  expect(err.split("\n").at(-2)).toMatch(/^ductus: \S+ is /);
  expect(err).toMatch(message);
});

test("a run's folder stands for its best model, and it is said", async () => {
  const { status, out, err } = await ductus(folder, "info", "run");
  expect(err).toBe("note     run is a run folder: its best model is used, run/best.safetensors\n");
  expect(out).toContain("classes        2: a b");
  expect(status).toBe(0);
});

test("a file that is no picture is called what it is", async () => {
  await expect(nodePlatform.decodePicture(join(folder, "run/best.safetensors"))).rejects.toThrow(
    /is not a picture: it is a model file of Ductus; the model comes first, then pictures/,
  );
});
