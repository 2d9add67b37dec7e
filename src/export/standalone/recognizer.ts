/**
 * A recognizer that stands alone, at run time: from the bytes of an exported module (export/wasm.ts) to a function that
 * reads pictures. Bundled, with the very code that prepares pictures for training, into every exported `.js` and page;
 * what belongs to one model (weights, labels, preprocessing) is all in the module.
 */

import { fuseMultiplyAdds } from "../../engine/backends/wasm/fusable.ts";
import { relaxedSimdWorks, simdWorks } from "../../engine/backends/wasm/support.ts";
import { type TypedArray, viewOf } from "../../engine/dtype.ts";
import { DataError } from "../../engine/errors.ts";
import { crc32 } from "../../formats/checksum.ts";
import type { Picture } from "../../picture/picture.ts";
import { applyPreprocessing } from "../../picture/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../../picture/preprocessing.ts";
import { rank, writePixels } from "../../task/classify/ranking.ts";
import type { NumbersType } from "../../task/input.ts";

/** Name of the section with the {@link ModelCard}, and of the last one, with a checksum of all before it. */
export const CARD_SECTION = "ductus";
export const CHECKSUM_SECTION = "crc32";
/** Bytes of the last section: its id and length, its name behind a length, and the checksum. */
export const CHECKSUM_BYTES = 2 + 1 + CHECKSUM_SECTION.length + 4;

/** What a module says about its model, as JSON. */
export interface ModelCard {
  readonly version: string;
  readonly labels: readonly string[];
  readonly inputType: NumbersType;
  readonly preprocessing: Preprocessing;
  /** What outputs are divided by before the softmax; absent where none was fitted. */
  readonly temperature?: number | undefined;
}

/** Pixels row by row, channels interleaved: gray, gray + alpha, RGB or RGBA. A canvas's `ImageData` is one. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
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
export interface StandaloneNetwork extends Pick<ModelCard, "labels" | "inputType" | "preprocessing"> {
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
  try {
    const module = source instanceof WebAssembly.Module ? source : await compiled(source);
    const [section] = WebAssembly.Module.customSections(module, CARD_SECTION);
    if (section === undefined) throw new DataError("recognizer: this module is none; it was not exported by Ductus");
    const card = JSON.parse(new TextDecoder().decode(section)) as ModelCard;
    const { labels, inputType, preprocessing, temperature } = card;
    const { exports } = await WebAssembly.instantiate(module);
    const { memory, x, x_length, logits, logits_length, run } = exports as unknown as Exports;
    const input = viewOf(inputType, memory.buffer, x.value, x_length.value);
    const output = viewOf("float32", memory.buffer, logits.value, logits_length.value);
    const [height, width, channels] = preprocessedShape(preprocessing);
    const { box = 1 } = preprocessing as { box?: number };
    // What its words are is not looked at: one that is unknown gives another picture, no failure.
    const plain = [temperature, ...Object.values(preprocessing)].filter((value) => typeof value !== "object");
    const fits = input.length === height * width * channels && output.length === labels.length;
    const isKnown = fits && box <= height && box <= width && plain.length > Object.keys(preprocessing).length;
    if (isKnown && labels.every((label) => typeof label === "string"))
      return { labels, inputType, preprocessing, temperature, input, output, run };
    throw card;
  } catch (cause) {
    throw cause instanceof DataError ? cause : new DataError(DAMAGED, { cause });
  }
}

const DAMAGED = "recognizer: the module is cut off or damaged; export or download it again";

function compiled(bytes: Uint8Array): Promise<WebAssembly.Module> {
  if (!simdWorks()) throw new DataError("recognizer: this WebAssembly engine has no SIMD; use a newer one");
  checkModule(bytes);
  return WebAssembly.compile(relaxedSimdWorks() ? fuseMultiplyAdds(bytes) : new Uint8Array(bytes));
}

export function recognizerOf(network: StandaloneNetwork): Recognizer {
  const { labels, inputType, preprocessing, temperature, input, output, run } = network;
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
  return { labels, preprocessing, inputShape, see, read, logits: infer, recognize, recognise: recognize };
}

/** @throws DataError when the bytes are no picture */
export function withChannels({ width, height, data }: Pixels): Picture {
  const channels = data.length / (width * height);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new DataError(`picture: ${data.length} bytes are not ${width}×${height} pixels of 1 to 4 channels`);
  }
  return { width, height, data, channels: channels as Picture["channels"] };
}

const MAGIC = [0, 0x61, 0x73, 0x6d];

/** Whether the bytes begin like a WebAssembly module. */
export const looksCompiled = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** How a page that was exported begins, and what its module stands in. */
const PAGE = /^\s*<!doctype html/i;
const MODULE_IN_PAGE = /<script\b[^>]*\bid="model"[^>]*>([^<]*)</;

/** The module that an exported page carries; undefined for anything but a page. @throws DataError for another page */
export function moduleInPage(bytes: Uint8Array): Uint8Array | undefined {
  const text = (part: Uint8Array): string => new TextDecoder().decode(part);
  if (!PAGE.test(text(bytes.subarray(0, 64)))) return undefined;
  const encoded = MODULE_IN_PAGE.exec(text(bytes))?.[1];
  if (encoded === undefined) {
    throw new DataError("recognizer: this page holds none; it is cut off, or was not exported by Ductus");
  }
  return Uint8Array.from(base64(encoded), (letter) => letter.charCodeAt(0));
}

function base64(text: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw new DataError("recognizer: the page is damaged; export or download it again", { cause });
  }
}

function checkModule(bytes: Uint8Array): void {
  if (!looksCompiled(bytes)) throw new DataError("recognizer: this is no WebAssembly module");
  const end = bytes.length - CHECKSUM_BYTES;
  const last = bytes.subarray(end);
  const name = String.fromCharCode(...last.subarray(3, -4));
  if (name !== CHECKSUM_SECTION || crc32(bytes.subarray(0, end)) !== readU32(last.subarray(-4))) {
    throw new DataError(DAMAGED);
  }
}

const readU32 = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
