/**
 * The model file: one safetensors file that holds all it takes to use a trained network elsewhere. Its tensors are the
 * weights under PyTorch's names and layout (`conv1.weight`, OIHW) and one golden input with its output; its metadata holds
 * the rest as JSON under the key `ductus`. Written by training, read by everything that predicts.
 *
 * The metadata key `ductus.crc32` is the CRC-32 of the whole file with its own eight digits taken as zeros, so a flipped
 * bit anywhere, header and padding included, is found. Any safetensors reader opens the file; one that writes it again
 * drops that seal, and the file then only serves as bare weights.
 */
import { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { printed } from "../engine/quote.ts";
import {
  anyRecord,
  anything,
  type Checked,
  check,
  list,
  Mismatch,
  number,
  oneOf,
  record,
  refined,
  text,
  whole,
} from "../engine/schema.ts";
import { crc32, crcToHex } from "./checksum.ts";
import { looksLikeSafetensors, parseSafetensors, type Safetensors, serializeSafetensors } from "./safetensors.ts";
import { asHalves, elementCount, type NamedTensor, type StoredTensor, toFloat32 } from "./tensor-data.ts";
import { isPrintable, parseStrictJson, quote } from "./text.ts";

/** The version of the metadata's layout that this code writes, and the newest that it reads. */
export const MODEL_FORMAT = 2;

const METADATA_KEY = "ductus";
export const CHECKSUM_KEY = "ductus.crc32";
const NO_CHECKSUM = "00000000";
/** The metadata's key stands within so many bytes of the beginning. */
const METADATA_WITHIN = 256;

/** Tensors whose names start so are not weights. */
export const RESERVED = "ductus.";
const TRAINING = "ductus.training.";
const GOLDEN_INPUT = "ductus.golden.input";
const GOLDEN_OUTPUT = "ductus.golden.output";
/** Hashes of some of the samples that the network was trained on. */
export const TRAINED_ON = "ductus.trained_on";

/** A name that can be shown anywhere. */
export const printable = refined(text, (name) =>
  isPrintable(name) ? undefined : "must be 1 to 200 printable characters",
);
// Looked up in the table of architectures, so nothing that could be taken for a path.
const architectureName = refined(printable, (name) => (/[/\\]/.test(name) ? "must not contain slashes" : undefined));

const positive = number(Number.MIN_VALUE);

const valueSpan = refined(record({ low: number(), high: number() }), ({ low, high }) =>
  low < high ? undefined : "low must be below high",
);

/** What all versions of the layout have. Of parsed JSON, so what is opaque here is JSON at least. */
const common = {
  version: printable,
  architecture: record({ name: architectureName, options: anyRecord }),
  graph: anything,
  recipe: anyRecord,
  dataset: record({ name: printable, fingerprint: printable }, { valueSpan }),
  metrics: anyRecord,
};
const optional = { training: anyRecord, temperature: positive };

const metadataSchema = record({ format: oneOf(MODEL_FORMAT), ...common, task: anyRecord }, optional);

/** The layout when all models put numbers into classes. */
const firstSchema = record(
  {
    format: oneOf(1),
    ...common,
    preprocessing: anyRecord,
    classNames: list(printable, 1),
    input: record({ shape: list(whole(1), 1, 8), dtype: oneOf("float32", "uint8") }),
  },
  optional,
);

type Metadata = Checked<typeof metadataSchema>;

/** The first layout as the present one. */
function fromFirst({ preprocessing, classNames, input, ...others }: Checked<typeof firstSchema>): Metadata {
  const { normalization = null, ...options } = others.architecture.options;
  return {
    ...others,
    format: MODEL_FORMAT,
    architecture: { ...others.architecture, options },
    task: { kind: "classify", input: { kind: "numbers", ...input, normalization, preprocessing }, classNames },
  };
}

/** A JSON object whose content another module checks. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * One input with the output that the network gave for it when it was saved; a loader runs it again and compares. Bytes stand as
 * float32.
 */
export interface GoldenPair {
  readonly input: NamedTensor;
  /** What the network reads beside that, by the names of ports. */
  readonly others?: ReadonlyMap<string, NamedTensor> | undefined;
  readonly output: NamedTensor;
}

/** What a checkpoint holds beside the model; names and record are training's own, opaque here. */
export interface StoredTraining {
  readonly progress: JsonRecord;
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

/** All that a model file holds. JSON values marked opaque are checked by the modules that they belong to. */
export interface ModelFile {
  /** The version of Ductus that wrote the file. */
  readonly version: string;
  readonly architecture: { readonly name: string; readonly options: JsonRecord };
  /** The inference graph, opaque. */
  readonly graph: unknown;
  /** What goes in and comes out and what that means, opaque. */
  readonly task: JsonRecord;
  /** How the network was trained, opaque. */
  readonly recipe: JsonRecord;
  /** What the network was trained on; with the numbers of its files that were black and white, where not 0 and 255. */
  readonly dataset: {
    readonly name: string;
    readonly fingerprint: string;
    readonly valueSpan?: { readonly low: number; readonly high: number } | undefined;
  };
  /** Results by name, opaque. Whole JSON: no NaN, no infinity. */
  readonly metrics: JsonRecord;
  /** What outputs are divided by before the softmax; absent where none was fitted. */
  readonly temperature?: number | undefined;
  /** What weights are held in: with float16 each array of which all are such numbers. Default float32. */
  readonly precision?: "float32" | "float16" | undefined;
  readonly golden: GoldenPair;
  /** Weights by PyTorch's names, convolutions as OIHW. */
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** Hashes of some of the samples that the network was trained on, opaque; files that older versions wrote lack them. */
  readonly trainedOn?: Int32Array | undefined;
  /** What training needs to go on. Only in checkpoints. */
  readonly training?: StoredTraining | undefined;
}

/**
 * Writes a model file; equal models give equal bytes. Throws DataError where a part cannot be stored: a value that JSON
 * lacks (NaN), an empty or unprintable name, a weight under a reserved name, a shape that does not fit its data.
 */
export function encodeModelFile(model: ModelFile): Uint8Array {
  const { golden, weights, precision, training, trainedOn, ...described } = model;
  const json = JSON.stringify({ format: MODEL_FORMAT, ...described, training: training?.progress }, refuseNonFinite);
  // What is one's own may cost whatever it does.
  const budget = new Budget("cannot save the model", Number.POSITIVE_INFINITY);
  checkMetadata(parseStrictJson(json, "cannot save the model: its description", { budget }), "cannot save the model");

  const tensors = new Map<string, StoredTensor>();
  const halves = precision === "float16" ? halvesOf(weights) : undefined;
  for (const [name, tensor] of weights) {
    if (name.startsWith(RESERVED)) throw new DataError(`the weight name ${quote(name)} is reserved; rename the module`);
    tensors.set(name, halves?.get(name) ?? toStored(tensor));
  }
  for (const [name, tensor] of training?.tensors ?? []) tensors.set(TRAINING + name, toStored(tensor));
  tensors.set(GOLDEN_INPUT, toStored(golden.input));
  for (const [name, tensor] of golden.others ?? []) tensors.set(`${GOLDEN_INPUT}.${name}`, toStored(tensor));
  tensors.set(GOLDEN_OUTPUT, toStored(golden.output));
  if (trainedOn !== undefined) tensors.set(TRAINED_ON, { dtype: "I32", shape: [trainedOn.length], data: trainedOn });
  // `format: "pt"` tells other readers of safetensors that names and layout are PyTorch's.
  const metadata = { [METADATA_KEY]: json, [CHECKSUM_KEY]: NO_CHECKSUM, format: "pt" };
  const bytes = serializeSafetensors(tensors, metadata);
  bytes.set(new TextEncoder().encode(crcToHex(crc32(bytes))), findChecksum(bytes)!);
  return bytes;
}

/** As {@link decodeModelFile}, and says of a file of another kind what it is and what to do with it. */
export async function openModelFile(bytes: Uint8Array, name: string): Promise<ModelFile> {
  if (!looksLikeModel(bytes)) {
    // Tables of other kinds, which a page that loads a model need not have.
    const { refuseOtherKinds } = await import("./kinds.ts");
    refuseOtherKinds(bytes, name, "model");
  }
  return decodeModelFile(bytes, name);
}

/** Whether a file begins like safetensors with a model's metadata, which `serializeSafetensors` puts first, or is cut in it. */
function looksLikeModel(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, METADATA_WITHIN));
  return looksLikeSafetensors(bytes) && (start.includes(`"${METADATA_KEY}":"`) || start.length < METADATA_WITHIN);
}

