/** `ductus export` as it is typed: files of every format, what it says about them, and what it says about mistakes. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { letters } from "../helpers/sequence-models.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

let cwd: string;

/** Pictures of 8×8 pixels, bright above or below. */
const rows = Array.from({ length: 40 }, (_, i) => {
  const pixels = Array.from({ length: 64 }, (_, p) => (p < 32 === i % 2 > 0 ? 150 : 0) + ((i * 31 + p * 17) % 90));
  return [i % 2 > 0 ? "up" : "down", ...pixels].join(",");
});

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-export-"));
  await writeFile(join(cwd, "bars.csv"), `${rows.join("\n")}\n`);
  const training = ["--data", "bars.csv", "--model", "mlp", "--epochs", "3", "--val", "0", "--threads", "1"];
  const { status, err } = await ductus(cwd, "train", ...training, "--out", "run");
  expect(status, err).toBe(0);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const MODEL = "run/best.safetensors";

describe("export", () => {
  it.each([
    ["wasm", ["bars.d.ts", "bars.js", "bars.wasm"], "agrees with the model on 32 inputs"],
    ["html", ["bars.html"], "agrees with the model on 32 inputs"],
    ["onnx", ["bars.onnx"], "agrees with the model on 32 inputs"],
    [
      "triton",
      ["inference-service.yaml", "models/bars/1/model.onnx", "models/bars/config.pbtxt", "models/bars/labels.txt"].map(
        (file) => `bars/${file}`,
      ),
      "agrees with the model on 32 inputs",
    ],
    ["pt", ["bars.pt", "bars.py"], "numbers are the same, bit for bit"],
    ["safetensors", ["bars.py", "bars.safetensors"], "numbers are the same, bit for bit"],
  ])("--to %s writes its files and says how well they agree", async (format, files, agreement) => {
    const { status, out, err } = await ductus(cwd, "export", MODEL, "--to", format, "--out", `out-${format}/bars`);
    expect(status, err).toBe(0);
    const found = await readdir(join(cwd, `out-${format}`), { recursive: true });
    expect(found.filter((path) => /\.\w+$/.test(path)).sort()).toEqual(files);
    for (const file of files) expect(out).toContain(join(`out-${format}`, file));
    expect(out).toContain(agreement);
    expect(out).toMatch(/^one picture, in the engine +µs +share\n\S+ → [\d×]+ +[\d.]+ +\d+ %$/m);
    expect(out.includes("by itself: ready in")).toBe(["wasm", "html"].includes(format));
  });

  it("--to pt of a model of texts writes the weights, and says why there is no module", async () => {
    setPlatform(nodePlatform);
    await writeFile(join(cwd, "letters.safetensors"), await encodeModel(letters()));
    const { status, out, err } = await ductus(cwd, "export", "letters.safetensors", "--to", "pt", "--out", "texts/net");
    expect(status, err).toBe(0);
    expect(await readdir(join(cwd, "texts"))).toEqual(["net.pt"]);
    expect(out).toContain("numbers are the same, bit for bit");
    expect(err.trim()).toMatch(/^note +net\.py, the PyTorch module, is left out: [^\n]+ is to generate text$/);
  });

  it("takes the name of the file itself for the same", async () => {
    const { out } = await ductus(cwd, "export", MODEL, "--to", "onnx", "--out", "named/bars.onnx");
    expect(out).toContain("outputs are the same");
    expect(await readdir(join(cwd, "named"))).toEqual(["bars.onnx"]);
  });

  it("gives a recognizer that reads", async () => {
    await ductus(cwd, "export", MODEL, "--to", "wasm", "--out", "alone/bars");
    const { load } = await import(pathToFileURL(join(cwd, "alone/bars.js")).href);
    const { labels, inputShape, read } = await load();
    const [height, width] = inputShape;
    expect(labels).toEqual(["down", "up"]);
    for (const [label, up] of [
      ["up", true],
      ["down", false],
    ] as const) {
      const seen = Uint8Array.from({ length: height * width }, (_, p) => (p < (height / 2) * width === up ? 200 : 30));
      expect(read(seen)[0].label).toBe(label);
    }
  });

  it.each([
    [["--to", "wsam"], 2, /unknown format "wsam"; did you mean "wasm"\?/],
    [[], 2, /--to/],
    [["--to", "safetensors", "--out", "run/best"], 2, /would be overwritten by its own export/],
  ])("%j is refused in one line", async (words, expected, message) => {
    const { status, err } = await ductus(cwd, "export", MODEL, ...words);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(err).toMatch(message);
    expect(status).toBe(expected);
  });
});
