/**
 * Data sets of texts: `Texts`, of which a model learns what comes next, and `LabeledTexts`, which it puts into classes. Texts have
 * different lengths; a batch is as long as its longest, and what a text does not fill is token 0, which its length leaves out.
 */
import type { Dataset, SplitName } from "../data/dataset.ts";
import { type Arrays, bytesOf, IGNORED, INDEX, type Ports, type Sizes } from "../data/port.ts";
import { DataError, UsageError } from "../engine/errors.ts";
import { TEXT_PORTS } from "../task/text-input.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What {@link Texts} need beside the texts. */
export interface TextsOptions {
  readonly tokenizer: Tokenizer;
  /** Default: "texts". */
  readonly name?: string | undefined;
  readonly split?: SplitName | undefined;
  /**
   * Cuts texts into windows of so many tokens, each of which follows the one before; default: a text is one sample, however long.
   */
  readonly window?: number | undefined;
}

/** Texts of which the next token is learned after each. One of n tokens has n − 1 of them to foresee. */
export class Texts implements Dataset {
  readonly name: string;
  readonly split: SplitName | undefined;
  readonly inputs: Ports = TEXT_PORTS;
  readonly targets: Ports = { y: { shape: ["time"], dtype: "int32" } };
  readonly tokens: readonly string[];
  readonly #samples: readonly Int32Array[];

  /** @throws UsageError for a window below 1 @throws DataError where no text has two tokens, or one has an unknown character */
  constructor(texts: string | readonly string[], { tokenizer, name = "texts", split, window }: TextsOptions) {
    if (window !== undefined && !(Number.isSafeInteger(window) && window >= 1)) {
      throw new UsageError(`texts: a window is ${window}; expected a whole number of tokens`);
    }
    this.name = name;
    this.split = split;
    this.tokens = tokenizer.tokens;
    const encoded = (typeof texts === "string" ? [texts] : texts).map((text) => tokenizer.encode(text));
    this.#samples = encoded.flatMap((tokens) => windowsOf(tokens, window ?? tokens.length));
    if (this.#samples.length === 0)
      throw new DataError(`${name}: no text has two tokens, so there is nothing to foresee`);
  }

  get length(): number {
    return this.#samples.length;
  }

  content(): Iterable<Uint8Array> {
    return contentOf(this.tokens, this.#samples);
  }

  sizes(index: number): Sizes {
    return { time: this.#samples[index].length - 1 };
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y, length }: Arrays): void {
    const time = x.length / length.length;
    for (let k = 0; k < count; k++) {
      const tokens = this.#samples[indices[start + k]];
      length[k] = tokens.length - 1;
      for (let t = 0; t < time; t++) {
        const isOwn = t + 1 < tokens.length;
        x[k * time + t] = isOwn ? tokens[t] : 0;
        y[k * time + t] = isOwn ? tokens[t + 1] : IGNORED;
      }
    }
  }
}

/** Token numbers with what they stand for, and how long each sample is. */
function* contentOf(tokens: readonly string[], samples: readonly Int32Array[]): Iterable<Uint8Array> {
  yield new TextEncoder().encode(JSON.stringify(tokens));
  yield bytesOf(Int32Array.from(samples, ({ length }) => length));
  for (const sample of samples) yield bytesOf(sample);
}

/** Pieces of `window` tokens and the one after: the last token of a piece is the first of the next. */
function windowsOf(tokens: Int32Array, window: number): Int32Array[] {
  const windows: Int32Array[] = [];
  for (let from = 0; from + 1 < tokens.length; from += window) windows.push(tokens.subarray(from, from + window + 1));
  return windows;
}

/** What {@link LabeledTexts} need beside the texts. */
export interface LabeledTextsOptions extends Omit<TextsOptions, "window"> {
  readonly classes: readonly string[];
  /** Most tokens of a text that are read; default: all. */
  readonly maxLength?: number | undefined;
}

/** A text and the place of its class. */
export interface LabeledText {
  readonly text: string;
  readonly label: number;
}

/** Texts with one class each. */
export class LabeledTexts implements Dataset {
  readonly name: string;
  readonly split: SplitName | undefined;
  readonly inputs: Ports = TEXT_PORTS;
  readonly targets: Ports = { y: INDEX };
  readonly classes: readonly string[];
  readonly tokens: readonly string[];
  readonly #samples: readonly Int32Array[];
  readonly #labels: Int32Array;

  /** @throws DataError for a label that is no class, or a text without tokens */
  constructor(texts: readonly LabeledText[], options: LabeledTextsOptions) {
    const { tokenizer, name = "texts", split, classes, maxLength } = options;
    this.name = name;
    this.split = split;
    this.classes = classes;
    this.tokens = tokenizer.tokens;
    this.#labels = Int32Array.from(texts, ({ label }) => label);
    this.#samples = texts.map(({ text, label }, i) => {
      if (!(Number.isInteger(label) && label >= 0 && label < classes.length)) {
        throw new DataError(`${name}: label ${label} of text ${i} is outside 0…${classes.length - 1}`);
      }
      const tokens = tokenizer.encode(text).slice(0, maxLength);
      if (tokens.length === 0) throw new DataError(`${name}: text ${i} is empty; leave it out`);
      return tokens;
    });
  }

  get length(): number {
    return this.#samples.length;
  }

  label(index: number): number {
    return this.#labels[index];
  }

  *content(): Iterable<Uint8Array> {
    yield new TextEncoder().encode(JSON.stringify(this.classes));
    yield bytesOf(this.#labels);
    yield* contentOf(this.tokens, this.#samples);
  }

  sizes(index: number): Sizes {
    return { time: this.#samples[index].length };
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y, length }: Arrays): void {
    const time = x.length / length.length;
    for (let k = 0; k < count; k++) {
      const tokens = this.#samples[indices[start + k]];
      length[k] = tokens.length;
      y[k] = this.#labels[indices[start + k]];
      for (let t = 0; t < time; t++) x[k * time + t] = t < tokens.length ? tokens[t] : 0;
    }
  }
}