/**
 * Reads a model file. `name` (the file's) starts every message. Throws DataError where the file is cut short, has a single
 * flipped bit, is something else, comes from a newer version, or its metadata does not hold what it should.
 */
export function decodeModelFile(bytes: Uint8Array, name: string): ModelFile {
  if (!looksLikeSafetensors(bytes)) {
    const is = bytes.length < 10 ? "is empty or cut short" : "begins like something else";
    throw new DataError(`${name} is not a model file: it ${is}`);
  }
  const budget = new Budget(name, bytes.length);
  const { tensors, metadata } = parseSafetensors(bytes, name, budget);
  if (!Object.hasOwn(metadata, METADATA_KEY)) {
    throw new DataError(
      `${name} holds bare weights, not a whole model; start from them: ductus train --model NAME --init ${name}`,
    );
  }
  verifyChecksum(bytes, metadata, name);
  const parsed = parseStrictJson(metadata[METADATA_KEY], `${name}: its metadata`, { budget });
  const { format: _, training: progress, ...stored } = checkMetadata(parsed, `${name}: its metadata is wrong`);
  const described = withTemperature(stored);

  const weights = new Map<string, NamedTensor>();
  const state = new Map<string, NamedTensor>();
  for (const [key, tensor] of tensors) {
    if (!key.startsWith(RESERVED)) weights.set(key, fromStored(tensor, key, name));
    if (key.startsWith(TRAINING)) state.set(key.slice(TRAINING.length), fromStored(tensor, key, name));
  }
  const others = [...tensors.keys()]
    .filter((key) => key.startsWith(`${GOLDEN_INPUT}.`))
    .map((key) => [key.slice(GOLDEN_INPUT.length + 1), findGolden(tensors, key, name)] as const);
  const golden: GoldenPair = {
    input: findGolden(tensors, GOLDEN_INPUT, name),
    ...(others.length > 0 && { others: new Map(others) }),
    output: findGolden(tensors, GOLDEN_OUTPUT, name),
  };
  const trainedOn = tensors.get(TRAINED_ON)?.data;
  return {
    ...described,
    golden,
    weights,
    ...([...tensors.values()].some(({ dtype }) => dtype === "F16") && { precision: "float16" }),
    ...(trainedOn instanceof Int32Array && { trainedOn }),
    ...(progress && { training: { progress, tensors: state } }),
  };
}

