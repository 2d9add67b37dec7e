/**
 * Single characters as the material of strings: their pixels, who wrote them, and where in each row their ink begins and ends. Made
 * from a data set of characters or from strokes of our own (print.ts, signs.ts); layout.ts puts them side by side.
 */
import type { ImageDataset } from "../data/dataset.ts";
import { DataError } from "../engine/errors.ts";

/** What {@link Glyphs} are made of. */
export interface GlyphSource {
  /** Light ink on black: `symbols.length × height × width` bytes. */
  readonly images: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** The symbol that each shows, by its place in an alphabet. */
  readonly symbols: ArrayLike<number>;
  /** Number of the writer of each, 0 …; default: all are of one. */
  readonly writers?: ArrayLike<number> | undefined;
  /** Pixels of height in a string of size 1, whatever the size of the pictures. Default 20. */
  readonly size?: number | undefined;
  /** What stands at middle height: the middle of each one's own ink, or of its picture, as for signs. Default "ink". */
  readonly middle?: "ink" | "picture" | undefined;
}

/** Darker pixels are strokes; paler ones are their soft edges. */
const INK = 96;
/** Marks a row without ink. */
export const NO_INK = 255;
/** Height of a character in a string of size 1, in pixels: that of MNIST's digits. */
const SIZE = 20;

/** Characters by writer and symbol. */
export class Glyphs {
  readonly images: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly length: number;
  readonly symbols: Int32Array;
  /** First and last column with ink of every row of every picture; {@link NO_INK} in rows without. */
  readonly left: Uint8Array;
  readonly right: Uint8Array;
  /** What is to stand at middle height, and in the middle of the width, in pixels of the picture. */
  readonly middleY: Float32Array;
  readonly middleX: Float32Array;
  /** From pixels of a picture to those of a string. */
  readonly scale: number;
  /** The writers that there are. */
  readonly writers: Int32Array;
  /** All pictures, those of one writer together and, among these, those of one symbol. */
  readonly #order: Int32Array;
  /** Where in the order the pictures of each writer begin, by the place of the writer in `writers`. */
  readonly #starts: Int32Array;

  /** @throws DataError when the counts differ, or pictures are larger than 255 pixels or empty */
  constructor({ images, height, width, symbols, writers, size = SIZE, middle = "ink" }: GlyphSource) {
    const area = height * width;
    if (images.length !== symbols.length * area || (writers !== undefined && writers.length !== symbols.length)) {
      throw new DataError(
        `strings: ${images.length / area} pictures, ${symbols.length} symbols and ${writers?.length ?? 0} writers do not belong together`,
      );
    }
    if (Math.max(height, width) >= NO_INK)
      throw new DataError(`strings: characters of ${height}×${width} are too large`);
    this.images = images;
    this.height = height;
    this.width = width;
    this.length = symbols.length;
    this.symbols = Int32Array.from(symbols);
    this.left = new Uint8Array(this.length * height).fill(NO_INK);
    this.right = new Uint8Array(this.length * height).fill(NO_INK);
    this.middleY = new Float32Array(this.length);
    this.middleX = new Float32Array(this.length);
    const heights: number[] = [];
    const inked: number[] = [];
    for (let i = 0; i < this.length; i++) {
      const box = this.#outline(i);
      if (box === undefined) continue;
      inked.push(i);
      heights.push(Math.max(box.bottom - box.top, box.right - box.left) + 1);
      this.middleY[i] = middle === "ink" ? (box.top + box.bottom) / 2 : (height - 1) / 2;
      this.middleX[i] = (box.left + box.right) / 2;
    }
    if (inked.length === 0) throw new DataError("strings: all characters are blank");
    heights.sort((a, b) => a - b);
    this.scale = size / (middle === "ink" ? heights[heights.length >> 1] : SIZE);

    const writerOf = (i: number): number => writers?.[i] ?? 0;
    // Blank pictures are in no order, so they are never drawn.
    this.#order = Int32Array.from(inked).sort(
      (a, b) => writerOf(a) - writerOf(b) || this.symbols[a] - this.symbols[b] || a - b,
    );
    const starts: number[] = [];
    const found: number[] = [];
    for (let k = 0; k < this.#order.length; k++) {
      const writer = writerOf(this.#order[k]);
      if (found.at(-1) === writer) continue;
      found.push(writer);
      starts.push(k);
    }
    this.writers = Int32Array.from(found);
    this.#starts = Int32Array.from([...starts, this.#order.length]);
  }

  /** How many characters a writer wrote. @param writer its place in {@link writers} */
  countOf(writer: number): number {
    return this.#starts[writer + 1] - this.#starts[writer];
  }

  /** A character of a writer. @param nth 0 … */
  of(writer: number, nth: number): number {
    return this.#order[this.#starts[writer] + nth];
  }

  /** Of a writer's characters of one symbol the first, by its number there, and how many there are; undefined without any. */
  range(writer: number, symbol: number): readonly [first: number, count: number] | undefined {
    const [begin, end] = [this.#starts[writer], this.#starts[writer + 1]];
    let from = begin;
    while (from < end && this.symbols[this.#order[from]] !== symbol) from++;
    let to = from;
    while (to < end && this.symbols[this.#order[to]] === symbol) to++;
    return to === from ? undefined : [from - begin, to - from];
  }

  /** Finds the ink of each row. @returns its box, undefined for a blank picture */
  #outline(i: number): { top: number; bottom: number; left: number; right: number } | undefined {
    const { images, height, width } = this;
    let box: { top: number; bottom: number; left: number; right: number } | undefined;
    for (let y = 0, at = i * height * width; y < height; y++, at += width) {
      let first = 0;
      while (first < width && images[at + first] < INK) first++;
      if (first === width) continue;
      let last = width - 1;
      while (images[at + last] < INK) last--;
      this.left[i * height + y] = first;
      this.right[i * height + y] = last;
      box ??= { top: y, bottom: y, left: first, right: last };
      box.bottom = y;
      box.left = Math.min(box.left, first);
      box.right = Math.max(box.right, last);
    }
    return box;
  }
}

/**
 * The characters of a data set.
 * @param writers number of the writer of each sample, where it is known
 * @param among only samples of these writers
 */
export function glyphsOf(dataset: ImageDataset, writers?: ArrayLike<number>, among?: ReadonlySet<number>): Glyphs {
  const [height, width, channels] = dataset.inputShape;
  if (channels !== 1)
    throw new DataError(`${dataset.name}: strings are made of gray characters, not of pictures in color`);
  const isDark = dataset.polarity === "dark-on-light";
  const area = height * width;
  const chosen =
    among === undefined || writers === undefined
      ? undefined
      : Int32Array.from(Array.from({ length: dataset.length }, (_, i) => i).filter((i) => among.has(writers[i])));
  const count = chosen?.length ?? dataset.length;
  const images = new Uint8Array(count * area);
  for (let k = 0; k < count; k++) {
    const image = dataset.image(chosen?.[k] ?? k);
    for (let p = 0; p < area; p++) images[k * area + p] = isDark ? 255 - image[p] : image[p];
  }
  const pick = (values: ArrayLike<number>): ArrayLike<number> =>
    chosen === undefined ? values : Int32Array.from(chosen, (i) => values[i]);
  return new Glyphs({
    images,
    height,
    width,
    symbols: pick(dataset.labels),
    ...(writers !== undefined && { writers: pick(writers) }),
  });
}
