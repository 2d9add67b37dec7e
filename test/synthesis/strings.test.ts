/** Strings made of single characters: the same again for the same seed, epoch and sample; what stands in the picture is in the target. */
import { describe, expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { epochOrder, Loader } from "../../src/data/loader.ts";
import { arraysFor, type BatchArrays, IGNORED } from "../../src/data/port.ts";
import { Subset } from "../../src/data/split.ts";
import { LINE } from "../../src/picture/line.ts";
import { Glyphs, NO_INK } from "../../src/synthesis/glyphs.ts";
import { printedDigits } from "../../src/synthesis/print.ts";
import type { Strings } from "../../src/synthesis/strings.ts";
import { alphabetOf, type StringsOfOptions, stringsOf } from "../../src/synthesis/strings-of.ts";

const WRITERS = 6;

/** Printed digits as if six hands had written them, five of each a hand. */
function written(classes = [..."0123456789"]): { dataset: ImageDataset; writers: Int32Array } {
  const print = printedDigits(classes.map((_, i) => i));
  const count = WRITERS * 50;
  const area = print.height * print.width;
  const images = print.images.slice(0, count * area);
  const labels = print.symbols.slice(0, count);
  const { height, width } = print;
  return {
    dataset: new ImageDataset({ name: "print", images, labels, height, width, classes }),
    writers: Int32Array.from({ length: count }, (_, i) => Math.floor(i / 50)),
  };
}

function strings(options: StringsOfOptions = {}): Strings {
  const { dataset, writers } = written();
  return stringsOf(dataset, { length: 640, seed: 3, writers, ...options });
}

function read(dataset: Strings, indices: number[], epoch = 0, columns?: number): BatchArrays {
  const all = indices.map((index) => dataset.sizes(index));
  const sizes = {
    columns: columns ?? Math.max(...all.map((one) => one.columns)),
    symbols: Math.max(...all.map((one) => one.symbols)),
  };
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, indices.length, sizes);
  for (const array of Object.values(arrays)) array.fill(77);
  dataset.read(indices, 0, indices.length, arrays, sizes, epoch);
  return arrays;
}

const textOf = (dataset: Strings, { y }: BatchArrays): string =>
  [...y].map((symbol) => (symbol === IGNORED ? "" : dataset.alphabet[symbol])).join("");

