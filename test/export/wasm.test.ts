/** A recognizer that stands alone reads as the engine does, without the engine, and says so when it is damaged. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileStandalone } from "../../src/engine/backends/wasm/standalone.ts";
import { DataError, DuctusError } from "../../src/engine/errors.ts";
import { Random } from "../../src/engine/random.ts";
import { checkRecognizer, encodeRecognizer } from "../../src/export/recognizer.ts";
import { openRecognizer, type Recognizer } from "../../src/export/standalone/recognizer.ts";
import { exportWasm } from "../../src/export/wasm.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { Predictor } from "../../src/use/predict.ts";
import { MODELS } from "./models.ts";

setPlatform(nodePlatform);
const names = Object.keys(MODELS) as (keyof typeof MODELS)[];
const folder = mkdtempSync(join(tmpdir(), "ductus-wasm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A thick bar and some noise on an even ground. */
function picture(seed: number, width: number, height: number, channels: 1 | 2 | 3 | 4): Picture {
  const random = new Random(seed, "user");
  const [ground, ink] = seed % 2 === 0 ? [250, 20] : [5, 240];
  const [left, top] = [random.integer(width), random.integer(height)];
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const isInk = Math.abs(x - left) <= width / 12 || (y > top && Math.abs(y - top) <= height / 12);
    for (let c = 0; c < channels; c++) {
      const isAlpha = (channels === 2 || channels === 4) && c === channels - 1;
      data[i * channels + c] = isAlpha ? 255 : (isInk ? ink : ground) + random.integer(6);
    }
  }
  return { width, height, channels, data };
}

/** Bars side by side, each as a one is written. */
function ones(count: number): Picture {
  const [width, height] = [60 + 60 * count, 140];
  const isInk = (i: number): boolean => {
    const [x, y] = [(i % width) - 40, Math.floor(i / width)];
    return y >= 30 && y < 110 && x >= 0 && x % 60 < 12 && x < 60 * count;
  };
  return {
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, i) => (isInk(i) ? 20 : 240)),
  };
}

const pictures: readonly Picture[] = [
  picture(0, 28, 28, 1),
  picture(1, 90, 140, 4),
  picture(2, 301, 77, 3),
  picture(3, 9, 11, 2),
  ones(1),
  ones(3),
];

describe("in a Node process that does not have the package", () => {
  interface Found {
    readonly labels: string[];
    readonly readings: { label: string; probability: number }[][];
    readonly characters: number[];
  }
  let found: Record<string, Found>;

  beforeAll(async () => {
    for (const [n, name] of names.entries()) {
      const { files, agreement } = await exportWasm(MODELS[name](), `model-${n}`);
      expect(agreement.worst, name).toBeLessThan(1e-5);
      for (const [file, content] of files) writeFileSync(join(folder, file), content);
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const plain = pictures.map((p) => ({ ...p, data: [...p.data] }));
    writeFileSync(
      join(folder, "use.js"),
      `const pictures = ${JSON.stringify(plain)}.map((p) => ({ width: p.width, height: p.height, data: Uint8ClampedArray.from(p.data) }));
const result = {};
for (const [n, name] of ${JSON.stringify([...names.entries()])}) {
  const { load } = await import("./model-" + n + ".js");
  const { recognize, characters, labels } = await load();
  result[name] = { labels, readings: pictures.map((p) => recognize(p)), characters: pictures.map((p) => characters(p)) };
}
console.log(JSON.stringify(result));
`,
    );
    found = JSON.parse(execFileSync(process.execPath, ["use.js"], { cwd: folder, encoding: "utf8" }));
  }, 60_000);

  test.each(names)("%s gives the probabilities of predict", async (name) => {
    const model = MODELS[name]();
    const predictor = await Predictor.open(model);
    expect(found[name].labels).toEqual(model.classes);
    for (const [i, readings] of found[name].readings.entries()) {
      const { ranking } = predictor.predict(pictures[i]);
      expect(readings).toHaveLength(model.classes.length);
      for (const { name: label, probability } of ranking) {
        const reading = readings.find((each) => each.label === label);
        expect(reading?.probability).toBeCloseTo(probability, 5);
      }
      expect(readings[0].probability).toBe(Math.max(...readings.map(({ probability }) => probability)));
    }
    await predictor.close();
  });

  test.each(names)("%s counts the characters that predict counts", async (name) => {
    const predictor = await Predictor.open(MODELS[name]());
    const counts = pictures.map((each) => predictor.predict(each).characters);
    await predictor.close();
    expect(found[name].characters).toEqual(counts);
    if (MODELS[name]().preprocessing?.kind === "ink") expect(counts.slice(-2)).toEqual([1, 3]);
  });

  test("its types are right for a stranger", () => {
    writeFileSync(
      join(folder, "use.ts"),
      `import { load, type Label } from "./model-${names.length - 1}.js";
const { recognize } = await load(new Uint8Array(3));
const label: Label = recognize(new ImageData(3, 4))[0].label;
const mountain: Label = "山";
// @ts-expect-error no such class
const other: Label = "川";
export { label, mountain, other };
`,
    );
    const tsc = resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
    const settings = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--lib", "es2023,dom"];
    execFileSync(process.execPath, [tsc, ...settings, "--skipLibCheck", "false", "use.ts"], { cwd: folder });
  });
});

describe("reads any picture as predict does", () => {
  const kept: { recognizer: Recognizer; predictor: Predictor }[] = [];
  beforeAll(async () => {
    for (const name of ["separable", "colors, numbers as inputs"] as const) {
      const recognizer = await openRecognizer((await encodeRecognizer(MODELS[name]())).bytes);
      kept.push({ recognizer, predictor: await Predictor.open(MODELS[name]()) });
    }
  });
  afterAll(async () => {
    for (const { predictor } of kept) await predictor.close();
  });

  test("of any size, polarity and number of channels, blank ones included", () => {
    const sizes = fc.integer({ min: 1, max: 90 });
    const channels = fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<1 | 2 | 3 | 4>;
    fc.assert(
      fc.property(fc.nat(), sizes, sizes, channels, fc.boolean(), (seed, width, height, count, isBlank) => {
        const some = picture(seed, width, height, count);
        if (isBlank) some.data.fill(seed % 256);
        for (const { recognizer, predictor } of kept) {
          const want = outcome(() => predictor.predict(some).ranking.map((c) => [c.name, c.probability]));
          const got = outcome(() => recognizer.recognize(some).map((r) => [r.label, r.probability]));
          if (typeof want === "string") expect(got).toBe(want);
          else
            for (const [label, probability] of want) {
              expect(new Map(got as [string, number][]).get(label as string)).toBeCloseTo(probability as number, 5);
            }
        }
      }),
      { numRuns: 30 },
    );
  });
});

function outcome<T>(body: () => T): T | string {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof DuctusError)) throw error;
    return error.message;
  }
}

