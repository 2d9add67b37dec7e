import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/idx.ts";
import type { Picture } from "../../src/data/picture.ts";
import { applyPreprocessing } from "../../src/data/preprocess.ts";
import { MNIST_PREPROCESSING } from "../../src/data/preprocessing.ts";
import { decodeImage } from "../../src/platform/node/images.ts";
import { openData } from "../../src/platform/node/open-data.ts";
import { drawFive, meanDifference } from "./pictures.ts";

let root = "";
let folder = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ductus-folder-"));
});
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});
afterAll(() => rm(root, { recursive: true }));

const five = drawFive({ size: 120, left: 20, top: 15, side: 80, pen: 14, ink: 10, paper: () => 250 });
const encode = (picture: Picture): Sharp => {
  const { width, height, channels, data } = picture;
  return sharp(data, { raw: { width, height, channels } });
};
const put = async (path: string, bytes: Uint8Array | string): Promise<void> => {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), bytes);
};

describe("decodeImage", () => {
  it("reads PNG exactly, JPEG and WebP nearly, with transparency and from bytes", async () => {
    const png = await decodeImage(await encode(five).png().toBuffer());
    expect(png.channels).toBe(3);
    expect(png.data.filter((_, i) => i % 3 === 0)).toEqual(Buffer.from(five.data));
    const expected = applyPreprocessing(MNIST_PREPROCESSING, five);
    for (const file of [await encode(five).jpeg({ quality: 80 }).toBuffer(), await encode(five).webp().toBuffer()]) {
      expect(meanDifference(applyPreprocessing(MNIST_PREPROCESSING, await decodeImage(file)), expected)).toBeLessThan(
        4,
      );
    }
    const clear: Picture = { width: 1, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 4) };
    expect((await decodeImage(await encode(clear).png().toBuffer())).channels).toBe(4);
  });

  it("names the file that it cannot read", async () => {
    await put("cut.png", (await encode(five).png().toBuffer()).subarray(0, 200));
    await put("text.png", "hello");
    await put("empty.png", "");
    await expect(decodeImage(join(folder, "cut.png"))).rejects.toThrow(
      /cut\.png: cannot read the picture \([^\n]+\); expe/,
    );
    await expect(decodeImage(join(folder, "text.png"))).rejects.toThrow(/text\.png: cannot read the picture/);
    await expect(decodeImage(join(folder, "empty.png"))).rejects.toThrow(/empty\.png: the file is empty/);
    await expect(decodeImage(join(folder, "none.png"))).rejects.toThrow(
      /cannot read .*none\.png: there is no such file/,
    );
  });
});

describe("folder of pictures", () => {
  const putClass = async (name: string, files: number): Promise<void> => {
    for (let i = 0; i < files; i++) await put(`${name}/${i}.png`, await encode(five).png().toBuffer());
  };

  it("reads classes in order of name or number and puts a part aside", async () => {
    for (const name of ["10", "9", "2"]) await putClass(name, 5);
    await put("9/notes.txt", "no picture");
    await put(".DS_Store", "");
    const { train, test, origin } = await openData(folder);
    expect(train.classes).toEqual(["2", "9", "10"]);
    expect([train.length, test.length]).toEqual([12, 3]);
    expect(train.inputShape).toEqual([28, 28, 1]);
    expect(origin).toMatch(/3 of 15 \(seed 0, by class\) put aside for testing$/);
    expect(train.image(0)).toEqual(applyPreprocessing(MNIST_PREPROCESSING, five));
  });

  it("takes train and test as they are", async () => {
    for (const part of ["train", "test"]) for (const name of ["a", "b"]) await putClass(`${part}/${name}`, 2);
    const { train, test } = await openData(folder);
    expect([train.length, test.length, train.classes.join()]).toEqual([4, 4, "a,b"]);
    await putClass("test/c", 1);
    await expect(openData(folder)).rejects.toThrow("classes a, b, c differ from those of train, a, b");
  });

  it("takes other preprocessing, and finds the polarity then", async () => {
    for (const name of ["a", "b"]) await putClass(name, 2);
    const preprocessing = { kind: "resize", height: 16, width: 12, channels: 3, invert: false } as const;
    const { train } = await openData(folder, { preprocessing });
    expect(train.inputShape).toEqual([16, 12, 3]);
    expect(train.polarity).toBe("dark-on-light");
  });

  it("refuses a class without pictures, one class, none, a blank and an unreadable picture", async () => {
    await expect(openData(folder)).rejects.toThrow(/no folders of pictures; expected .*CLASS/);
    await putClass("a", 2);
    await expect(openData(folder)).rejects.toThrow('only one class, "a"; there is nothing to tell it from');
    await put("b/readme.txt", "");
    await expect(openData(folder)).rejects.toThrow('class "b" has no pictures (.png, .jpg, .jpeg, .webp)');
    await put("b/1.png", "no picture");
    await expect(openData(folder)).rejects.toThrow(/b.1\.png: cannot read the picture/);
    const blank: Picture = { width: 9, height: 9, channels: 1, data: new Uint8Array(81) };
    await put("b/1.png", await encode(blank).png().toBuffer());
    await expect(openData(folder)).rejects.toThrow(/b.1\.png: the picture is blank/);
  });
});

