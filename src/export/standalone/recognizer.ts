/**
 * A recognizer that stands alone, at run time: from the bytes of an exported module (export/wasm.ts) to a function that
 * reads pictures. Bundled, with the very code that prepares pictures for training, into every exported `.js` and page;
 * what belongs to one model (weights, labels, preprocessing) is all in the module.
 */

import { type TypedArray, viewOf } from "../../engine/dtype.ts";
import { DataError } from "../../engine/errors.ts";
import { applyPreprocessing } from "../../picture/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../../picture/preprocessing.ts";
import { Novelty, type NoveltyRecord, noneOfThese } from "../../task/classify/novelty.ts";
import { rank, writePixels } from "../../task/classify/ranking.ts";
import type { NumbersType } from "../../task/input.ts";
import { openModule } from "./module.ts";
import { type Pixels, withChannels } from "./pixels.ts";

/** What a module says about its model, as JSON. */
export interface ModelCard {
  readonly version: string;
  readonly labels: readonly string[];
  readonly inputType: NumbersType;
  readonly preprocessing: Preprocessing;
  /** What outputs are divided by before the softmax; absent where none was fitted. */
  readonly temperature?: number | undefined;
  /** Tells pictures of no class; absent where none was fitted. */
  readonly novelty?: NoveltyRecord | undefined;
}

/** A class with its probability, as a recognizer answers. */
export interface Reading {
  readonly label: string;
  /** 0 … 1 */
  readonly probability: number;
}

/** A finished model, ready to read pictures. */
export interface Recognizer {
  /** The classes, in the order of the network's outputs. */
  readonly labels: readonly string[];
  /** What is done to a picture before the network sees it. */
  readonly preprocessing: Preprocessing;
  /** [height, width, channels] of what the network sees. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Reads a picture of any size and polarity: all classes, the likeliest first. @throws when it is blank */
  recognize(picture: Pixels): Reading[];
  /** @deprecated its name is {@link recognize} now */
  recognise(picture: Pixels): Reading[];
  /** What the network sees of a picture: bytes of `inputShape`. @throws when it is blank */
  see(picture: Pixels): Uint8Array;
  /** Reads what {@link see} returned. */
  read(seen: Uint8Array): Reading[];
  /**
   * Why what {@link see} returned is none of the classes, in words, whatever {@link read} says of it; undefined where it is one, and
   * always where the model has no novelty score.
   */
  noneOfThese(seen: Uint8Array): string | undefined;
  /** The network's outputs, before temperature and softmax, for what {@link see} returned. */
  logits(seen: Uint8Array): Float32Array;
}

/** What the module exports, beside what the linker needs. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly x: WebAssembly.Global<"i32">;
  readonly x_length: WebAssembly.Global<"i32">;
  readonly logits: WebAssembly.Global<"i32">;
  readonly logits_length: WebAssembly.Global<"i32">;
  run(): void;
}

/** The network of an exported module: {@link run} reads `input` and writes `output`, its logits. */
export interface StandaloneNetwork extends Pick<ModelCard, "labels" | "inputType" | "preprocessing" | "novelty"> {
  readonly temperature: number | undefined;
  readonly input: TypedArray;
  readonly output: TypedArray;
  readonly run: () => void;
}

/**
 * Makes a recognizer of its module: of the bytes, or compiled already, which is all that edge workers allow.
 * @throws DataError when it is damaged or something else
 */
export async function openRecognizer(source: Uint8Array | WebAssembly.Module): Promise<Recognizer> {
  return recognizerOf(await openNetwork(source));
}

/** What {@link openRecognizer} makes a recognizer of. @throws DataError when the module is damaged or something else */
export async function openNetwork(source: Uint8Array | WebAssembly.Module): Promise<StandaloneNetwork> {
  return openModule(source, "pictures", (found, exports) => {
    const card = found as ModelCard;
    const { labels, inputType, preprocessing, temperature, novelty } = card;
    const { memory, x, x_length, logits, logits_length, run } = exports as unknown as Exports;
    const input = viewOf(inputType, memory.buffer, x.value, x_length.value);
    const output = viewOf("float32", memory.buffer, logits.value, logits_length.value);
    const [height, width, channels] = preprocessedShape(preprocessing);
    const { box = 1 } = preprocessing as { box?: number };
    // What its words are is not looked at: one that is unknown gives another picture, no failure.
    const plain = [temperature, ...Object.values(preprocessing)].filter((value) => typeof value !== "object");
    const fits = input.length === height * width * channels && output.length === labels.length;
    const isKnown = fits && box <= height && box <= width && plain.length > Object.keys(preprocessing).length;
    if (!isKnown || !labels.every((label) => typeof label === "string")) throw card;
    return { labels, inputType, preprocessing, temperature, novelty, input, output, run };
  });
}

export function recognizerOf(network: StandaloneNetwork): Recognizer {
  const { labels, inputType, preprocessing, temperature, novelty: stored, input, output, run } = network;
  const novelty = stored && new Novelty(stored);
  const see = (picture: Pixels): Uint8Array => applyPreprocessing(preprocessing, withChannels(picture));
  const infer = (seen: Uint8Array): Float32Array => {
    if (seen.length !== input.length) {
      throw new DataError(`recognizer: ${seen.length} bytes are not the ${input.length} that the network takes`);
    }
    writePixels(seen, input, inputType);
    run();
    return Float32Array.from(output);
  };
  const read = (seen: Uint8Array): Reading[] =>
    rank({ classes: labels, temperature }, infer(seen)).map(({ name, probability }) => ({ label: name, probability }));
  const recognize = (picture: Pixels): Reading[] => read(see(picture));
  const inputShape = preprocessedShape(preprocessing);
  const noneOf = (seen: Uint8Array): string | undefined => {
    const reason = novelty?.noClass(seen, inputShape, 255);
    return reason && noneOfThese(reason);
  };
  const reading = { see, read, noneOfThese: noneOf, logits: infer, recognize, recognise: recognize };
  return { labels, preprocessing, inputShape, ...reading };
}
