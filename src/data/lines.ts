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

/**
 * What a file says of a line as the string to learn: without spaces and line breaks at its ends, in Unicode's normal form C, so that
 * a letter with its accent is one symbol where Unicode has one for both. A symbol is a code point: what is composed of several, such
 * as a consonant with a vowel sign, is as many symbols, one after the other.
 */
export const stringOf = (text: string): string => text.trim().normalize("NFC");

/** The different symbols of strings, by their code points. */
export const alphabetOf = (strings: Iterable<string>): string[] => {
  const symbols = new Set<string>();
  for (const string of strings) for (const symbol of string) symbols.add(symbol);
  return [...symbols].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
};

/** Whether a string has letters that are written from right to left; their digits are written from left to right. */
export const isRightToLeft = (string: string): boolean =>
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(
    string.replace(/\p{N}/gu, ""),
  );

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
