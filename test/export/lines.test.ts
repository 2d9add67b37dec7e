/** A recognizer of lines that stands alone: reads as the engine does, whatever a line is filled up to, without the engine. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Port, StandaloneModule } from "../../src/engine/backends/wasm/standalone.ts";
import { viewOf } from "../../src/engine/dtype.ts";
import { DataError } from "../../src/engine/errors.ts";
import { Random } from "../../src/engine/random.ts";
import { exportModel } from "../../src/export/export-model.ts";
import { checkLines, encodeLines } from "../../src/export/line-module.ts";
import { encodeRecognizer, variantsOf } from "../../src/export/recognizer.ts";
import { openLineRecognizer, runOf } from "../../src/export/standalone/line-recognizer.ts";
import { openRecognizer } from "../../src/export/standalone/recognizer.ts";
import type { Model } from "../../src/models/model.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { LineReading } from "../../src/read/line-reading.ts";
import type { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { loadPackaged } from "../../src/use/packaged.ts";
import { LineReader } from "../../src/use/read-line.ts";
import { createReader } from "../helpers/reader.ts";
import { DrawnPage } from "../page/drawing.ts";
import { bars, page, tallyReader } from "../read/tally.ts";
import { MODELS as CLASSIFIERS } from "./models.ts";

setPlatform(nodePlatform);
const folder = mkdtempSync(join(tmpdir(), "ductus-lines-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODELS: Readonly<Record<string, () => Promise<Model<Transcribe>>>> = {
  "the reader of numbers that comes with Ductus": () => loadPackaged("reader"),
  "a network of one's own": async () => tallyReader(),
};
const names = Object.keys(MODELS);

const drawn = (text: string, width: number, height: number, gap = 0.4): Picture =>
  new DrawnPage().number(text, 12, height - 12, height - 24, { pen: height / 14, gap }).photograph(width, height);

/** Lines for several widths of a module: of one digit, of some, of many; light on dark; with colors; and blank ones. */
const PICTURES: Readonly<Record<string, Picture>> = {
  one: drawn("7", 60, 64),
  four: drawn("2047", 240, 64),
  many: drawn("314159265358979", 560, 56),
  longest: page(2600, 60, bars(100, 20, 10)),
  bars: page(300, 60, bars(5, 30, 10)),
  light: { ...drawn("83", 120, 64), data: drawn("83", 120, 64).data.map((value) => 255 - value) },
  colors: inColors(drawn("605", 190, 70)),
  blank: page(120, 40, []),
};

function inColors({ width, height, data }: Picture): Picture {
  return {
    width,
    height,
    channels: 4,
    data: Uint8Array.from({ length: 4 * data.length }, (_, i) => (i % 4 === 3 ? 255 : data[i >> 2])),
  };
}

