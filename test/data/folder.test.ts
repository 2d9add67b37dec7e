import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { applyPreprocessing } from "../../src/picture/preprocess.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
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
    await expect(decodeImage(join(folder, "text.png"))).rejects.toThrow(/text\.png is not a picture: it is text/);
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
    await expect(openData(folder)).rejects.toThrow("test: there is no class c in train, which has a, b");
  });

  it("takes other preprocessing, and finds the polarity then", async () => {
    for (const name of ["a", "b"]) await putClass(name, 2);
    const preprocessing = { kind: "resize", height: 16, width: 12, channels: 3, invert: false } as const;
    const { train } = await openData(folder, { preprocessing });
    expect(train.inputShape).toEqual([16, 12, 3]);
    expect(train.polarity).toBe("dark-on-light");
  });

  it("refuses a class without pictures, and a folder without classes", async () => {
    await expect(openData(folder)).rejects.toThrow(/no folders of pictures; expected .*CLASS/);
    await putClass("a", 2);
    await put("b/readme.txt", "");
    await expect(openData(folder)).rejects.toThrow('class "b" has no pictures (PNG, JPEG, WebP, TIFF, GIF or AVIF)');
  });

  const blank: Picture = { width: 9, height: 9, channels: 1, data: new Uint8Array(81) };
  const putBlank = async (path: string): Promise<void> => put(path, await encode(blank).png().toBuffer());

  it("names all pictures that cannot be used at once, or leaves them out and counts them", async () => {
    for (const name of ["a", "b"]) await putClass(name, 5);
    await put("a/9.png", "no picture");
    await put("b/7.jpg", (await encode(five).jpeg().toBuffer()).subarray(0, 900));
    await put("b/8.png", "%PDF-1.7");
    await putBlank("b/9.png");
    const all = openData(folder);
    await expect(all).rejects.toThrow(
      "4 of 14 pictures cannot be used: is not a picture: it is text: a/9.png; the file is cut off, its end is missing: b/7.jpg; it is a PDF file: b/8.png; blank, without any ink: b/9.png; leave them out with --skip-unreadable",
    );
    const { train, test, notes, skipped } = await openData(folder, { skipUnreadable: true });
    expect([train.length, test.length, skipped]).toEqual([8, 2, 4]);
    expect(notes.join()).toMatch(/^4 of 14 pictures are left out: is not a picture: it is text: a\/9\.png;/);
  });

  it("names twenty of many", async () => {
    await putClass("a", 1);
    await putClass("b", 2);
    for (let i = 0; i < 30; i++) await put(`a/x${i}.png`, "no picture");
    await expect(openData(folder)).rejects.toThrow(/30 of 33 .*x0\.png/);
    const { message } = await openData(folder).then(
      () => new Error("read"),
      (error: Error) => error,
    );
    expect(message.match(/a\/x\d+\.png/g)).toHaveLength(20);
    expect(message).toContain(" and 10 more;");
  });

  it("takes a class of blank boxes for one, and its model keeps blank pictures", async () => {
    for (const name of ["a", "b"]) await putClass(name, 5);
    for (let i = 0; i < 4; i++) await putBlank(`none/blank${i}.png`);
    await putClass("none", 1);
    const { train, test, preprocessing, notes } = await openData(folder);
    expect(train.length + test.length).toBe(15);
    expect(notes.join()).toMatch(/class "none" is one of blank pictures: 4 of 5/);
    const seen = applyPreprocessing(preprocessing, blank);
    expect(seen.every((value) => value === 0)).toBe(true);
    expect(() => applyPreprocessing(MNIST_PREPROCESSING, blank)).toThrow(/the picture is blank/);
    await putBlank("a/blank.png");
    await expect(openData(folder)).rejects.toThrow(/1 of 16 .*: blank, without any ink: a\/blank\.png/);
  });

  it("says that color is not used where there is some and the model will see none", async () => {
    const draw = (red: number, blue: number): Picture => ({
      ...five,
      channels: 3,
      data: Uint8Array.from({ length: five.data.length * 3 }, (_, i) => {
        const value = five.data[Math.floor(i / 3)];
        return value > 128 ? value : [red, 30, blue][i % 3];
      }),
    });
    for (let i = 0; i < 4; i++) {
      await put(`red/${i}.png`, await encode(draw(220, 30)).png().toBuffer());
      await put(`blue/${i}.png`, await encode(draw(30, 220)).png().toBuffer());
    }
    const gray = await openData(folder);
    expect(gray.notes.join()).toMatch(/^color is not used: 8 of 8 pictures are colored/);
    const preprocessing = { kind: "resize", height: 16, width: 16, channels: 3, invert: false } as const;
    expect((await openData(folder, { preprocessing })).notes).toEqual([]);
  });

  it("does not take what scanners and JPEG leave for color", async () => {
    const tinted: Picture = {
      ...five,
      channels: 3,
      data: Uint8Array.from({ length: five.data.length * 3 }, (_, i) => {
        const value = five.data[Math.floor(i / 3)];
        return i % 3 === 2 ? Math.max(0, value - 12) : value;
      }),
    };
    for (let i = 0; i < 4; i++) {
      await put(`a/${i}.jpg`, await encode(tinted).jpeg({ quality: 40 }).toBuffer());
      await put(`b/${i}.jpg`, await encode(five).jpeg({ quality: 20 }).toBuffer());
    }
    expect((await openData(folder)).notes).toEqual([]);
  });
});

