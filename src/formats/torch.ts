/**
 * PyTorch's `.pt`/`.pth` files (the ZIP format of PyTorch 1.6 and later): a pickle that names tensors, beside one entry of
 * raw bytes for each storage. Weights trained elsewhere come in by this door, and a state dict that PyTorch loads goes out.
 * Nothing in the pickle is run: see the list of globals below.
 */
import { DataError } from "../engine/errors.ts";
import { PickleGlobal, PickleObject, type PickleValue, unpickle } from "./pickle.ts";
import { PickleWriter } from "./pickle-writer.ts";
import {
  ARRAYS,
  bytesOf,
  checkShape,
  type Dtype,
  elementCount,
  type NamedTensor,
  readArray,
  type StoredTensor,
  toFloat32,
  toInt32,
} from "./tensor-data.ts";
import { quote } from "./text.ts";
import { looksLikeZip, readZip, writeZip } from "./zip.ts";

/** The storage classes that a state dict may name, and what they hold. */
const STORAGES: Readonly<Record<string, Dtype>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** Types that become float32 on our side; the others become int32. */
const FLOATS: ReadonlySet<Dtype> = new Set<Dtype>(["F64", "F32", "F16", "BF16"]);

/** Keys under which training scripts put the state dict, in the order in which they are tried. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "net", "network", "weights", "module"] as const;

/** A pickle may expand one stored value to a large tensor (stride 0); beyond this many values it must be in the file. */
const FREE_VALUES = 1 << 22;

/** First bytes of the two formats that PyTorch wrote before 1.6: a pickled magic number, and a tar archive's name. */
const OLD_MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20];

interface Storage {
  readonly dtype: Dtype;
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** How a tensor lies in its storage; offset, strides and `last` (the furthest value) count values, not bytes. */
interface Layout {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly count: number;
  readonly last: number;
}

/** Whether the bytes begin like a PyTorch file, of today's format or of the one before 1.6. */
export function looksLikeTorch(bytes: Uint8Array): boolean {
  return looksLikeZip(bytes) || isOldFormat(bytes);
}

/**
 * Reads the tensors of a state dict, in its order: floats as float32, whole numbers and booleans as int32, whatever their
 * strides. A state dict under a usual key (`state_dict`, `model`, …) is found too; entries that are no tensors are left
 * out. `name` (the file's) starts every message. Throws DataError where the file is damaged, of the old format, or its
 * pickle asks for anything but tensors.
 */
export function parseTorch(bytes: Uint8Array, name: string): Map<string, NamedTensor> {
  if (isOldFormat(bytes)) {
    const advice = "load it with PyTorch and save it again: torch.save(torch.load(file), file)";
    throw new DataError(`${name} is in PyTorch's format from before version 1.6; ${advice}`);
  }
  if (!looksLikeZip(bytes)) throw new DataError(`${name} is no PyTorch file: it is not a ZIP archive`);
  const entries = readZip(bytes, name);
  const pickleName = [...entries.keys()].find((entry) => entry === "data.pkl" || /^[^/]+\/data\.pkl$/.test(entry));
  if (pickleName === undefined) throw new DataError(`${name} is no PyTorch file: the archive has no data.pkl`);
  const folder = pickleName.slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new DataError(
      `${name} is a TorchScript archive; save the state dict instead: torch.save(model.state_dict(), file)`,
    );
  }
  const order = new TextDecoder().decode(entries.get(`${folder}byteorder`));
  if (order !== "" && order !== "little")
    throw new DataError(`${name} holds ${quote(order)}-endian numbers; only little is read`);

  const root = unpickle(entries.get(pickleName)!, name, tensorHost(entries, folder, bytes.length, name));
  const tensors = new Map<string, NamedTensor>();
  for (const [key, value] of findStateDict(root, name)) {
    const tensor = asTensor(value);
    if (typeof key === "string" && tensor !== undefined) tensors.set(key, tensor);
  }
  return tensors;
}

