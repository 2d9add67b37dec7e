/** Pictures of lines with the strings that stand in them: what a model learns to read strings from. */
import { DataError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import type { Dataset, SplitName } from "./dataset.ts";
import { type Arrays, bytesOf, IGNORED, type Ports, type Sizes } from "./port.ts";

/** What {@link Lines} are made of. */
export interface LinesSource {
  /** Pixels of all pictures, row by row, channels last: `strings × height × width × channels` bytes. */
  readonly images: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels?: number | undefined;
  /** What stands in each picture; may be empty. */
  readonly strings: readonly string[];
  /** The symbols of strings. */
  readonly alphabet: Iterable<string>;
  /** Default: "lines". */
  readonly name?: string | undefined;
  readonly split?: SplitName | undefined;
}

/** Pictures of one size, one string each. */
export class Lines implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly split: SplitName | undefined;
  readonly inputs: Ports;
  readonly targets: Ports = { y: { shape: ["symbols"], dtype: "int32" } };
  readonly ground = 0;
  readonly alphabet: readonly string[];
  readonly #images: Uint8Array;
  readonly #size: number;
  readonly #symbols: readonly Int32Array[];

  /** @throws DataError when counts differ, or a string has a symbol that the alphabet lacks */
  constructor({ images, height, width, channels = 1, strings, alphabet, name = "lines", split }: LinesSource) {
    this.#size = height * width * channels;
    if (images.length !== strings.length * this.#size) {
      throw new DataError(`${name}: ${images.length / this.#size} pictures but ${strings.length} strings`);
    }
    this.name = name;
    this.length = strings.length;
    this.split = split;
    this.inputs = { x: { shape: [height, width, channels], dtype: "uint8" } };
    this.#images = images;
    this.alphabet = [...alphabet];
    this.#symbols = symbolsOf(strings, this.alphabet, name);
  }

  *content(): Iterable<Uint8Array> {
    const { inputs, alphabet } = this;
    yield new TextEncoder().encode(JSON.stringify({ shape: inputs.x.shape, alphabet }));
    yield bytesOf(Int32Array.from(this.#symbols, ({ length }) => length));
    for (const symbols of this.#symbols) yield bytesOf(symbols);
    yield this.#images;
  }

  sizes(index: number): Sizes {
    return { symbols: this.#symbols[index].length };
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays, sizes: Sizes = {}): void {
    const size = this.#size;
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      const symbols = this.#symbols[index];
      x.set(this.#images.subarray(index * size, (index + 1) * size), k * size);
      for (let s = 0; s < sizes.symbols; s++) y[k * sizes.symbols + s] = s < symbols.length ? symbols[s] : IGNORED;
    }
  }
}

/** Strings by the places of their symbols in an alphabet. @throws DataError naming one that the alphabet lacks */
export function symbolsOf(strings: readonly string[], alphabet: Iterable<string>, name: string): Int32Array[] {
  const places = new Map([...alphabet].map((symbol, i) => [symbol, i]));
  return strings.map((string, i) =>
    Int32Array.from(string, (symbol) => {
      const place = places.get(symbol);
      if (place !== undefined) return place;
      throw new DataError(`${name}: string ${i}, ${quote(string)}, has ${quote(symbol)}, which the alphabet lacks`);
    }),
  );
}