describe("what is wrong is said in one line", async () => {
  const { bytes } = await encodeRecognizer(MODELS.separable());
  const refused = async (damaged: Uint8Array, message: RegExp): Promise<void> => {
    await expect(openRecognizer(damaged)).rejects.toThrow(message);
    await expect(openRecognizer(damaged)).rejects.toBeInstanceOf(DataError);
  };

  test("a module that is compiled already, and another one", async () => {
    const ready = await openRecognizer(await WebAssembly.compile(new Uint8Array(bytes)));
    const seen = new Uint8Array(784).map((_, i) => (i % 28 > 12 && i % 28 < 16 ? 250 : 0));
    const [reading] = (await openRecognizer(bytes)).read(seen);
    expect(ready.read(seen)[0].label).toBe(reading.label);
    expect(ready.read(seen)[0].probability).toBeCloseTo(reading.probability, 5);
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    await expect(openRecognizer(empty)).rejects.toThrow(
      /^recognizer: this module is none; it was not exported by Ductus/,
    );
  });

  test("a module cut off anywhere, or with a byte changed anywhere", async () => {
    for (const length of [0, 3]) await refused(bytes.subarray(0, length), /no WebAssembly module/);
    for (const length of [8, 60, 1000, bytes.length - 1])
      await refused(bytes.subarray(0, length), /cut off or damaged/);
    for (let at = 4; at < bytes.length; at += 997) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << (at % 8);
      await refused(damaged, /cut off or damaged/);
    }
  });

  test("pixels that do not fit their size", async () => {
    const { recognize, logits } = await openRecognizer(bytes);
    expect(() => recognize({ width: 3, height: 3, data: new Uint8Array(10) })).toThrow(/10 bytes are not 3×3 pixels/);
    expect(() => logits(new Uint8Array(783))).toThrow(/783 bytes are not the 784/);
  });

  test("a module that does not agree with its model is not taken", async () => {
    const model = MODELS.separable();
    const [, parameter] = [...model.network.namedParameters()][0];
    const exported = await encodeRecognizer(model);
    parameter.data[0] += 0.5;
    await expect(checkRecognizer(model, exported)).rejects.toThrow(
      /output \d of the module is .* where the model's is/,
    );
  });
});

test("batch normalization leaves nothing behind but weights", async () => {
  const { plans } = await compileStandalone({ run: inferenceGraph(MODELS["batch norm, 7,796 weights"](), 1) });
  const ops = plans.run.stages.flatMap(({ samples, ranges }) => [...samples, ...ranges].map(({ nodes }) => nodes));
  const [first, second] = ops.filter((nodes) => nodes[0].op.name === "conv2d");
  // A convolution, its shift, relu, and the sum around it: no factor, no square root.
  expect(first.map(({ op }) => op.name)).toEqual(["conv2d", "add", "relu"]);
  expect(second.map(({ op }) => op.name)).toEqual(["conv2d", "add", "relu", "add"]);
});

test("a network of 7,796 weights takes at most 42 KB, compressed, with all it needs", async () => {
  const model = MODELS["batch norm, 7,796 weights"]();
  const weights = [...model.network.namedParameters()].reduce((total, [, parameter]) => total + parameter.size, 0);
  expect(weights).toBeGreaterThan(7_500);
  const { files } = await exportWasm(model, "digits");
  const sizes = [...files.values()].map((file) => gzipSync(file).length);
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(42 * 1024);
});