describe("a string", () => {
  it("is the same whatever was read before and beside it, and however wide the batch is", () => {
    const [first, second] = [strings(), strings()];
    const alone = read(first, [70]);
    read(second, [5, 12]);
    const among = read(second, [12, 70, 9], 0, 256);
    const size = 256 * LINE.height;
    const found = among.x.subarray(size, 2 * size);
    expect(found.subarray(0, alone.x.length)).toEqual(alone.x);
    expect(found.subarray(alone.x.length).every((value) => value === 0)).toBe(true);
    expect(among.length[1]).toBe(alone.length[0]);
    expect(alone.x.some((value) => value > 0)).toBe(true);
  });

  it("is another one in another epoch, of the same width, and the same where nothing is endless", () => {
    const endless = strings();
    expect(read(endless, [3], 1).x).not.toEqual(read(endless, [3], 2).x);
    expect(read(endless, [3], 1).x).toEqual(read(strings(), [3], 1).x);
    const fixed = strings({ isEndless: false });
    expect(read(fixed, [3], 1).x).toEqual(read(fixed, [3], 2).x);
    expect(read(strings({ seed: 4 }), [3]).x).not.toEqual(read(endless, [3]).x);
  });

  it("comes to training by its epoch, through subsets as well", () => {
    const dataset = strings();
    const subset = new Subset(
      dataset,
      Int32Array.from({ length: 128 }, (_, i) => i),
    );
    for (const source of [dataset, subset]) {
      const loader = new Loader(source, { batchSize: 4 });
      const seen = [1, 2].map((epoch) => {
        loader.start(epoch);
        const shape = loader.ahead();
        const arrays = arraysFor({ ...source.inputs, ...source.targets }, shape.batch, shape.sizes);
        loader.next(arrays, shape);
        return arrays.x.slice();
      });
      expect(seen[0]).not.toEqual(seen[1]);
      expect(seen[1].subarray(0, 28 * 20)).toEqual(read(dataset, [0, 1, 2, 3], 2).x.subarray(0, 28 * 20));
    }
  });

  it("has room for its ink, paper behind it, and more frames than it needs", () => {
    const dataset = strings({ length: 1200 });
    for (let index = 0; index < 1200; index++) {
      const { x, y, length } = read(dataset, [index], 1);
      const columns = x.length / LINE.height;
      expect(columns - length[0]).toBeGreaterThanOrEqual(LINE.margin);
      expect([...x].findLastIndex((value) => value > 0)).toBeLessThan(length[0] * LINE.height);
      const symbols = [...y].filter((symbol) => symbol !== IGNORED);
      const doubles = symbols.filter((symbol, i) => i > 0 && symbol === symbols[i - 1]).length;
      expect(Math.ceil(length[0] / 2)).toBeGreaterThanOrEqual(symbols.length + doubles);
      expect(symbols.every((symbol) => symbol >= 0 && symbol < dataset.alphabet.length)).toBe(true);
    }
  });

  it("says in which column each symbol stands, in the ink of it", () => {
    const dataset = strings({ style: "spaced", characters: [5, 5], length: 60 });
    for (let index = 0; index < 60; index++) {
      const { x, y, at } = read(dataset, [index]);
      const inked = (column: number): boolean =>
        x.subarray(column * LINE.height, (column + 1) * LINE.height).some((value) => value > 96);
      const places = [...at].filter((_, s) => y[s] !== IGNORED);
      expect(places).toHaveLength(5);
      expect([...at].filter((place) => place !== IGNORED)).toHaveLength(5);
      for (const [k, place] of places.entries()) {
        // A character is at least so wide, and no narrower than the gap to the next.
        expect(inked(place) || inked(place - 1) || inked(place + 1)).toBe(true);
        if (k > 0) expect(place).toBeGreaterThan(places[k - 1] + 4);
      }
    }
  });

  it("of given length has that many characters, all of one writer", () => {
    const { dataset, writers } = written();
    const spaced = stringsOf(dataset, {
      length: 200,
      style: "spaced",
      characters: [4, 8],
      writers,
      among: new Set([2, 4]),
    });
    const lengths = new Set<number>();
    const found = new Set<number>();
    for (let index = 0; index < 200; index++) {
      const text = textOf(spaced, read(spaced, [index]));
      lengths.add(text.length);
      expect(text).toMatch(/^[0-9]+$/);
      found.add(spaced.writer(index));
    }
    expect([...lengths].sort()).toEqual([4, 5, 6, 7, 8]);
    expect([...found].sort()).toEqual([2, 4]);
  });

  it("stands apart or touches, as the style says", () => {
    const gaps = (style: "spaced" | "touching"): number => {
      const dataset = strings({ style, characters: [6, 6], length: 100 });
      let empty = 0;
      for (let index = 0; index < 100; index++) {
        const { x, length } = read(dataset, [index]);
        let isInk = false;
        for (let column = 0; column < length[0] - LINE.after; column++) {
          const has = x.subarray(column * LINE.height, (column + 1) * LINE.height).some((value) => value > 96);
          if (isInk && !has) empty++;
          isInk = has;
        }
      }
      return empty / 100;
    };
    expect(gaps("spaced")).toBeGreaterThan(3);
    expect(gaps("touching")).toBeLessThan(1.5);
  });

  it("of one batch are about equally wide", () => {
    const dataset = strings({ length: 6400 });
    const order = epochOrder(dataset.length, 1, 1, undefined, dataset.locality);
    for (let batch = 0; batch < 100; batch++) {
      const widths = new Set(
        [...order.subarray(batch * 64, (batch + 1) * 64)].map((index) => dataset.sizes(index).columns),
      );
      expect(widths.size).toBe(1);
    }
  });

  it("shows amounts, dates, nothing, and what cannot be read", () => {
    const dataset = strings({ length: 3000 });
    const texts = Array.from({ length: 3000 }, (_, index) => textOf(dataset, read(dataset, [index])));
    for (const pattern of [
      /^\d+$/,
      /\d\.\d\d$/,
      /^\$/,
      /\d\d\/\d\d\/\d/,
      /^-\d/,
      /\/-$/,
      /^$/,
      /^\?+$/,
      /\?\?/,
      /€/,
      /(\d)\1/,
    ]) {
      expect(texts.filter((text) => pattern.test(text)).length, String(pattern)).toBeGreaterThan(0);
    }
    // Each letter is one that cannot be read, and digits do not stand among them.
    for (const text of texts) if (text.includes("?")) expect(text).toMatch(/^\?+$/);
  });
});

describe("what strings are made of", () => {
  it("knows where the ink of each row begins and ends, and leaves blank pictures out", () => {
    const images = new Uint8Array(3 * 16);
    images.set([0, 200, 200, 0, 0, 0, 100, 0], 16 + 4);
    images[32] = 255;
    const glyphs = new Glyphs({ images, height: 4, width: 4, symbols: [0, 1, 2] });
    expect([...glyphs.left.subarray(4, 8)]).toEqual([NO_INK, 1, 2, NO_INK]);
    expect([...glyphs.right.subarray(4, 8)]).toEqual([NO_INK, 2, 2, NO_INK]);
    expect(glyphs.countOf(0)).toBe(2);
    expect([glyphs.of(0, 0), glyphs.of(0, 1)]).toEqual([1, 2]);
    expect(glyphs.range(0, 2)).toEqual([1, 1]);
    expect(glyphs.range(0, 0)).toBeUndefined();
  });

  it("takes any script, and turns dark ink on paper around", () => {
    const { dataset } = written([..."౦౧౨౩౪౫౬౭౮౯"]);
    const dark = dataset.with({ images: dataset.images.map((value) => 255 - value), polarity: "dark-on-light" });
    const [a, b] = [dataset, dark].map((source) => stringsOf(source, { length: 64 }));
    expect(a.alphabet).toEqual([..."౦౧౨౩౪౫౬౭౮౯"]);
    expect(read(a, [1]).x).toEqual(read(b, [1]).x);
  });

  it("refuses classes that are no characters, and counts that make no sense", () => {
    expect(() => alphabetOf(["one", "2"])).toThrow(
      'strings are made of single characters, but the data have a class "one"',
    );
    const { dataset } = written();
    expect(() => stringsOf(dataset, { length: 0 })).toThrow("0 strings; expected a whole number of at least 1");
    expect(() => stringsOf(dataset, { characters: [3, 2] })).toThrow("strings of 3 to 2 characters");
  });
});
