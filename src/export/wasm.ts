/**
 * `--to wasm`: a recognizer without dependencies. NAME.wasm holds kernels, weights, labels and preprocessing; NAME.js
 * loads it in Node, Deno, Bun, browsers and workers; NAME.d.ts gives types.
 */
import type { Model } from "../models/model.ts";
import { LOADER } from "./bundle.ts";
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
  const files = new Map<string, Uint8Array | string>([
    [`${name}.wasm`, module.bytes],
    [`${name}.js`, loader(`${name}.wasm`)],
    [`${name}.d.ts`, declarations(model.classes)],
  ]);
  return { files, agreement, speed: await speedOf(module.bytes) };
}

function loader(file: string): string {
  if (LOADER.split(PLACEHOLDER).length !== 2)
    throw new Error("export: the bundled loader does not name its module once");
  const head = "/** A recognizer exported by Ductus: const { recognize } = await load(); */\n";
  return head + LOADER.replace(PLACEHOLDER, () => JSON.stringify(file));
}

/** Types by hand, since those of the sources would lead into the package. */
function declarations(labels: readonly string[]): string {
  return `/** A recognizer exported by Ductus. */

/** The classes, in the order of the network's outputs. */
export type Label = ${[...new Set(labels)].map((label) => JSON.stringify(label)).join(" | ")};

/** Pixels 0 … 255, row by row: gray, gray + alpha, RGB or RGBA, as many as \`data\` has. \`ImageData\` is one. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

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
  /** The network's outputs, before temperature and softmax, for what \`see\` returned. */
  logits(seen: Uint8Array): Float32Array;
}

/**
 * @param source the module: its bytes, a response that brings them, an address, or compiled already, as edge workers import it;
 * default: the \`.wasm\` beside this file
 */
export function load(
  source?: Uint8Array | ArrayBuffer | Response | URL | string | WebAssembly.Module,
): Promise<Recognizer>;
`;
}