describe("folder of IDX files, and CSV", () => {
  const images = (n: number): Uint8Array =>
    writeIdx({ type: "uint8", dims: [n, 2, 2], data: Uint8Array.from({ length: 4 * n }, (_, i) => (i % 4 ? 0 : 255)) });
  const labels = (n: number): Uint8Array =>
    writeIdx({ type: "uint8", dims: [n], data: Uint8Array.from({ length: n }, (_, i) => i % 2) });

  it("reads plain and gzip files and class names", async () => {
    await put("train-images-idx3-ubyte.gz", gzipSync(images(8)));
    await put("train-labels-idx1-ubyte", labels(8));
    await put("classes.json", '["no", "yes"]');
    expect((await openData(folder)).test.length).toBe(2);
    await put("test-images-idx3-ubyte", images(4));
    await expect(openData(folder)).rejects.toThrow("test-labels-idx1-ubyte (or .gz) is missing");
    await put("test-labels-idx1-ubyte", labels(4));
    const { train, test } = await openData(folder);
    expect([train.length, test.length, train.classes.join(), train.polarity]).toEqual([
      8,
      4,
      "no,yes",
      "light-on-dark",
    ]);
    await put("classes.json", '["no", "no"]');
    await expect(openData(folder)).rejects.toThrow("classes.json: expected a JSON list of class names, each once");
  });

  it("names a damaged file", async () => {
    await put("train-images-idx3-ubyte.gz", gzipSync(images(8)).subarray(0, 30));
    await put("train-labels-idx1-ubyte", labels(8));
    await expect(openData(folder)).rejects.toThrow(/train-images-idx3-ubyte\.gz: corrupt gzip file/);
  });

  it("reads one CSV file, or a train and a test one", async () => {
    const rows = (n: number): string => Array.from({ length: n }, (_, i) => `${i % 2},${i},0,0,0\n`).join("");
    await put("mnist_train.csv", rows(10));
    const one = await openData(join(folder, "mnist_train.csv"));
    expect([one.train.length, one.test.length]).toEqual([8, 2]);
    await put("mnist_test.csv", rows(4));
    const two = await openData(folder);
    expect([two.train.length, two.test.length]).toEqual([10, 4]);
  });

  it("says what is wrong with a name or path", async () => {
    await expect(openData("mnits")).rejects.toThrow('unknown data set "mnits"; did you mean "mnist"?');
    await expect(openData(join(folder, "none"))).rejects.toThrow(/none: no such file or folder/);
    await put("a.txt", "");
    await expect(openData(join(folder, "a.txt"))).rejects.toThrow("a.txt: expected a folder or a .csv file");
  });
});