describe("in a Node process that does not have the package", () => {
  let found: Record<string, Record<string, LineReading>>;

  beforeAll(async () => {
    for (const [n, name] of names.entries()) {
      const { files, agreement } = await exportModel(await MODELS[name](), "wasm", { name: `model-${n}` });
      expect([...files.keys()]).toEqual([`model-${n}.wasm`, `model-${n}.js`, `model-${n}.d.ts`]);
      expect(agreement.worst, name).toBeLessThan(1e-4);
      for (const [file, content] of files) writeFileSync(join(folder, file), content);
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const plain = Object.fromEntries(Object.entries(PICTURES).map(([name, p]) => [name, { ...p, data: [...p.data] }]));
    writeFileSync(
      join(folder, "use.js"),
      `const pictures = Object.entries(${JSON.stringify(plain)}).map(([name, { width, height, data }]) => [name, { width, height, data: Uint8ClampedArray.from(data) }]);
const result = {};
for (const [n, name] of ${JSON.stringify([...names.entries()])}) {
  const { load } = await import("./model-" + n + ".js");
  const { recognize } = await load();
  result[name] = Object.fromEntries(pictures.map(([key, picture]) => [key, recognize(picture)]));
}
console.log(JSON.stringify(result));
`,
    );
    const out = execFileSync(process.execPath, ["use.js"], { cwd: folder, encoding: "utf8", maxBuffer: 1e8 });
    found = JSON.parse(out);
  }, 600_000);

  it.each(names)("%s: gives the answers of LineReader", async (name) => {
    const reader = await LineReader.open(await MODELS[name]());
    for (const [key, picture] of Object.entries(PICTURES)) {
      const { text, probability, alternatives } = await reader.read(picture);
      const reading = found[name][key];
      expect(reading.text, key).toBe(text);
      expect(reading.probability).toBeCloseTo(probability, 3);
      expect(reading.alternatives.length).toBe(alternatives.length);
      // Those that are about as likely may change places.
      const [likely] = alternatives;
      if (likely !== undefined && likely.probability > 0.01)
        expect(reading.alternatives[0].probability).toBeCloseTo(likely.probability, 3);
      expect(reading.characters.map((character) => character.text).join("")).toBe(text);
      let before = 0;
      for (const { left, right, probability } of reading.characters) {
        expect(left).toBeGreaterThanOrEqual(before);
        expect(right).toBeLessThanOrEqual(picture.width);
        expect(right).toBeGreaterThan(left);
        expect(probability).toBeGreaterThanOrEqual(reading.probability - 1e-6);
        before = left;
      }
    }
    await reader.close();
  });

  it("places each character where it stands", () => {
    const { text, characters } = found["a network of one's own"].bars;
    expect(text).toBe("11111");
    characters.forEach(({ left, right }, k) => {
      expect(Math.abs((left + right) / 2 - (32 + 24 * k))).toBeLessThan(6);
    });
    expect(found["a network of one's own"].blank.text).toBe("");
  });

  it("its types are right for a stranger", () => {
    writeFileSync(
      join(folder, "use.ts"),
      `import { load, type LineCharacter } from "./model-0.js";
const { recognize, see, scores, alphabet } = await load(new Uint8Array(3));
const { text, probability, alternatives: [other], characters } = recognize(new ImageData(3, 4));
const ends: number[] = characters.flatMap(({ left, right }: LineCharacter) => [left, right]);
const score: number = scores(see(new ImageData(3, 4))).scores[0];
const first: "0" = alphabet[0];
// @ts-expect-error a string, no number
const wrong: number = text;
export { ends, first, other, probability, score, wrong };
`,
    );
    const tsc = resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
    const settings = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--lib", "es2023,dom"];
    execFileSync(process.execPath, [tsc, ...settings, "--skipLibCheck", "false", "use.ts"], { cwd: folder });
  });
});

/** A function for each width of a module, and where it reads and writes. */
async function instantiated({ inputs, outputs }: StandaloneModule, bytes: Uint8Array<ArrayBuffer>) {
  const { instance } = await WebAssembly.instantiate(bytes);
  const { memory, ...exports } = instance.exports as { memory: WebAssembly.Memory };
  const view = ({ dtype, address, length }: Port) => viewOf(dtype, memory.buffer, address, length);
  return {
    x: view(inputs.x),
    length: view(inputs.length),
    logits: view(outputs.logits) as Float32Array,
    frames: view(outputs.frames),
    run: (columns: number): void => (exports as Record<string, () => void>)[runOf(columns)](),
  };
}

it("what a line is filled up to changes no bit", async () => {
  const widths = [64, 128, 256, 512];
  const model = createReader("0123456789", 3);
  const module = await encodeLines(model);
  const random = new Random(1, "user");
  for (const bytes of variantsOf(module.bytes)) {
    const { x, length, logits, frames, run } = await instantiated(module, bytes);
    for (const columns of [1, 9, 23, 39, 40, 77, 104, 231]) {
      const pixels = Uint8Array.from({ length: columns * 28 }, () =>
        random.uniform() < 0.4 ? random.integer(256) : 0,
      );
      const answers = widths
        .filter((width) => width >= columns + 24)
        .map((width) => {
          x.fill(0);
          x.set(pixels);
          length[0] = columns;
          logits.fill(Number.NaN);
          run(width);
          expect(frames[0]).toBe(Math.ceil(columns / 2));
          return [...new Int32Array(logits.slice(0, frames[0] * 11).buffer)];
        });
      expect(answers.length).toBeGreaterThan(1);
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    }
  }
});

describe("what is wrong is said in one line", () => {
  it("a module that is cut off or damaged, or reads something else", async () => {
    const { bytes } = await encodeLines(tallyReader());
    const damaged = bytes.slice();
    damaged[damaged.length >> 1] ^= 4;
    for (const [source, message] of [
      [damaged, /^recognizer: the module is cut off or damaged/],
      [bytes.subarray(0, 900), /^recognizer: the module is cut off or damaged/],
      [
        (await encodeRecognizer(CLASSIFIERS.separable())).bytes,
        /^recognizer: this module reads single pictures; [^\n]+$/,
      ],
    ] as const) {
      await expect(openLineRecognizer(source)).rejects.toThrow(message);
      await expect(openLineRecognizer(source)).rejects.toBeInstanceOf(DataError);
    }
    await expect(openRecognizer(bytes)).rejects.toThrow(/^recognizer: this module reads lines of writing; [^\n]+$/);
  });

  it("bytes that are no picture, and a network that gives no numbers", async () => {
    const { recognize } = await openLineRecognizer((await encodeLines(tallyReader())).bytes);
    expect(() => recognize({ width: 9, height: 3, data: new Uint8Array(5) })).toThrow(/5 bytes are not 9×3 pixels/);
    const broken = createReader("01");
    for (const [name, parameter] of broken.network.namedParameters())
      if (name === "fc.bias") parameter.data.fill(Number.NaN);
    const { bytes } = await encodeLines(broken);
    const reader = await openLineRecognizer(bytes);
    expect(() => reader.recognize(PICTURES.one)).toThrow(/too large for float32/);
  });

  it("a module that does not agree with its model is not written", async () => {
    const model = createReader("01");
    const module = await encodeLines(model);
    for (const [name, parameter] of model.network.namedParameters()) if (name === "fc.bias") parameter.data[0] += 0.5;
    await expect(checkLines(model, module)).rejects.toThrow(/output \d+ of the module is .* where the model's is/);
  });
});

it("the reader that comes with Ductus takes at most 400 KB, compressed, with all it needs", async () => {
  const { files } = await exportModel(await loadPackaged("reader"), "wasm");
  const sizes = [...files.values()].map((file) => gzipSync(file).length);
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(400 * 1024);
});
