/** Pictures in folders with the real command: what is trained, validated, measured, left out, and said of it. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { ductus, ensureBuilt, type Result } from "./run-cli.ts";

let cwd = "";
beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-folders-"));
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** A bar that lies, stands or leans, a little different each time. */
const BARS = {
  lying: (k: number) => `M${10 + (k % 7)} ${30 + (k % 5)} L${85 - (k % 4)} ${32 + (k % 6)}`,
  standing: (k: number) => `M${45 + (k % 5)} ${10 + (k % 7)} L${47 + (k % 6)} ${86 - (k % 4)}`,
} as const;
type Name = keyof typeof BARS;
const NAMES = Object.keys(BARS) as Name[];

async function put(
  path: string,
  name: Name | "blank",
  k: number,
  format: "png" | "tiff" | "jpeg" = "png",
): Promise<void> {
  const bar = name === "blank" ? "" : `<path d="${BARS[name](k)}" stroke="#000" stroke-width="${6 + (k % 4)}" />`;
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="#fff"/>${bar}</svg>`;
  await mkdir(join(cwd, path, ".."), { recursive: true });
  await writeFile(join(cwd, path), await sharp(Buffer.from(drawing)).toFormat(format).toBuffer());
}

async function putSet(folder: string, each: number, from = 0): Promise<void> {
  for (const name of NAMES) for (let k = 0; k < each; k++) await put(`${folder}/${name}/${k}.png`, name, k * 3 + from);
}

const train = (data: string, out: string, ...more: readonly string[]): Promise<Result> =>
  ductus(cwd, "train", "--data", data, "--model", "mlp", "--epochs", "6", "--batch-size", "8", "--out", out, ...more);
const evaluate = (out: string, data: string, ...more: readonly string[]): Promise<Result> =>
  ductus(cwd, "evaluate", `${out}/best.safetensors`, "--data", data, ...more);

describe("a set that is not divided", () => {
  beforeAll(async () => {
    await putSet("mine", 20);
    // Nowhere on the grid of the others, so that no two are the same picture.
    await putSet("other", 15, 0.4);
    await put("other/lying/x.tif", "lying", 99, "tiff");
    expect((await train("mine", "own")).status).toBe(0);
  }, 60_000);

  it("is measured whole where nothing of it was trained on, and its test part where it was", async () => {
    const other = await evaluate("own", "other", "--json");
    expect(JSON.parse(other.out)).toMatchObject({ count: 31, dataset: { split: "all" } });
    expect(other.err).toMatch(
      /data {5}other: all 31 samples: no part is for testing, and the model was not trained on them/,
    );
    const mine = await evaluate("own", "mine", "--json");
    expect(JSON.parse(mine.out)).toMatchObject({ count: 8, dataset: { split: "test" } });
    expect(JSON.parse((await evaluate("own", "other", "--split", "test", "--json")).out).count).toBe(6);
  });

  it("is measured whole where it is asked for, and what was trained on is not called a test", async () => {
    const { out } = await evaluate("own", "mine", "--split", "all", "--json");
    const { count, trainedOn } = JSON.parse(out);
    expect(count).toBe(40);
    expect(trainedOn.trained).toBeGreaterThan(20);
  });

  it("has no validation part", async () => {
    const { status, err } = await evaluate("own", "mine", "--split", "validation");
    expect(status).toBe(2);
    expect(err).toMatch(/--split validation: mine has only train and test/);
  });
});

describe("a set in three parts", () => {
  beforeAll(async () => {
    await putSet("three/Train", 12);
    await putSet("three/Valid", 4, 1);
    await putSet("three/Test", 5, 2);
  });

  it("chooses by its own validation part, and tests on its test part", async () => {
    const { out, err } = await train("three", "three-run", "--json");
    expect(err).toMatch(/three: 24 to train, 8 to validate, 10 to test;/);
    expect(err).toMatch(/24 samples, 8 for validation, as the data have them/);
    expect(JSON.parse(out).test.count).toBe(10);
    const own = JSON.parse((await evaluate("three-run", "three", "--split", "validation", "--json")).out);
    expect([own.count, own.dataset.split]).toEqual([8, "validation"]);
  });

  it("puts a part of train aside where that is typed, and says what is not used", async () => {
    const { err } = await train("three", "three-typed", "--val", "0.25");
    expect(err).toMatch(/note {5}--val 0\.25: the 8 samples that the data have for validation are not used/);
    expect(err).toMatch(/18 samples, 6 put aside for validation/);
  });

  it("goes on, and is streamed, with the same parts", async () => {
    const resumed = await ductus(cwd, "train", "--resume", "three-run");
    expect(resumed.err).not.toMatch(/ductus:/);
    expect(resumed.status).toBe(0);
    const streamed = await train("three", "three-stream", "--stream", "--json");
    expect(streamed.err).toMatch(/three: 24 to train, 8 to validate, 10 to test;/);
    const [a, b] = [await train("three", "three-again", "--json"), streamed].map(({ out }) => JSON.parse(out));
    expect(b.dataset.fingerprint).toBe(a.dataset.fingerprint);
  }, 60_000);

  it("fine-tunes by its own validation part too", async () => {
    const base = "three-run/best.safetensors";
    const { err, status } = await ductus(
      ...[cwd, "finetune", base, "--data", "three", "--epochs", "2", "--no-compare", "--out", "tuned"],
    );
    expect(err).toMatch(/24 samples, 8 for validation, as the data have them/);
    expect(status).toBe(0);
  });
});

describe("a part for testing alone", () => {
  it("is measured, not trained on", async () => {
    await putSet("alone/test", 6, 1);
    const { out, err } = await evaluate("own", "alone", "--json");
    expect(JSON.parse(out)).toMatchObject({ count: 12, dataset: { split: "test" } });
    expect(err).toMatch(/data {5}alone: 12 to test;/);
    expect((await ductus(cwd, "data", "inspect", "alone")).out).toMatch(/alone: 12 pictures of 28×28/);
    for (const way of [[], ["--stream"]]) {
      const { status, err: refusal } = await train("alone", "none", ...way);
      expect(status).toBe(1);
      expect(refusal).toMatch(/^ductus: alone: there is a test part only, so nothing to train on/m);
    }
    expect(await readdir(cwd)).not.toContain("none");
  });

  it("in IDX files", async () => {
    await mkdir(join(cwd, "idx"));
    const pixels = new Uint8Array(4 * 784).map((_, i) => (i % 28 > 12 && i % 28 < 16 ? 255 : 0));
    await writeFile(
      join(cwd, "idx/t10k-images-idx3-ubyte"),
      writeIdx({ type: "uint8", dims: [4, 28, 28], data: pixels }),
    );
    await writeFile(
      join(cwd, "idx/t10k-labels-idx1-ubyte"),
      writeIdx({ type: "uint8", dims: [4], data: new Uint8Array(4).fill(1) }),
    );
    await writeFile(join(cwd, "idx/classes.json"), JSON.stringify(NAMES));
    const { out, err } = await evaluate("own", "idx", "--json");
    expect(err).not.toMatch(/missing/);
    expect(JSON.parse(out).count).toBe(4);
  });
});

describe("pictures that cannot be used", () => {
  beforeAll(async () => {
    await putSet("bad", 6);
    await put("bad/lying/blank.png", "blank", 0);
    await writeFile(join(cwd, "bad/standing/text.png"), "no picture");
  });

  it("are all named, and left out where that is wanted", async () => {
    const refused = await train("bad", "bad-run");
    expect(refused.status).toBe(1);
    expect(refused.err).toMatch(
      /^ductus: bad: 2 of 14 pictures cannot be used: blank, without any ink: lying\/blank\.png; [^;]*(?:no|not a) picture[^;]*: standing\/text\.png; leave them out with --skip-unreadable/m,
    );
    expect(await readdir(cwd)).not.toContain("bad-run");
    for (const way of [[], ["--stream"]]) {
      const { status, err } = await train("bad", `bad-run${way.length}`, "--skip-unreadable", ...way);
      expect(status).toBe(0);
      expect(err).toMatch(/note {5}2 of 14 pictures are left out: blank/);
    }
    const looked = await ductus(cwd, "data", "inspect", "bad");
    expect(looked.err).toMatch(/note {5}to train on the others, give --skip-unreadable/);
    expect(looked.out).toMatch(/bad: 10 \+ 2 pictures/);
  }, 60_000);

  it("are a class where most of one is blank, by which the model then knows blank pictures", async () => {
    await putSet("boxes", 12);
    for (let k = 0; k < 12; k++) await put(`boxes/empty/${k}.png`, "blank", 0);
    const { status, err } = await train("boxes", "boxes-run");
    expect(status).toBe(0);
    expect(err).toMatch(/note {5}class "empty" is one of blank pictures: 12 of 12/);
    await put("blank.jpg", "blank", 0, "jpeg");
    const known = await ductus(cwd, "predict", "boxes-run/best.safetensors", "blank.jpg");
    expect(known.out).toMatch(/^blank\.jpg: empty/);
    const unknown = await ductus(cwd, "predict", "own/best.safetensors", "blank.jpg");
    expect(unknown.status).toBe(1);
    expect(unknown.err).toMatch(/blank\.jpg: the picture is blank/);
    const streamed = await train("boxes", "boxes-stream", "--stream");
    expect(streamed.err).toMatch(/class "empty" is one of blank pictures/);
    const again = await ductus(cwd, "predict", "boxes-stream/best.safetensors", "blank.jpg");
    expect(again.out).toMatch(/^blank\.jpg: empty/);
  }, 60_000);
});

it("one class alone is refused before there is a run folder", async () => {
  for (let k = 0; k < 4; k++) await put(`one/lying/${k}.png`, "lying", k);
  const { status, err } = await train("one", "one-run");
  expect(status).toBe(1);
  expect(err).toMatch(/one: all 3 samples are of one class, "lying"; there is nothing to tell apart/);
  expect(await readdir(cwd)).not.toContain("one-run");
});

describe("pictures that only their color tells apart", () => {
  const square = (color: string, k: number): Promise<Buffer> => {
    const place = `x="${20 + (k % 5) * 4}" y="${25 + (k % 4) * 5}" width="35" height="30"`;
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="#fff"/><rect ${place} fill="${color}"/></svg>`;
    return sharp(Buffer.from(drawing)).png().toBuffer();
  };
  beforeAll(async () => {
    for (const color of ["red", "blue"]) {
      await mkdir(join(cwd, "signs", color), { recursive: true });
      for (let k = 0; k < 20; k++) await writeFile(join(cwd, "signs", color, `${k}.png`), await square(color, k));
    }
  });

  it("are told apart with --color, which data inspect names and the model file remembers", async () => {
    const looked = await ductus(cwd, "data", "inspect", "signs");
    expect(looked.err).toMatch(/note {5}color is not used: 40 of 40 pictures .*"ductus train --color" keeps it/);
    const { status, err } = await train("signs", "colored", "--color");
    expect(status, err).toBe(0);
    expect(err).not.toContain("color is not used");
    const measured = await evaluate("colored", "signs", "--split", "all", "--json");
    expect(JSON.parse(measured.out)).toMatchObject({ count: 40, accuracy: 1 });
    const read = await ductus(cwd, "predict", "colored/best.safetensors", "signs/blue/3.png", "--json");
    expect(JSON.parse(read.out).predictions[0].class).toBe("blue");
  }, 60_000);

  it("are not in a table, for which --color is refused", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i % 2},${i},255,0,9\n`).join("");
    await writeFile(join(cwd, "gray.csv"), rows);
    const { status, err } = await train("gray.csv", "gray-run", "--color");
    expect([status, err]).toEqual([2, expect.stringContaining("--color: gray.csv is no folder or list of pictures")]);
    expect(await readdir(cwd)).not.toContain("gray-run");
  });
});
