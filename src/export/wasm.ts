/**
 * `--to wasm`: a recognizer without dependencies. NAME.wasm holds kernels, weights, labels and preprocessing; NAME.js
 * loads it in Node, Deno, Bun, browsers and workers; NAME.d.ts gives types.
 */
import type { Model } from "../models/model.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import { LINE_LOADER, LOADER } from "./bundle.ts";
import { checkLines, encodeLines, speedOfLines } from "./line-module.ts";
import { checkRecognizer, type Exported, encodeRecognizer } from "./recognizer.ts";
import { speedOf } from "./timing.ts";

/** Stands in the bundled loader for the name of the module. */
const PLACEHOLDER = "`recognizer.wasm`";

/**
 * The three files of a recognizer.
 * @param name of the files, without suffix
 * @throws DuctusError when the module does not agree with the model, UsageError when that carries no preprocessing
 */
export async function exportWasm(model: Model, name: string): Promise<Exported> {
  const module = await encodeRecognizer(model);
  const agreement = await checkRecognizer(model, module);
  const files = filesOf(name, module.bytes, LOADER, declarations(model.classes));
  return { files, agreement, speed: await speedOf(module.bytes) };
}

/** The same of a model that reads lines of writing. @throws DuctusError when the module does not agree with the model */
export async function exportLineWasm(model: Model<Transcribe>, name: string): Promise<Exported> {
  const module = await encodeLines(model);
  const agreement = await checkLines(model, module);
  const files = filesOf(name, module.bytes, LINE_LOADER, lineDeclarations(model.task.alphabet));
  return { files, agreement, speed: await speedOfLines(module) };
}

function filesOf(name: string, module: Uint8Array, loader: string, types: string): Exported["files"] {
  return new Map<string, Uint8Array | string>([
    [`${name}.wasm`, module],
    [`${name}.js`, scriptFor(`${name}.wasm`, loader)],
    [`${name}.d.ts`, types],
  ]);
}

function scriptFor(file: string, loader: string): string {
  if (loader.split(PLACEHOLDER).length !== 2)
    throw new Error("export: the bundled loader does not name its module once");
  const head = "/** A recognizer exported by Ductus: const { recognize } = await load(); */\n";
  return head + loader.replace(PLACEHOLDER, () => JSON.stringify(file));
}

const PIXELS = `/** Pixels 0 … 255, row by row: gray, gray + alpha, RGB or RGBA, as many as \`data\` has. \`ImageData\` is one. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}
`;

/** @param recognizer the name of its type */
const load = (recognizer: string): string => `/**
 * @param source the module: its bytes, a response that brings them, an address, or compiled already, as edge workers import it;
 * default: the \`.wasm\` beside this file
 */
export function load(
  source?: Uint8Array | ArrayBuffer | Response | URL | string | WebAssembly.Module,
): Promise<${recognizer}>;
`;

/** Types by hand, since those of the sources would lead into the package. */
function declarations(labels: readonly string[]): string {
  return `/** A recognizer exported by Ductus. */

/** The classes, in the order of the network's outputs. */
export type Label = ${[...new Set(labels)].map((label) => JSON.stringify(label)).join(" | ")};

${PIXELS}
export interface Reading {
  readonly label: Label;
  /** 0 … 1 */
  readonly probability: number;
}

export interface Recognizer {
  readonly labels: readonly Label[];
  /** Size of what the network sees. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Reads a picture of any size, dark on light or light on dark: all classes, the likeliest first. Throws when it is blank. */
  recognize(picture: Pixels): Reading[];
  /** @deprecated its name is \`recognize\` now */
  recognise(picture: Pixels): Reading[];
  /** What the network sees of a picture: bytes of \`inputShape\`. Throws when it is blank. */
  see(picture: Pixels): Uint8Array;
  /** Reads what \`see\` returned. */
  read(seen: Uint8Array): Reading[];
  /** How many characters the picture shows; the network reads one, and takes several for one. Throws when it is blank. */
  characters(picture: Pixels): number;
  /** Why what \`see\` returned is none of the classes, in words; undefined where it is one, or the model cannot tell. */
  noneOfThese(seen: Uint8Array): string | undefined;
  /** The network's outputs, before temperature and softmax, for what \`see\` returned. */
  logits(seen: Uint8Array): Float32Array;
}

${load("Recognizer")}`;
}

const lineDeclarations = (
  alphabet: readonly string[],
): string => `/** A recognizer of lines of writing exported by Ductus. */

/** The symbols that strings consist of, in the order of the network's outputs after the first, which is for nothing. */
export type Symbols = ${JSON.stringify(alphabet)};

${PIXELS}
export interface LikelyString {
  readonly text: string;
  /** 0 … 1 */
  readonly probability: number;
}

/** One character, with the probability that it is this one if all others are right. */
export interface LineCharacter extends LikelyString {
  /** Where it stands: columns of the picture, in pixels from its left. */
  readonly left: number;
  readonly right: number;
}

export interface LineReading extends LikelyString {
  /** Other strings, the likeliest first. */
  readonly alternatives: readonly LikelyString[];
  /** One for each character of \`text\`. */
  readonly characters: readonly LineCharacter[];
}

/** A line as the network sees it. */
export interface Line {
  /** Column after column from the left, light ink on black: [columns, height]. */
  readonly pixels: Uint8Array;
  readonly columns: number;
  /** A column of it times \`scale\`, plus \`left\`, is one of the picture. */
  readonly left: number;
  readonly scale: number;
}

/** What the network gives for a line. */
export interface LineScores {
  /** [frames, classes]: of nothing, then of each symbol; before the softmax, divided by the temperature. */
  readonly scores: ArrayLike<number>;
  readonly classes: number;
  /** Columns of the line that a frame stands for. */
  readonly columnsOfFrame: number;
}

export interface Recognizer {
  readonly alphabet: Symbols;
  /** Reads the picture of one line, of any size, dark on light or light on dark. Of a blank one the text is empty. */
  recognize(picture: Pixels): LineReading;
  /** What the network sees of a picture. */
  see(picture: Pixels): Line;
  /** What the network gives for what \`see\` returned. */
  scores(line: Line): LineScores;
}

${load("Recognizer")}`;