/** Writes a state dict that `torch.load(file, weights_only=True)` opens; equal maps give equal bytes. */
export function serializeTorch(tensors: ReadonlyMap<string, NamedTensor>): Uint8Array {
  const encoder = new TextEncoder();
  const pickle = new PickleWriter();
  const storages: [string, Uint8Array][] = [];
  pickle.call("collections", "OrderedDict", () => pickle.tuple([])).mark();
  for (const [key, { shape, data }] of tensors) {
    if (elementCount(shape) !== data.length) {
      throw new DataError(
        `tensor ${quote(key)} has ${data.length} values, which is not its shape [${shape.join(", ")}]`,
      );
    }
    const storage = data instanceof Float32Array ? "FloatStorage" : "IntStorage";
    const index = String(storages.length);
    storages.push([`archive/data/${index}`, bytesOf(data)]);
    pickle.text(key).call("torch._utils", "_rebuild_tensor_v2", () => {
      pickle.mark().mark().text("storage").global("torch", storage).text(index).text("cpu").integer(data.length);
      pickle.tupleFromMark().persistent().integer(0).tuple(shape).tuple(rowMajorStrides(shape)).false();
      pickle.call("collections", "OrderedDict", () => pickle.tuple([])).tupleFromMark();
    });
  }
  return writeZip(
    new Map([
      ["archive/data.pkl", pickle.setItems().finish()],
      ["archive/.format_version", encoder.encode("1")],
      ["archive/.storage_alignment", encoder.encode("64")],
      ["archive/byteorder", encoder.encode("little")],
      ...storages,
      ["archive/version", encoder.encode("3\n")],
    ]),
  );
}

/** The whole world of a state dict's pickle: ordered dictionaries, shapes, storages, and how a tensor is put together. */
function tensorHost(
  entries: ReadonlyMap<string, Uint8Array>,
  folder: string,
  fileSize: number,
  name: string,
): { global: (path: string) => PickleGlobal | undefined; persistent: (id: PickleValue) => PickleValue } {
  let budget = FREE_VALUES + 8 * fileSize;
  const calls: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
    "collections.OrderedDict": ([pairs]) => {
      if (pairs === undefined) return new Map();
      const isPair = (pair: PickleValue): pair is [PickleValue, PickleValue] =>
        Array.isArray(pair) && pair.length === 2;
      if (!Array.isArray(pairs) || !pairs.every(isPair)) throw new DataError(`${name}: an OrderedDict of no pairs`);
      return new Map(pairs);
    },
    "torch.Size": ([sizes]) => [...checkShape(sizes, `${name}: a torch.Size`)],
    // (storage, offset, size, stride, requires_grad, backward_hooks, metadata)
    "torch._utils._rebuild_tensor_v2": ([storage, offset, size, stride]) => {
      if (!(storage instanceof PickleObject) || !isStorage(storage.value)) {
        throw new DataError(`${name}: a tensor is made from something that is no storage; the file is damaged`);
      }
      const layout = checkTensorLayout(offset, size, stride, `${name}: a tensor`);
      budget -= Math.max(layout.count, layout.last - layout.offset);
      if (budget < 0) {
        throw new DataError(
          `${name}: a tensor of shape [${layout.shape.join(", ")}] is far larger than the file; refused`,
        );
      }
      return new PickleObject(gather(storage.value, layout, name));
    },
    "torch._utils._rebuild_parameter": ([data]) => {
      if (asTensor(data) === undefined)
        throw new DataError(`${name}: a parameter holds no tensor; the file is damaged`);
      return data;
    },
  };
  return {
    global: (path) => {
      if (Object.hasOwn(calls, path)) return new PickleGlobal(path, calls[path]);
      return Object.hasOwn(STORAGES, path) ? new PickleGlobal(path, null) : undefined;
    },
    persistent: (id) => new PickleObject(findStorage(id, entries, folder, name)),
  };
}

/** The storage behind a persistent id, ("storage", class, key, device, number of values). */
function findStorage(id: PickleValue, entries: ReadonlyMap<string, Uint8Array>, folder: string, name: string): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  const dtype = type instanceof PickleGlobal ? STORAGES[type.path] : undefined;
  if (tag !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(count)) {
    throw new DataError(`${name}: its pickle refers to something that is no tensor storage; refused`);
  }
  const bytes = entries.get(`${folder}data/${key}`);
  if (bytes === undefined) throw new DataError(`${name} is cut short: storage ${quote(key)} is missing`);
  const size = count * ARRAYS[dtype].BYTES_PER_ELEMENT;
  if (size > bytes.length) {
    throw new DataError(`${name} is cut short: storage ${quote(key)} needs ${size} bytes, ${bytes.length} are there`);
  }
  return { dtype, bytes, count };
}

