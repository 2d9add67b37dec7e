/**
 * The two formats that PyTorch wrote before version 1.6, beside torch.ts: a row of pickles with the storages' bytes behind
 * them (from 0.1.10 on, still written on request), and before that a tar archive. After `_legacy_load` in
 * torch/serialization.py of PyTorch 2.13. Numbers are little-endian in both, whatever machine wrote them.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { PickleGlobal, type PickleHost, PickleObject, type PickleValue, unpickle, unpickleAt } from "./pickle.ts";
import { readTar } from "./tar.ts";
import { quote } from "./text.ts";
import { isStream } from "./torch-magic.ts";
import { type Storage, storageOf, tensorIn, torchHost } from "./torch-tensors.ts";

const PROTOCOL = 1001;

/** A 64-bit count stands before the bytes of every storage. */
const COUNT_SIZE = 8;

/** What the pickle of such a file holds. @throws DataError where it is damaged; `name` (the file's) starts the message */
export function unpickleLegacy(bytes: Uint8Array, name: string, budget: Budget): PickleValue {
  return isStream(bytes) ? unpickleStream(bytes, name, budget) : unpickleTar(bytes, name, budget);
}

/** Pickles: the magic number, the version, facts about the machine, the object, keys of storages; then these storages. */
function unpickleStream(bytes: Uint8Array, name: string, budget: Budget): PickleValue {
  const storages = new Map<string, { readonly storage: Storage; bytes?: Uint8Array | undefined }>();
  const host = torchHost(name, budget, (id) => {
    const [tag, type, key, , , view] = Array.isArray(id) ? id : [];
    // The class of a network, with its source beside it.
    if (tag === "module" && type instanceof PickleGlobal) return type;
    const storage = storageOf(id, name, false, (wanted) => storages.get(wanted)?.bytes);
    if (!storages.has(key as string)) storages.set(key as string, { storage });
    return new PickleObject(view === undefined || view === null ? storage : part(storage, view, name));
  });
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickleAt(bytes, at, name, host, budget);
    at = end;
    return value;
  };
  next();
  const protocol = next();
  if (protocol !== PROTOCOL)
    throw new DataError(`${name} is of version ${described(protocol)} of PyTorch's old format; ${PROTOCOL} is known`);
  next();
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new DataError(`${name} is damaged: it does not list its storages`);
  for (const key of keys) {
    const entry = storages.get(keyOf(key, name));
    if (entry === undefined) throw new DataError(`${name} is damaged: nothing refers to its storage ${described(key)}`);
    const found = storedAt(bytes, at, entry.storage.valueSize, name);
    entry.bytes = found.bytes;
    at = found.end;
  }
  return root;
}

/** The bytes of the storage at `at`, whose count of values stands before them. */
function storedAt(
  bytes: Uint8Array,
  at: number,
  valueSize: number,
  name: string,
): { readonly bytes: Uint8Array; readonly end: number } {
  const begin = at + COUNT_SIZE;
  const end = begin + numberAt(bytes, at, name) * valueSize;
  if (end > bytes.length)
    throw new DataError(`${name} is cut short: its storages take ${end - bytes.length} bytes more`);
  return { bytes: bytes.subarray(begin, end), end };
}

/** A part of a storage, (key, offset, count), both in values: what PyTorch had before tensors had offsets. */
function part(storage: Storage, view: PickleValue, name: string): Storage {
  const [, offset, count] = Array.isArray(view) ? view : [];
  const begin = numberOf(offset) * storage.valueSize;
  const size = numberOf(count) * storage.valueSize;
  if (!(begin >= 0 && size >= 0 && begin + size <= storage.size)) {
    throw new DataError(`${name}: a part of a storage does not lie in it; the file is damaged`);
  }
  return { ...storage, size, bytes: () => storage.bytes().subarray(begin, begin + size) };
}

/** A tar archive of four files: `storages`, `tensors` and `pickle`, and facts about the machine. */
function unpickleTar(bytes: Uint8Array, name: string, budget: Budget): PickleValue {
  const files = readTar(bytes, name);
  const file = (key: string): Uint8Array => files.get(key)!;
  const plain = torchHost(name, budget, () => {
    throw new DataError(`${name} is damaged: a pickle in it refers to something outside`);
  });
  const storages = readStorages(file("storages"), name, plain, budget);
  const tensors = readTensors(file("tensors"), storages, name, plain, budget);
  const find = (id: PickleValue): PickleValue => {
    // Of a Python class, whose source stands beside it.
    if (Array.isArray(id)) return id[0] ?? null;
    const found = tensors.get(keyOf(id, name)) ?? storages.get(keyOf(id, name));
    if (found === undefined) throw new DataError(`${name} is damaged: it lacks the tensor ${described(id)}`);
    return found instanceof PickleObject ? found : new PickleObject(found);
  };
  return unpickle(file("pickle"), name, torchHost(name, budget, find), budget);
}

