/**
 * The task of reading a string from a picture of a line, or from any sequence: what stands there, without being told where. The
 * network gives logits [batch, frames, 1 + alphabet], the first for "nothing" (blank), and learns by CTC (A. Graves et al., ICML
 * 2006). A target is the symbols of a string by their places in the alphabet, filled up with −100.
 */
import type { Dataset } from "../../data/dataset.ts";
import { type Arrays, IGNORED, INDEX, type Ports, sameNames } from "../../data/port.ts";
import { DataError, ShapeError, UsageError } from "../../engine/errors.ts";
import { constant } from "../../engine/ops/constant.ts";
import { add, cast, mul } from "../../engine/ops/elementwise.ts";
import { quote } from "../../engine/quote.ts";
import { check, list, Mismatch, record, text } from "../../engine/schema.ts";
import { formatShape } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { JsonRecord } from "../../formats/model-file.ts";
import type { InputCodec } from "../input.ts";
import { ACCURACY } from "../score.ts";
import type { BatchOutputs, Measures, Primary, Task, Tensors } from "../task.ts";
import { beamDecode } from "./ctc-decode.ts";
import { BLANK, type Frames, framesNeeded, framesOf, tooLong } from "./ctc-frames.ts";
import { ctc, smoothedCtc } from "./ctc-loss.ts";
import type { TranscribeEvaluation } from "./evaluation.ts";

/** What a reader of numbers gives for something that is none of its symbols: a letter, a scribble, a number that is struck out. */
export const UNREADABLE = "?";

/** Strings that an answer has, the best one and its alternatives. */
const STRINGS = 5;

/** A string that was read. */
export interface Transcription {
  readonly text: string;
  /** 0 … 1: of all ways to read the frames, the share that gives this string. */
  readonly probability: number;
  /** Other strings, the likeliest first. */
  readonly alternatives: readonly { readonly text: string; readonly probability: number }[];
}

/** Reads a string over an alphabet, such as a number from a picture of a line. */
export class Transcribe implements Task<Transcription, TranscribeEvaluation> {
  declare readonly evaluation?: TranscribeEvaluation | undefined;
  readonly kind = "transcribe";
  readonly loss = "ctc";
  readonly losses = { ctc };
  readonly smoothed = { ctc: smoothedCtc };
  readonly primary = ACCURACY;
  readonly isPlaced = true;
  readonly measures: readonly Primary[] = [ACCURACY, { name: "symbolErrorRate", better: "lower" }];
  readonly targets: Ports = { y: { shape: ["symbols"], dtype: "int32" } };
  readonly input: InputCodec;
  /** The symbols that strings consist of, in the order of the logits after the first. */
  readonly alphabet: readonly string[];
  readonly outputs: Ports;

  /** @throws UsageError for an alphabet that is empty or has a symbol twice */
  constructor(input: InputCodec, alphabet: Iterable<string>) {
    this.input = input;
    this.alphabet = [...alphabet];
    const twice = this.alphabet.find((symbol, i) => this.alphabet.indexOf(symbol) !== i);
    if (this.alphabet.length === 0) throw new UsageError("transcribe: the alphabet is empty; give its symbols");
    if (twice !== undefined) throw new UsageError(`transcribe: the alphabet has ${quote(twice)} twice`);
    const width = this.alphabet.length + 1;
    this.outputs = { logits: { shape: ["frames", width], dtype: "float32" }, frames: INDEX };
  }

  get names(): readonly string[] {
    return this.alphabet;
  }

  untrainedLoss(): number {
    return 1;
  }

  finish(logits: Tensor, { x, length }: Tensors): Tensors {
    const [batch, width] = [x.shape[0], this.alphabet.length + 1];
    if (logits.rank !== 3 || logits.shape[0] !== batch || logits.shape[2] !== width) {
      throw new ShapeError(
        `model: the network's output is ${formatShape(logits.shape)} but strings over ${width - 1} symbols need [${batch}, frames, ${width}], the first for "nothing"`,
      );
    }
    const all = logits.shape[1];
    if (length === undefined) return { logits, frames: constant(all, "int32", [batch]) };
    // Rounded up: a frame that sees a part of the input counts.
    const share = mul(cast(length, "float32"), all / x.shape[1]);
    return { logits, frames: cast(add(share, 1 - 1e-3), "int32") };
  }

  tally(): Tensors {
    return {};
  }

  rates(): Measures {
    return {};
  }

  check(dataset: Dataset, name: string): void {
    if (dataset.targets.y?.shape.join() !== "symbols") {
      throw new DataError(`${dataset.name} has no strings to learn, which ${name} reads; use text.Lines`);
    }
    const { alphabet = this.alphabet } = dataset;
    if (sameNames(alphabet, this.alphabet)) return;
    const [has, reads] = [alphabet, this.alphabet].map((symbols) => quote(symbols.join("")));
    throw new DataError(
      `${dataset.name} has strings over ${has} but ${name} reads strings over ${reads}; give both the same alphabet, in the same order`,
    );
  }

  reading(input: InputCodec): Transcribe {
    return new Transcribe(input, this.alphabet);
  }

  /** The symbols of a string by their places. @throws DataError for one that the alphabet lacks */
  encode(string: string): Int32Array {
    return Int32Array.from(string, (symbol) => {
      const index = this.alphabet.indexOf(symbol);
      if (index >= 0) return index;
      throw new DataError(`${quote(string)} has ${quote(symbol)}, which the alphabet lacks`);
    });
  }

  /**
   * The frames of a sample, for decoding.
   * @param temperature by which logits are divided; default 1
   * @throws DuctusError when the network's numbers are not finite
   */
  frames({ outputs, count }: BatchOutputs, index: number, temperature = 1): Frames {
    const { logits, frames } = outputs;
    const size = logits.length / count;
    const own = logits.subarray(index * size, (index + 1) * size) as Float32Array;
    return framesOf(own, frames[index], this.alphabet.length + 1, temperature);
  }

  /** Strings that the frames cannot hold. */
  impossible({ outputs, count }: BatchOutputs, { y }: Arrays, index: number): string | undefined {
    const longest = y.length / count;
    const symbols = [...y.subarray(index * longest, (index + 1) * longest)].filter((symbol) => symbol !== IGNORED);
    const [needed, frames] = [framesNeeded(symbols), outputs.frames[index]];
    return needed <= frames
      ? undefined
      : tooLong(symbols.map((symbol) => this.alphabet[symbol]).join(""), needed, frames);
  }

  decode(outputs: BatchOutputs, index: number, temperature = 1): Transcription {
    const [best, ...alternatives] = beamDecode(this.frames(outputs, index, temperature), { best: STRINGS }).map(
      ({ labels, probability }) => ({ text: labels.map((label) => this.alphabet[label - 1]).join(""), probability }),
    );
    return { ...best, alternatives };
  }

  record(): JsonRecord {
    return { kind: this.kind, input: this.input.record(), alphabet: this.alphabet, blank: BLANK };
  }
}

/** @param name starts the message @throws DataError when it is damaged */
export function readTranscribe(stored: JsonRecord, input: InputCodec, name: string): Transcribe {
  const found = check(record({ alphabet: list(text, 1) }, {}, "ignored"), stored);
  if (!(found instanceof Mismatch) && stored.blank === BLANK) return new Transcribe(input, found.alphabet);
  throw new DataError(`${name}: what it says of its alphabet is damaged; copy or train it again`);
}