/** Offset, shape and strides as the pickle has them, checked as far as that goes without the storage. */
function checkTensorLayout(offset: PickleValue, size: PickleValue, stride: PickleValue, what: string): Layout {
  const shape = checkShape(size, what);
  const strides = checkShape(stride, `${what}: its stride`);
  const count = elementCount(shape);
  if (count === null || strides.length !== shape.length || !isCount(offset)) {
    throw new DataError(`${what} has a shape [${shape.join(", ")}], stride and offset that do not fit together`);
  }
  const last = count === 0 ? offset : shape.reduce((at, n, axis) => at + (n - 1) * strides[axis], offset);
  return { offset, shape, strides, count, last };
}

/** Copies the values that offset, shape and strides pick from a storage into row-major order. */
function gather(storage: Storage, { offset, shape, strides, count, last }: Layout, name: string): NamedTensor {
  const what = `${name}: a tensor of shape [${shape.join(", ")}]`;
  if (count === 0) return narrow(storage.dtype, shape, storage.bytes, 0, 0, what);
  if (last >= storage.count) {
    throw new DataError(`${what} reaches value ${last} of a storage of ${storage.count}; the file is damaged`);
  }
  const contiguous = rowMajorStrides(shape).every((step, axis) => shape[axis] === 1 || step === strides[axis]);
  if (contiguous) return narrow(storage.dtype, shape, storage.bytes, offset, count, what);

  const size = ARRAYS[storage.dtype].BYTES_PER_ELEMENT;
  const reached = readArray(storage.dtype, storage.bytes, offset * size, last - offset + 1);
  const picked = new ARRAYS[storage.dtype](count) as typeof reached;
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    picked[i] = reached[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return narrow(storage.dtype, shape, bytesOf(picked), 0, count, what);
}

/** Reads row-major values and brings them to float32 or int32. */
function narrow(
  dtype: Dtype,
  shape: readonly number[],
  bytes: Uint8Array,
  offset: number,
  count: number,
  what: string,
): NamedTensor {
  const data = readArray(dtype, bytes, offset * ARRAYS[dtype].BYTES_PER_ELEMENT, count);
  const stored = { dtype, shape, data } as StoredTensor;
  if (FLOATS.has(dtype)) return { shape, data: toFloat32(stored) };
  const integers = toInt32(stored);
  if (integers === null) throw new DataError(`${what} holds whole numbers beyond 32 bits, which Ductus cannot keep`);
  return { shape, data: integers };
}

/** The dictionary of tensors in what the pickle held: the value itself, or what it keeps under one of the usual keys. */
function findStateDict(root: PickleValue, name: string): Map<PickleValue, PickleValue> {
  let dict = root;
  // No honest file wraps its weights more than twice; a dictionary may also contain itself.
  for (let depth = 0; depth < 3 && dict instanceof Map; depth++) {
    const current = dict;
    const inner = WRAPPERS.map((key) => current.get(key)).find((value) => value instanceof Map && value.size > 0);
    if (inner === undefined) break;
    dict = inner;
  }
  if (dict instanceof Map && [...dict.values()].some((value) => asTensor(value) !== undefined)) return dict;
  const keys = dict instanceof Map ? [...dict.keys()].slice(0, 5).map((key) => quote(String(key))) : [];
  const found = keys.length > 0 ? `its keys are ${keys.join(", ")}` : "it holds no dictionary with entries";
  throw new DataError(`${name} has no state dict (${found}); save one with torch.save(model.state_dict(), file)`);
}

function asTensor(value: PickleValue): NamedTensor | undefined {
  if (!(value instanceof PickleObject) || isStorage(value.value)) return undefined;
  return value.value as NamedTensor;
}

function isStorage(value: unknown): value is Storage {
  return typeof value === "object" && value !== null && "count" in value;
}

function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= Math.max(1, shape[axis]);
  }
  return strides;
}

function isOldFormat(bytes: Uint8Array): boolean {
  const isTar = bytes.length >= 512 && String.fromCharCode(...bytes.subarray(257, 262)) === "ustar";
  return isTar || OLD_MAGIC.every((byte, i) => bytes[i] === byte);
}