/** How many there are; for each (key, device, class), then its values; at last parts of them, (key, whole, offset, count). */
function readStorages(bytes: Uint8Array, name: string, host: PickleHost, budget: Budget): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  const { value: count, end: begin } = unpickleAt(bytes, 0, name, host, budget);
  let at = begin;
  for (let i = 0; i < numberOf(count); i++) {
    const { value, end } = unpickleAt(bytes, at, name, host, budget);
    const [key, device, type] = Array.isArray(value) ? value : [];
    const { valueSize } = storageOf(["storage", type, "", device, 0], name, false, () => undefined);
    const stored = storedAt(bytes, end, valueSize, name);
    const values = stored.bytes.length / valueSize;
    const id = ["storage", type, keyOf(key, name), device, values];
    storages.set(
      keyOf(key, name),
      storageOf(id, name, false, () => stored.bytes),
    );
    at = stored.end;
  }
  const { value: parts } = unpickleAt(bytes, at, name, host, budget);
  for (const entry of Array.isArray(parts) ? parts : []) {
    const [key, whole, offset, size] = Array.isArray(entry) ? entry : [];
    const storage = storages.get(keyOf(whole, name));
    if (storage === undefined) throw new DataError(`${name} is damaged: a part of a storage has no whole`);
    storages.set(keyOf(key, name), part(storage, [null, offset, size], name));
  }
  return storages;
}

/** How many there are; for each (key, storage, class), then axes, sizes, strides and offset, all 64-bit numbers. */
function readTensors(
  bytes: Uint8Array,
  storages: ReadonlyMap<string, Storage>,
  name: string,
  host: PickleHost,
  budget: Budget,
): Map<string, PickleObject> {
  const tensors = new Map<string, PickleObject>();
  const { value: count, end: begin } = unpickleAt(bytes, 0, name, host, budget);
  let at = begin;
  for (let i = 0; i < numberOf(count); i++) {
    const { value, end } = unpickleAt(bytes, at, name, host, budget);
    const [key, storageKey] = Array.isArray(value) ? value : [];
    const storage = storages.get(keyOf(storageKey, name));
    if (storage === undefined) throw new DataError(`${name} is damaged: a tensor lacks its storage`);
    const what = `${name}: a tensor`;
    // The number of axes takes 32 bits; what the other 32 hold depends on the version.
    const axes = numberAt(bytes, end, name, 4);
    if (axes > 32) throw new DataError(`${what} has ${axes} axes; the file is damaged`);
    const numbers = Array.from({ length: 2 * axes + 1 }, (_, n) => numberAt(bytes, end + COUNT_SIZE * (1 + n), name));
    tensors.set(
      keyOf(key, name),
      tensorIn(storage, numbers[2 * axes], numbers.slice(0, axes), numbers.slice(axes, 2 * axes), what),
    );
    at = end + COUNT_SIZE * (2 * axes + 2);
  }
  return tensors;
}

/** What a storage or tensor is known by. Whatever else a pickle may hold (tuples of tuples …) is no key. */
function keyOf(value: PickleValue | undefined, name: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return String(value);
  throw new DataError(`${name} is damaged: the key of a storage or tensor is no text or number`);
}

const numberOf = (value: PickleValue | undefined): number => (typeof value === "number" ? value : Number.NaN);

const described = (value: PickleValue): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "bigint"
    ? quote(String(value))
    : "of another type";

/** A whole number of 64 bits, or of fewer bytes with as many behind them that say nothing. */
function numberAt(bytes: Uint8Array, at: number, name: string, size: 4 | 8 = 8): number {
  if (at + COUNT_SIZE > bytes.length) throw new DataError(`${name} is cut short in the middle of a number`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COUNT_SIZE);
  const value = size === 8 ? Number(view.getBigInt64(0, true)) : view.getInt32(0, true);
  if (!Number.isSafeInteger(value) || value < 0) throw new DataError(`${name} has the count ${value}; it is damaged`);
  return value;
}
