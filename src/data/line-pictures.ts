/** Pictures of lines of any width with the strings that stand in them, as models read them whose input is a line. */
import { bucket } from "../engine/programs.ts";
import type { Line, LineFrame } from "../picture/line.ts";
import type { Dataset, SplitName } from "./dataset.ts";
import { symbolsOf } from "./lines.ts";
import { type Arrays, IGNORED, INDEX, type Ports, type Sizes } from "./port.ts";

/** What {@link LinePictures} are made of. */
export interface LinePicturesSource {
  /** As the frame has them. */
  readonly lines: readonly Line[];
  readonly frame: LineFrame;
  /** What stands in each; may be empty. */
  readonly strings: readonly string[];
  /** The symbols of strings. */
  readonly alphabet: Iterable<string>;
  readonly name: string;
  readonly split?: SplitName | undefined;
  /** Who wrote each, as a number, below 0 where nobody knows; default: nobody knows. */
  readonly writers?: ArrayLike<number> | undefined;
}

/** Lines of different width, one string each. A batch is as wide as its widest line with the paper behind it. */
export class LinePictures implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly split: SplitName | undefined;
  readonly inputs: Ports;
  readonly targets: Ports = { y: { shape: ["symbols"], dtype: "int32" } };
  readonly ground = 0;
  readonly alphabet: readonly string[];
  readonly #writers: ArrayLike<number> | undefined;
  readonly #lines: readonly Line[];
  readonly #frame: LineFrame;
  readonly #symbols: readonly Int32Array[];

  /** @throws DataError when a string has a symbol that the alphabet lacks */
  constructor({ lines, frame, strings, alphabet, name, split, writers }: LinePicturesSource) {
    this.name = name;
    this.length = lines.length;
    this.split = split;
    this.inputs = { x: { shape: ["columns", frame.height, 1], dtype: "uint8" }, length: INDEX };
    this.#lines = lines;
    this.#frame = frame;
    this.alphabet = [...alphabet];
    this.#writers = writers;
    this.#symbols = symbolsOf(strings, this.alphabet, name);
  }

  writer(index: number): number {
    return this.#writers?.[index] ?? -1;
  }

  sizes(index: number): Sizes {
    const columns = bucket(this.#lines[index].columns + this.#frame.margin);
    return { columns, symbols: this.#symbols[index].length };
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y, length }: Arrays, sizes: Sizes = {}): void {
    const size = sizes.columns * this.#frame.height;
    x.fill(0);
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      const { pixels, columns } = this.#lines[index];
      const symbols = this.#symbols[index];
      x.set(pixels, k * size);
      length[k] = columns;
      for (let s = 0; s < sizes.symbols; s++) y[k * sizes.symbols + s] = s < symbols.length ? symbols[s] : IGNORED;
    }
  }
}