/** Files written before the temperature had a field of its own keep it among the metrics. */
function withTemperature<File extends Pick<ModelFile, "metrics" | "temperature">>(file: File): File {
  const { temperature, ...metrics } = file.metrics;
  const isOne = typeof temperature === "number" && temperature > 0;
  return file.temperature === undefined && isOne ? { ...file, metrics, temperature } : file;
}

/** Outputs may differ so much, relative to the largest: threads and fused arithmetic round differently. */
const TOLERANCE = 1e-3;

/**
 * Makes sure that a network gives the output that it gave when it was saved.
 * @param run gives the outputs of a network for one input, the example's
 * @throws DataError when it gives another one
 */
export async function verifyGolden(
  { golden }: Pick<ModelFile, "golden">,
  run: (example: GoldenPair) => Promise<ArrayLike<number>>,
  name: string,
): Promise<void> {
  const expected = Float32Array.from(golden.output.data);
  const found = await run(golden);
  if (found.length !== expected.length) throw misfit(name);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(found[i] - value)), 0);
  if (!(worst <= TOLERANCE * scale)) {
    throw new DataError(`${name}: its example gives another output here (off by ${worst}); it cannot be trusted`);
  }
}

/** What is wrong with an example that the network cannot take, or whose output has another size. */
export const misfit = (name: string): DataError =>
  new DataError(`${name}: its example does not fit its network; the file is damaged`);

