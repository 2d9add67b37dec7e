/**
 * The files of llama2.c (https://github.com/karpathy/llama2.c): a network of Llama's shape in float32, without names, in the layout of its
 * first versions (0, without a header of its own, and 1), and its tokenizer. Weights get the names and the order of rotary features that
 * Hugging Face's `LlamaForCausalLM` has: llama2.c turns neighboring features together, Hugging Face features half a head apart.
 */
import { DataError } from "../engine/errors.ts";

/** Sizes that a file begins with. */
export interface Llama2cSizes {
  readonly width: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly groups: number;
  readonly tokens: number;
  readonly context: number;
  /** Whether the table of tokens is the last layer, too. */
  readonly isTied: boolean;
}

export interface Llama2cModel {
  readonly sizes: Llama2cSizes;
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

/** "ak42", which files from version 1 on begin with. */
const MAGIC = 0x616b3432;
const [HEADER, HEADER_OF_1] = [28, 256];
const MOST = 2 ** 24;

interface Layout {
  readonly sizes: Llama2cSizes;
  readonly version: 0 | 1;
}

/** Whether a file is one of these, as far as its size tells: the first version has nothing else to know it by. */
export function looksLikeLlama2c(bytes: Uint8Array): boolean {
  const layout = layoutOf(bytes);
  return layout !== undefined && bytes.length === lengthOf(layout);
}

/** @param name starts the message @throws DataError for a file that is none, of another version, or damaged */
export function parseLlama2c(bytes: Uint8Array, name: string): Llama2cModel {
  if (bytes.length >= 8) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const version = view.getInt32(4, true);
    if (view.getUint32(0, true) === MAGIC && version !== 1) {
      throw new DataError(`${name}: version ${version} of llama2.c's files; 0 and 1, in float32, can be read`);
    }
  }
  const layout = layoutOf(bytes);
  if (layout === undefined) throw new DataError(`${name} is no file of llama2.c`);
  const wanted = lengthOf(layout);
  if (bytes.length !== wanted) {
    throw new DataError(
      `${name}: ${bytes.length} bytes, but a network of its sizes has ${wanted}; it is cut off or damaged`,
    );
  }
  return { sizes: layout.sizes, weights: weightsOf(bytes, layout) };
}

function layoutOf(bytes: Uint8Array): Layout | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isNamed = view.getUint32(0, true) === MAGIC;
  if (isNamed && (bytes.length < HEADER_OF_1 || view.getInt32(4, true) !== 1)) return undefined;
  const [width, hidden, layers, heads, groups, signed, context] = Array.from({ length: 7 }, (_, i) =>
    view.getInt32((isNamed ? 8 : 0) + 4 * i, true),
  );
  // The first version marks a last layer of its own by a negative count of tokens.
  const isTied = isNamed ? view.getUint8(36) === 1 : signed > 0;
  const tokens = Math.abs(signed);
  const numbers = [width, hidden, layers, heads, groups, tokens, context];
  if (numbers.some((value) => value < 1 || value > MOST)) return undefined;
  if (width % heads !== 0 || heads % groups !== 0 || (width / heads) % 2 !== 0) return undefined;
  return { sizes: { width, hidden, layers, heads, groups, tokens, context, isTied }, version: isNamed ? 1 : 0 };
}

/** One kind of weights, in the order of the file: its name, its shape, and whether each layer has one. */
interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  readonly isOfLayers: boolean;
  /** Heads whose rotary features are to be put into Hugging Face's order. */
  readonly turns?: number | undefined;
}

/** A part that is no weight: tables of angles, which are computed anew. */
const SKIPPED = "";

function partsOf({ sizes, version }: Layout): readonly Part[] {
  const { width, hidden, heads, groups, tokens, context, isTied } = sizes;
  const size = width / heads;
  const of = (name: string, shape: readonly number[], turns?: number): Part => ({
    name,
    shape,
    isOfLayers: true,
    turns,
  });
  const one = (name: string, shape: readonly number[]): Part => ({ name, shape, isOfLayers: false });
  const table = one("model.embed_tokens.weight", [tokens, width]);
  const [before, behind] = [of("input_layernorm", [width]), of("post_attention_layernorm", [width])];
  const last = one("model.norm.weight", [width]);
  const attention = [
    of("self_attn.q_proj", [width, width], heads),
    of("self_attn.k_proj", [groups * size, width], groups),
    of("self_attn.v_proj", [groups * size, width]),
    of("self_attn.o_proj", [width, width]),
  ];
  const dense = [
    of("mlp.gate_proj", [hidden, width]),
    of("mlp.down_proj", [width, hidden]),
    of("mlp.up_proj", [hidden, width]),
  ];
  const head = isTied ? [] : [one("lm_head.weight", [tokens, width])];
  if (version === 1) return [before, behind, last, table, ...attention, ...dense, ...head];
  return [table, before, ...attention, behind, ...dense, last, one(SKIPPED, [context, size]), ...head];
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function lengthOf(layout: Layout): number {
  const numbers = partsOf(layout).reduce(
    (sum, { shape, isOfLayers }) => sum + countOf(shape) * (isOfLayers ? layout.sizes.layers : 1),
    0,
  );
  return 4 * numbers + (layout.version === 1 ? HEADER_OF_1 : HEADER);
}

function weightsOf(bytes: Uint8Array, layout: Layout): Llama2cModel["weights"] {
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  let at = layout.version === 1 ? HEADER_OF_1 : HEADER;
  for (const { name, shape, isOfLayers, turns } of partsOf(layout)) {
    for (let layer = 0; layer < (isOfLayers ? layout.sizes.layers : 1); layer++) {
      const length = 4 * countOf(shape);
      // A copy, as numbers have to begin at a multiple of four.
      const data = new Float32Array(Uint8Array.from(bytes.subarray(at, at + length)).buffer);
      at += length;
      if (name === SKIPPED) continue;
      const key = isOfLayers ? `model.layers.${layer}.${name}.weight` : name;
      weights.set(key, { shape, data: turns === undefined ? data : halved(data, turns, shape) });
    }
  }
  return weights;
}

/** Rows 0, 1, 2, 3 … of each head, of which 0 and 1 are turned together, as 0, 2 … 1, 3 … */
function halved(data: Float32Array, heads: number, [rows, width]: readonly number[]): Float32Array {
  const size = rows / heads;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const [head, feature] = [Math.floor(row / size), row % size];
    const to = head * size + (feature % 2) * (size / 2) + Math.floor(feature / 2);
    out.set(data.subarray(row * width, (row + 1) * width), to * width);
  }
  return out;
}

/** A piece of llama2.c's tokenizer: which characters it stands for, and how good it is to join others to it. */
export interface Piece {
  readonly text: string;
  readonly score: number;
}

/** @param name starts the message @throws DataError for a file that is none */
export function parseTokenizer(bytes: Uint8Array, name: string): Piece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (): DataError => new DataError(`${name} is no tokenizer of llama2.c, or is damaged`);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const pieces: Piece[] = [];
  let at = 4;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw damaged();
    const [score, length] = [view.getFloat32(at, true), view.getInt32(at + 4, true)];
    at += 8;
    if (length < 0 || at + length > bytes.length || !Number.isFinite(score)) throw damaged();
    try {
      pieces.push({ text: decoder.decode(bytes.subarray(at, at + length)), score });
    } catch (cause) {
      throw new DataError(damaged().message, { cause });
    }
    at += length;
  }
  if (pieces.length === 0) throw damaged();
  return pieces;
}