describe("all formats are read as a PNG of the same pixels is", () => {
  const seen = async (file: Uint8Array): Promise<Uint8Array> =>
    applyPreprocessing(MNIST_PREPROCESSING, await decodeImage(file));
  // Lines and no gray, so that palettes and lossy formats can show the same.
  const lines = (): Sharp => encode(five).threshold(128);

  it.each<[string, () => Promise<Uint8Array>]>([
    ["WebP", () => lines().webp({ lossless: true }).toBuffer()],
    ["TIFF", () => lines().tiff({ compression: "lzw" }).toBuffer()],
    ["a TIFF with a JPEG inside", () => lines().tiff({ compression: "jpeg", quality: 100 }).toBuffer()],
    [
      "a TIFF of one bit per pixel",
      () => lines().toColourspace("b-w").tiff({ bitdepth: 1, compression: "none" }).toBuffer(),
    ],
    ["GIF", () => lines().gif().toBuffer()],
    ["a PNG with a palette", () => lines().png({ palette: true, colors: 4 }).toBuffer()],
    ["a PNG of 16 bits", () => lines().toColourspace("rgb16").png().toBuffer()],
    ["a gray PNG of 16 bits", () => lines().toColourspace("gray16").png().toBuffer()],
    ["a TIFF of 16 bits", () => lines().toColourspace("gray16").tiff({ compression: "none" }).toBuffer()],
    ["a CMYK TIFF", () => lines().toColourspace("cmyk").tiff({ compression: "none" }).toBuffer()],
  ])("%s", async (_, file) => {
    expect(meanDifference(await seen(await file()), await seen(await lines().png().toBuffer()))).toBeLessThan(1);
  });

  it("AVIF, nearly", async () => {
    const file = await lines().avif({ quality: 90 }).toBuffer();
    expect(meanDifference(await seen(file), await seen(await lines().png().toBuffer()))).toBeLessThan(4);
  });

  it("a photograph that says how it was held", async () => {
    // Orientation 6: the camera lay on its side; shown upright, the picture is turned by 90°.
    const turned = await encode(five).rotate(-90).png().toBuffer();
    const file = await sharp(turned).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    expect(meanDifference(await seen(file), await seen(await encode(five).png().toBuffer()))).toBeLessThan(4);
  });

  it("transparency as ground", async () => {
    const ink: Picture = {
      ...five,
      channels: 4,
      data: Uint8Array.from({ length: five.data.length * 4 }, (_, i) =>
        i % 4 < 3 ? 0 : 255 - five.data[Math.floor(i / 4)],
      ),
    };
    const plain = await seen(await encode(five).png().toBuffer());
    for (const file of [
      encode(ink).png(),
      encode(ink).webp({ lossless: true }),
      encode(ink).tiff({ compression: "lzw" }),
    ]) {
      expect(meanDifference(await seen(await file.toBuffer()), plain)).toBeLessThan(6);
    }
  });

  // A JPEG has no transparency: libvips (8.18) writes black ink on transparent ground into a TIFF with a JPEG inside, which is
  // sharp's default, as black on black. The file holds three samples a pixel, all 0; no reader can tell the ink from it.
  it("a TIFF that lost its transparency when it was written is refused as blank", async () => {
    const data = Uint8Array.from({ length: five.data.length * 4 }, (_, i) => (i % 4 < 3 ? 0 : 255 - five.data[i >> 2]));
    const file = await encode({ ...five, channels: 4, data })
      .tiff()
      .toBuffer();
    expect((await sharp(file).metadata()).channels).toBe(3);
    expect((await decodeImage(file)).data.every((value) => value === 0)).toBe(true);
    await expect(seen(file)).rejects.toThrow(/blank/);
  });

  it("the first of several frames or pages, and says how many there are", async () => {
    const frames = await Promise.all(
      [0, 40, 80].map((turn) => encode(five).rotate(turn, { background: "white" }).resize(120, 120).png().toBuffer()),
    );
    for (const format of ["gif", "webp", "tiff"] as const) {
      const file = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      const { pages, height } = await decodeImage(file);
      expect([format, pages, height]).toEqual([format, 3, five.height]);
    }
    await put(
      "a/1.gif",
      await sharp(frames, { join: { animated: true } })
        .gif()
        .toBuffer(),
    );
    for (const name of ["a/2", "b/1", "b/2"]) await put(`${name}.png`, frames[0]);
    expect((await openData(folder)).notes).toEqual([
      "of files with several pages or frames the first is read (1: a/1.gif)",
    ]);
  });

  it("an SVG drawing is refused: it is no picture of pixels", async () => {
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    await expect(decodeImage(new TextEncoder().encode(drawing))).rejects.toThrow(/it is an SVG drawing/);
    await put("a/1.svg", drawing);
    await put("a/2.txt", "x");
    for (const name of ["a/3", "a/4", "b/1", "b/2"]) await put(`${name}.tif`, await encode(five).tiff().toBuffer());
    const { train, test, notes } = await openData(folder);
    expect(train.length + test.length).toBe(4);
    expect(notes).toEqual([
      "2 files are left aside, as they are not PNG, JPEG, WebP, TIFF, GIF or AVIF: 1 .svg, 1 .txt",
    ]);
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

  it("keeps blank pictures where they are a class of a table", async () => {
    const row = (label: number, i: number): string => `${label},${label === 2 ? "9,9,9,9" : `${i},0,200,0`}\n`;
    await put("boxes.csv", Array.from({ length: 15 }, (_, i) => row(i % 3, i)).join(""));
    const { preprocessing, notes } = await openData(join(folder, "boxes.csv"));
    expect(preprocessing).toMatchObject({ keepBlank: true });
    expect(notes.join()).toMatch(/class "2" is one of blank pictures: 4 of 4/);
  });

  it("says what is wrong with a name or path", async () => {
    await expect(openData("mnits")).rejects.toThrow('unknown data set "mnits"; did you mean "mnist"?');
    await expect(openData(join(folder, "none"))).rejects.toThrow(/none: no such file or folder/);
    await put("a.txt", "");
    await expect(openData(join(folder, "a.txt"))).rejects.toThrow(
      /a\.txt holds no samples that can be read: it is empty; download/,
    );
  });
});
