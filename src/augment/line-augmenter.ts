/**
 * Reads the lines of writing of a training batch and changes them on their way from the data set to the network: their slant, their
 * width and height, where they stand, their strokes and their pixels. A line is a picture column after column, of which `length`
 * columns count. Nothing is allocated for a batch.
 *
 * A line becomes wider as far as the data set has room for it, and keeps the paper behind it by which an answer does not depend on
 * what follows (`LINE.margin`). It never becomes so narrow that its string may not fit: what is asked for beyond that is not done.
 */
import type { Dataset, SampleSpec } from "../data/dataset.ts";
import { type BatchArrays, IGNORED, lineRows, PLACES, type Sizes } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { LINE } from "../picture/line.ts";
import { type AugmenterOptions, type BatchAugmenter, TABLES, TOUCHES } from "./batch-augmenter.ts";
import { type LineMove, type LineStep, lineSteps } from "./line-changes.ts";
import { happens } from "./moves.ts";
import type { AugmentationList } from "./records.ts";
import type { Canvas } from "./touches.ts";

/**
 * Columns that a line keeps for each symbol. A network with a frame for every fourth column then has two for each, which is what a
 * string needs whose symbols are all equal.
 */
const LEAST_COLUMNS = 8;
/** Darker pixels are no ink by which it is found out where a line stands. */
const INK = 48;

export class LineAugmenter implements BatchAugmenter {
  readonly samples: SampleSpec;
  readonly #dataset: Dataset;
  /** The name of the axis of columns. */
  readonly #axis: string;
  readonly #rows: number;
  readonly #seed: number;
  readonly #steps: readonly LineStep[];
  readonly #canvas: LineCanvas;
  /** The line as it was read. */
  readonly #before: Uint8Array;
  readonly #move: LineMove = { width: 1, height: 1, lean: 0, down: 0 };
  #random: Random;
  #isPlain = false;
  #epoch = 0;

  /** @throws UsageError when the samples are no lines, or a record is wrong or has no meaning for lines */
  constructor(list: AugmentationList, dataset: Dataset, { seed }: AugmenterOptions) {
    const rows = lineRows(dataset.inputs);
    if (rows === undefined || dataset.sizes === undefined) {
      throw new UsageError(`${dataset.name}: samples are no pictures of lines with their sizes`);
    }
    this.#axis = dataset.inputs.x.shape[0] as string;
    this.samples = dataset;
    this.#dataset = dataset;
    this.#rows = rows;
    let widest = 0;
    for (let i = 0; i < dataset.length; i++) widest = Math.max(widest, this.#columnsOf(i));
    this.#seed = seed;
    this.#canvas = new LineCanvas(widest, rows);
    this.#before = new Uint8Array(widest * rows);
    this.#steps = lineSteps(list, this.#canvas);
    this.#random = new Random(seed, "augment", 0);
  }

  /** Lines are changed on the thread that calls. */
  async employ(): Promise<void> {}

  dispose(): void {}

  start(epoch: number, isPlain = false): void {
    this.#isPlain = isPlain;
    this.#epoch = epoch;
    this.#random = new Random(this.#seed, "augment", epoch);
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i];
      if (step.kind === "touch") step.begin?.(this.#random.item(TABLES, i));
    }
  }

