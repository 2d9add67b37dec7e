/**
 * The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the header's length, a JSON header,
 * then the tensors' bytes without holes. The model file is one of these, and bare weights are read from them. The reader
 * checks everything the specification asks for, so a hostile file gets a message and nothing else.
 */
import { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { quoteValue } from "../engine/quote.ts";
import { ARRAYS, bytesOf, checkShape, type Dtype, elementCount, readArray, type StoredTensor } from "./tensor-data.ts";
import { decodeUtf8, parseStrictJson, quote } from "./text.ts";

/** The content of a safetensors file. Tensors come in the order of their bytes in the file. */
export interface Safetensors {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The specification's own limit on the header, in bytes. */
const MAX_HEADER = 100_000_000;

interface Entry {
  readonly tensorName: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly count: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file; the tensors are copies. `name` (the file's) starts every message. Throws DataError where the
 * file is cut short, too long, or breaks the format in any way, TooLargeError where its header holds more than its budget.
 */
export function parseSafetensors(
  bytes: Uint8Array,
  name: string,
  budget: Budget = new Budget(name, bytes.length),
): Safetensors {
  const dataStart = 8 + readHeaderLength(bytes, name);
  const text = decodeUtf8(bytes.subarray(8, dataStart), `${name}: its header`);
  if (!text.startsWith("{")) throw new DataError(`${name} is no safetensors file: its header is not a JSON object`);
  const header = parseStrictJson(text, `${name}: its header`, { maxDepth: 8, budget }) as Record<string, unknown>;

  const entries: Entry[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") metadata = checkMetadata(value, name);
    else entries.push(checkEntry(key, value, name));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(entries, bytes.length - dataStart, name);

  const tensors = new Map<string, StoredTensor>();
  for (const { tensorName, dtype, shape, count, begin } of entries) {
    const data = readArray(dtype, bytes, dataStart + begin, count);
    tensors.set(tensorName, { dtype, shape, data } as StoredTensor);
  }
  return { tensors, metadata };
}

/**
 * Writes a safetensors file. The bytes depend on the content alone, not on the order of the maps: tensors are laid out from
 * the widest element type to the narrowest and then by name (as the reference implementation does, so that each stays
 * aligned), metadata by key. Throws DataError where a shape does not fit its data.
 */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  const width = (tensor: StoredTensor): number => ARRAYS[tensor.dtype].BYTES_PER_ELEMENT;
  const ordered = [...tensors].sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1));
  let offset = 0;
  for (const [tensorName, { dtype, shape, data }] of ordered) {
    checkWritable(tensorName, dtype, shape, data);
    header.push([tensorName, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    offset += data.byteLength;
  }

  // Not Object.fromEntries: objects would move keys that look like array indices to the front.
  const fields = header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const dataStart = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(dataStart + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  bytes.fill(0x20, 8, dataStart);
  bytes.set(json, 8);
  let at = dataStart;
  for (const [, { data }] of ordered) {
    bytes.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Whether the file begins like a safetensors file: a length that it could hold, then the brace of a JSON object. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getBigUint64(0, true) <= BigInt(MAX_HEADER);
}

/** The header's length in bytes, checked against the format's limit and the file's length. */
function readHeaderLength(bytes: Uint8Array, name: string): number {
  if (bytes.length < 8) {
    throw new DataError(`${name} is cut short or no safetensors file: it has only ${bytes.length} bytes`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    throw new DataError(`${name} is no safetensors file: its header claims ${length} bytes, more than ${MAX_HEADER}`);
  }
  if (length > BigInt(bytes.length - 8)) {
    throw new DataError(`${name} is cut short: its header claims ${length} bytes, ${bytes.length - 8} are there`);
  }
  return Number(length);
}

function checkMetadata(value: unknown, name: string): Readonly<Record<string, string>> {
  if (!isObject(value)) throw new DataError(`${name}: its __metadata__ is not an object of strings`);
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") throw new DataError(`${name}: its metadata ${quote(key)} is not a string`);
  }
  return value as Record<string, string>;
}

/** What a header says of a tensor. */
const DESCRIPTION = ["dtype", "shape", "data_offsets"];

const hasExactly = (value: object, keys: readonly string[]): boolean =>
  Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));

function checkEntry(tensorName: string, value: unknown, name: string): Entry {
  const what = `${name}: tensor ${quote(tensorName)}`;
  if (!isObject(value) || !hasExactly(value, DESCRIPTION)) {
    throw new DataError(`${what} is not described by exactly dtype, shape and data_offsets`);
  }
  const { dtype, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(ARRAYS, dtype)) {
    const known = Object.keys(ARRAYS).join(", ");
    throw new DataError(`${what} has the element type ${quoteValue(dtype)}; readable are ${known}`);
  }
  const shape = checkShape(value["shape"], what);
  const count = elementCount(shape);
  const size = count === null ? Number.NaN : count * ARRAYS[dtype as Dtype].BYTES_PER_ELEMENT;
  if (count === null || !Number.isSafeInteger(size)) {
    throw new DataError(`${what} has the impossible shape [${shape.join(", ")}]`);
  }
  const isOffset = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isOffset)) {
    throw new DataError(`${what} has data_offsets that are not two whole numbers`);
  }
  const [begin, end] = offsets;
  if (end - begin !== size) {
    const claim = `shape [${shape.join(", ")}] of ${dtype} takes ${size} bytes`;
    throw new DataError(`${what}: ${claim}, but its data_offsets [${begin}, ${end}] span ${end - begin}`);
  }
  return { tensorName, dtype: dtype as Dtype, shape, count, begin, end };
}

/** Tensors must follow each other from the first byte to the last, without holes or overlap. */
function checkLayout(entries: readonly Entry[], dataLength: number, name: string): void {
  let at = 0;
  for (const { tensorName, begin, end } of entries) {
    const what = `${name}: tensor ${quote(tensorName)}`;
    if (begin < at) throw new DataError(`${what} overlaps another: it begins at byte ${begin}, before byte ${at}`);
    if (begin > at) throw new DataError(`${what} leaves a hole: it begins at byte ${begin} instead of ${at}`);
    at = end;
  }
  if (at > dataLength)
    throw new DataError(`${name} is cut short: its tensors take ${at} bytes, ${dataLength} are there`);
  if (at < dataLength) throw new DataError(`${name} has ${dataLength - at} bytes after its last tensor; it is damaged`);
}

function checkWritable(tensorName: string, dtype: Dtype, shape: readonly number[], data: StoredTensor["data"]): void {
  if (tensorName === "__metadata__" || tensorName === "__proto__") {
    throw new DataError(`a tensor cannot be stored under the name ${quote(tensorName)}; rename it`);
  }
  const what = `tensor ${quote(tensorName)}`;
  const count = elementCount(checkShape(shape, what));
  if (count !== data.length) {
    throw new DataError(`${what} has ${data.length} values, but its shape [${shape.join(", ")}] needs ${count}`);
  }
  if (!(data instanceof ARRAYS[dtype])) {
    throw new DataError(`${what} is said to be ${dtype}, which is stored from a ${ARRAYS[dtype].name}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