/** Where the digits of the checksum stand. Inside a JSON string its quotes would be escaped, so this finds only the key. */
function findChecksum(bytes: Uint8Array): number | undefined {
  const pattern = new TextEncoder().encode(`"${CHECKSUM_KEY}":"`);
  const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  for (let at = bytes.indexOf(pattern[0], 8); at >= 0 && at < end; at = bytes.indexOf(pattern[0], at + 1)) {
    if (pattern.every((byte, i) => bytes[at + i] === byte)) return at + pattern.length;
  }
  return undefined;
}

export function verifyChecksum(bytes: Uint8Array, metadata: Safetensors["metadata"], name: string): void {
  const at = findChecksum(bytes);
  const stored = metadata[CHECKSUM_KEY];
  if (at === undefined || stored === undefined) {
    throw new DataError(`${name} is damaged, or was rewritten by another program: it has lost its checksum`);
  }
  const zeros = new TextEncoder().encode(NO_CHECKSUM);
  const before = crc32(zeros, crc32(bytes.subarray(0, at)));
  const found = crcToHex(crc32(bytes.subarray(at + zeros.length), before));
  if (found !== stored) {
    throw new DataError(
      `${name} is damaged: its checksum is ${found} instead of ${quote(stored)}; copy or train it again`,
    );
  }
}

/** The metadata, checked; `what` starts the message. */
function checkMetadata(value: unknown, what: string): Metadata {
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format === "number" && format > MODEL_FORMAT) {
    throw new DataError(
      `${what}: model format ${format} is newer than ${MODEL_FORMAT}, the newest known; update ductus`,
    );
  }
  const checked = format === 1 ? check(firstSchema, value) : check(metadataSchema, value);
  if (!(checked instanceof Mismatch)) return "task" in checked ? checked : fromFirst(checked);
  const { path, message } = checked;
  throw new DataError(`${what}: ${printed(path === "" ? "the whole" : path)}: ${printed(message)}`);
}

/** JSON would write NaN and the infinities as null, silently. */
function refuseNonFinite(key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new DataError(`cannot save the model: ${quote(key)} is ${value}, which a model file cannot hold`);
  }
  return value;
}

function toStored({ shape, data }: NamedTensor): StoredTensor {
  return data instanceof Float32Array ? { dtype: "F32", shape, data } : { dtype: "I32", shape, data };
}

/** The weights that are float16 numbers, as such. */
function halvesOf(weights: ModelFile["weights"]): Map<string, StoredTensor> {
  const halves = new Map<string, StoredTensor>();
  for (const [name, { shape, data }] of weights) {
    if (data instanceof Int32Array) continue;
    const bits = asHalves(data);
    if (bits !== undefined) halves.set(name, { dtype: "F16", shape, data: bits });
  }
  return halves;
}

function fromStored(tensor: StoredTensor, key: string, name: string): NamedTensor {
  const { dtype, shape, data } = tensor;
  if (dtype === "F32" || dtype === "I32") return { shape, data };
  if (dtype === "F16") return { shape, data: toFloat32(tensor) };
  throw new DataError(`${name}: tensor ${quote(key)} is ${dtype}; a model file holds F32, F16 and I32`);
}

function findGolden(tensors: Safetensors["tensors"], key: string, name: string): NamedTensor {
  const tensor = tensors.get(key);
  if (tensor === undefined || elementCount(tensor.shape) === 0) {
    throw new DataError(`${name} lacks ${key}, the example that proves it works; it is damaged`);
  }
  return fromStored(tensor, key, name);
}