  read(indices: ArrayLike<number>, start: number, count: number, arrays: BatchArrays, sizes: Sizes = {}): void {
    this.#dataset.read(indices, start, count, arrays, sizes, this.#epoch);
    if (this.#isPlain) return;
    const { x, y, [PLACES]: places, length } = arrays;
    const canvas = this.#canvas;
    const stride = sizes[this.#axis] * this.#rows;
    const symbols = sizes.symbols ?? 0;
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      const at = k * stride;
      const columns = length[k];
      const room = Math.max(columns, this.#columnsOf(index) - LINE.margin);
      let written = 0;
      while (written < symbols && y[k * symbols + written] !== IGNORED) written++;
      canvas.columns = columns;
      for (let i = 0; i < canvas.size; i++) canvas.out[i] = x[at + i];
      this.#moveLine(index, room, LEAST_COLUMNS * written);
      if (places !== undefined) {
        const stretch = canvas.columns / columns;
        for (let s = k * symbols; s < k * symbols + written; s++) {
          places[s] = Math.round((places[s] + 0.5) * stretch - 0.5);
        }
      }
      this.#touchLine(index);
      for (let i = 0; i < canvas.size; i++) x[at + i] = canvas.out[i];
      for (let i = canvas.size; i < columns * this.#rows; i++) x[at + i] = 0;
      length[k] = canvas.columns;
    }
  }

  /** Columns of a sample with the paper behind it. */
  #columnsOf(index: number): number {
    return this.#dataset.sizes?.(index)[this.#axis] ?? 0;
  }

  #moveLine(index: number, room: number, least: number): void {
    const move = this.#move;
    const random = this.#random.item(index);
    let isMoved = false;
    move.width = 1;
    move.height = 1;
    move.lean = 0;
    move.down = 0;
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i];
      if (step.kind !== "move" || !happens(step.p, random)) continue;
      step.move(move, random);
      isMoved = true;
    }
    if (!isMoved) return;
    const { columns } = this.#canvas;
    const narrowest = Math.min(columns, least);
    const wanted = Math.max(narrowest, Math.min(room, Math.round(columns * move.width)));
    this.#fitHeight(move);
    this.#sample(move, wanted);
  }

  /** Keeps all ink on the sheet. */
  #fitHeight(move: LineMove): void {
    const { out, size } = this.#canvas;
    const rows = this.#rows;
    const middle = (rows - 1) / 2;
    let [top, bottom] = [rows, -1];
    for (let i = 0; i < size; i++) {
      if (out[i] < INK) continue;
      const y = i % rows;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    if (bottom < 0) return;
    const reach = Math.max(middle - top, bottom - middle, 0.5);
    move.height = Math.min(move.height, Math.max(1, middle / reach));
    const above = middle + (top - middle) * move.height;
    const below = rows - 1 - (middle + (bottom - middle) * move.height);
    move.down = Math.min(Math.max(0, below), Math.max(-Math.max(0, above), move.down));
  }

  /** Draws the line anew, so many columns wide, each pixel between the four that it comes from. */
  #sample({ height, lean, down }: LineMove, columns: number): void {
    const canvas = this.#canvas;
    const before = this.#before;
    const rows = this.#rows;
    const old = canvas.columns;
    for (let i = 0; i < canvas.size; i++) before[i] = canvas.out[i];
    canvas.columns = columns;
    const middle = (rows - 1) / 2;
    const step = old / columns;
    for (let column = 0; column < columns; column++) {
      const center = (column + 0.5) * step - 0.5;
      for (let row = 0; row < rows; row++) {
        const fromY = (row - middle - down) / height + middle;
        // What is above the middle leans to the right.
        const fromX = center + lean * (row - middle);
        const [x, y] = [Math.floor(fromX), Math.floor(fromY)];
        const [shareX, shareY] = [fromX - x, fromY - y];
        let sum = 0;
        for (let dx = 0; dx < 2; dx++) {
          if (x + dx < 0 || x + dx >= old) continue;
          const weight = dx === 0 ? 1 - shareX : shareX;
          const at = (x + dx) * rows + y;
          if (y >= 0 && y < rows) sum += weight * (1 - shareY) * before[at];
          if (y >= -1 && y < rows - 1) sum += weight * shareY * before[at + 1];
        }
        canvas.out[column * rows + row] = Math.round(sum);
      }
    }
  }

  #touchLine(index: number): void {
    const random = this.#random.item(index, TOUCHES);
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i];
      if (step.kind === "touch" && happens(step.p, random)) step.touch(0, random);
    }
  }
}

/** One line, turned: what are rows of a picture are its columns. */
class LineCanvas implements Canvas {
  readonly out: Uint8Array;
  readonly frame: { height: number; readonly width: number; readonly channels: 1; readonly ground: 0 };

  constructor(columns: number, rows: number) {
    this.out = new Uint8Array(columns * rows);
    this.frame = { height: columns, width: rows, channels: 1, ground: 0 };
  }

  /** Columns that count. */
  get columns(): number {
    return this.frame.height;
  }

  set columns(columns: number) {
    this.frame.height = columns;
  }

  get size(): number {
    return this.frame.height * this.frame.width;
  }
}
