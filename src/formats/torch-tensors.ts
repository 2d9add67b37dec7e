/**
 * What the pickles in PyTorch's files are made of: storages, tensors that lie in them, and the globals that put these
 * together. Nothing is run, and no value is copied before somebody asks for it ({@link readTensor}): a checkpoint may hold
 * an optimizer's state several times the size of the weights. After torch/_utils.py of PyTorch 2.13.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { printed } from "../engine/quote.ts";
import { ITEM_BYTES, PickleGlobal, type PickleHost, PickleObject, PickleUnknown, type PickleValue } from "./pickle.ts";
import {
  ARRAYS,
  bytesOf,
  checkShape,
  type Dtype,
  elementCount,
  type NamedTensor,
  readArray,
  rowMajorStrides,
  type StoredTensor,
  toFloat32,
  toInt32,
} from "./tensor-data.ts";
import { quote } from "./text.ts";

/** Raw values in the file, which several tensors may share. */
export interface Storage {
  readonly kind: "storage";
  /** What the values are: a type that can be read, or in words why it cannot. */
  readonly type: Dtype | Refusal;
  /** Bytes of one value, and of all. */
  readonly valueSize: number;
  readonly size: number;
  readonly isBigEndian: boolean;
  /** The bytes, once the file has been read so far. @throws DataError when they are not all there */
  readonly bytes: () => Uint8Array;
}

/** Why a tensor cannot be read, in words that go on from its name: `holds complex numbers`. */
interface Refusal {
  readonly kind: "refused";
  readonly because: string;
}

/** A tensor as a pickle describes it. Offset, strides and `last` (the furthest value) count values, not bytes. */
interface TensorView {
  readonly kind: "tensor";
  readonly storage: Storage;
  readonly dtype: Dtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly count: number;
  readonly last: number;
  /** PyTorch's negative bit: the tensor stands for what is stored with the other sign. */
  readonly isNegated: boolean;
}

type Made = Storage | TensorView | Refusal;

const refused = (because: string): Refusal => ({ kind: "refused", because });

const COMPLEX = refused("holds complex numbers; save its real and imaginary parts");
const QUANTIZED = refused("is a quantized tensor; save it as weight.dequantize()");
const SPARSE = refused("is a sparse tensor; save it as weight.to_dense()");

/** Element types by their names in `torch`. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** The kinds of storage that a state dict may name, and what they hold. */
const STORAGES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Those whose values Ductus has no type for, and how many bytes one takes. */
const OTHER_STORAGES: Readonly<Record<string, readonly [valueSize: number, refusal: Refusal]>> = {
  // Bytes, of which each tensor says what they are.
  UntypedStorage: [1, refused("does not say what its values are; save it with torch.save")],
  ComplexFloatStorage: [8, COMPLEX],
  ComplexDoubleStorage: [16, COMPLEX],
  QInt8Storage: [1, QUANTIZED],
  QUInt8Storage: [1, QUANTIZED],
  QInt32Storage: [4, QUANTIZED],
  QUInt4x2Storage: [1, QUANTIZED],
  QUInt2x4Storage: [1, QUANTIZED],
};

/** Types that become float32 on our side; the others become int32. */
const FLOATS: ReadonlySet<Dtype> = new Set<Dtype>(["F64", "F32", "F16", "BF16"]);

/** Modules and functions that no checkpoint needs and an attack does. Nothing is run, but such a file is better not kept. */
const HOSTILE =
  /^(?:os|posix|nt|sys|subprocess|pty|runpy|importlib|ctypes|socket|shutil|webbrowser|_?pickle|marshal)\.|^(?:builtins|__builtin__)\.(?:eval|exec|execfile|compile|__import__|open|input|breakpoint|globals|vars)$|^torch\.(?:hub|load|serialization\.load|jit\.load)\b/;

/** Functions that make tensors of kinds that Ductus has not, with what to do about them. */
const OTHER_TENSORS: Readonly<Record<string, Refusal>> = {
  "torch._utils._rebuild_sparse_tensor": SPARSE,
  "torch._utils._rebuild_sparse_csr_tensor": SPARSE,
  "torch._utils._rebuild_qtensor": QUANTIZED,
  "torch._utils._rebuild_nested_tensor": refused("is a nested tensor; save its parts one by one"),
  "torch._utils._rebuild_meta_tensor_no_storage": refused(
    "is a tensor of the device meta, which has no values; save the network once it has its weights",
  ),
  "torch.storage._load_from_bytes": refused("was written by pickle alone; write it with torch.save"),
};

/** Calls that give an array of NumPy. A single number of NumPy is made by another one, `scalar`. */
const NUMPY_ARRAY = /^numpy\.(?:_?core)\.(?:multiarray|numeric)\._(?:reconstruct|frombuffer)$/;

/** Classes that stand for the tensor that they are made of. */
const PARAMETERS = /^torch\.(?:nn\.(?:parameter\.)?(?:Parameter|Buffer)|autograd\.variable\.Variable)$/;
const PLAIN_TENSORS = /^torch\.(?:_tensor\.)?Tensor$/;

/** The world of a pickle in a PyTorch file. What it does not know it reads and forgets. `name` (the file's) starts messages. */
export function torchHost(name: string, budget: Budget, persistent: PickleHost["persistent"]): PickleHost {
  const calls: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
    "collections.OrderedDict": ([pairs]) => {
      if (pairs === undefined) return new Map();
      const isPair = (pair: PickleValue): pair is [PickleValue, PickleValue] =>
        Array.isArray(pair) && pair.length === 2;
      if (!Array.isArray(pairs)) throw new DataError(`${name}: an OrderedDict of no pairs`);
      budget.spend("memory", ITEM_BYTES * pairs.length, "an OrderedDict");
      if (!pairs.every(isPair)) throw new DataError(`${name}: an OrderedDict of no pairs`);
      return new Map(pairs);
    },
    // Python's dictionaries with something added; what they are made of says nothing about their items.
    "collections.defaultdict": () => new Map(),
    "collections.Counter": ([counts]) => (counts instanceof Map ? counts : new Map()),
    "torch.Size": ([sizes]) => [...checkShape(sizes, `${name}: a torch.Size`)],
    // (storage, offset, size, stride)
    "torch._utils._rebuild_tensor": ([storage, offset, size, stride]) => view(storage, offset, size, stride),
    // (storage, offset, size, stride, requires_grad, backward_hooks, metadata)
    "torch._utils._rebuild_tensor_v2": ([storage, offset, size, stride, , , metadata]) =>
      view(storage, offset, size, stride, metadata),
    // (storage, offset, size, stride, requires_grad, backward_hooks, dtype, metadata)
    "torch._utils._rebuild_tensor_v3": ([storage, offset, size, stride, , , dtype, metadata]) =>
      view(storage, offset, size, stride, metadata, dtype ?? null),
    // (data, requires_grad, backward_hooks), and what Python code hung on the parameter
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter,
    // (tensor, dtype, device, requires_grad), of devices whose memory PyTorch does not save as it is
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": parameter,
    // (function, type, its arguments, attributes): a tensor with attributes, or of a class of its own
    "torch._tensor._rebuild_from_type_v2": ([make, type, args]) => {
      const inner = "torch._tensor._rebuild_from_type_v2";
      const isPlain = type instanceof PickleGlobal && (PLAIN_TENSORS.test(type.path) || PARAMETERS.test(type.path));
      if (!isPlain || !(make instanceof PickleGlobal) || make.path === inner || !Array.isArray(args)) {
        const whose = type instanceof PickleGlobal ? type.path : "another class";
        return new PickleObject(refused(`is a tensor of the class ${printed(whose)}; save it as a plain one`));
      }
      return make.call?.(args) ?? new PickleUnknown(make.path);
    },
  };

  function parameter([data]: readonly PickleValue[]): PickleValue {
    return isTensor(data) ? data : new PickleObject(refused("is a parameter that holds no tensor"));
  }

  function view(
    holder: PickleValue,
    offset: PickleValue,
    size: PickleValue,
    stride: PickleValue,
    metadata?: PickleValue,
    type?: PickleValue,
  ): PickleValue {
    const storage = madeOf(holder);
    if (storage?.kind !== "storage") {
      throw new DataError(`${name}: a tensor is made from something that is no storage; the file is damaged`);
    }
    const dtype = type === undefined ? storage.type : dtypeOf(type);
    const flags = flagsOf(metadata);
    const problem = [dtype, flags].find((part): part is Refusal => typeof part === "object" && "because" in part);
    if (problem !== undefined) return new PickleObject(problem);
    const layout = layoutOf(offset, size, stride, `${name}: a tensor`);
    return new PickleObject({ kind: "tensor", storage, dtype: dtype as Dtype, ...layout, ...(flags as Flags) });
  }

  /** A global that is not known. What it makes is forgotten, unless that was to be a tensor. */
  function unknown(path: string): (args: readonly PickleValue[]) => PickleValue {
    if (Object.hasOwn(OTHER_TENSORS, path)) return () => new PickleObject(OTHER_TENSORS[path]);
    if (NUMPY_ARRAY.test(path)) {
      return () => new PickleObject(refused("is an array of NumPy; save it as torch.from_numpy(array)"));
    }
    const makesTensors = /^torch\.(?:_utils\._rebuild|_tensor\.|nn\.parameter\.)/.test(path);
    return (args) => {
      if (!makesTensors && !args.some((arg) => madeOf(arg) !== undefined)) return new PickleUnknown(path);
      return new PickleObject(refused(`is made by ${printed(path)}, which is not read; save it as a plain tensor`));
    };
  }

  return {
    global: (path) => {
      if (HOSTILE.test(path)) {
        throw new DataError(
          `${name} asks for ${printed(path)}, which is not a tensor; refused, and better not opened with Python either`,
        );
      }
      if (Object.hasOwn(calls, path)) return new PickleGlobal(path, calls[path]);
      if (PARAMETERS.test(path)) return new PickleGlobal(path, parameter);
      return new PickleGlobal(path, storageType(path) === undefined ? unknown(path) : null);
    },
    persistent,
    setState: (object, state) => {
      // What old versions set on parameters: requires_grad, volatile and hooks. Anything else might change the values.
      const made = madeOf(object);
      const isFlag = (part: PickleValue): boolean =>
        typeof part === "boolean" || part === null || (part instanceof Map && part.size === 0);
      if (made?.kind === "refused" || (Array.isArray(state) && state.every(isFlag))) return;
      throw new DataError(`${name}: its pickle sets attributes on a tensor; refused`);
    },
  };
}

/** What a storage class in `torch` or `torch.cuda` holds; undefined when a path is none. */
function storageType(path: string): Pick<Storage, "type" | "valueSize"> | undefined {
  const [, name] = /^torch\.(?:storage\.|cuda\.)?(\w+Storage)$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  if (Object.hasOwn(STORAGES, name)) {
    return { type: STORAGES[name], valueSize: ARRAYS[STORAGES[name]].BYTES_PER_ELEMENT };
  }
  if (!Object.hasOwn(OTHER_STORAGES, name)) return undefined;
  const [valueSize, type] = OTHER_STORAGES[name];
  return { type, valueSize };
}

/** The element type that a tensor names itself. */
function dtypeOf(type: PickleValue): Dtype | Refusal {
  const name = type instanceof PickleGlobal ? type.path.replace(/^torch\./, "") : "an unknown type";
  if (Object.hasOwn(DTYPES, name)) return DTYPES[name];
  return refused(`holds values of ${printed(name)}; save it as weight.float()`);
}

/** Far more than PyTorch has. */
const MOST_FLAGS = 16;

type Flags = Pick<TensorView, "isNegated">;

/** The bits that change what a tensor's values mean. */
function flagsOf(metadata: PickleValue | undefined): Flags | Refusal {
  if (metadata === undefined || metadata === null) return { isNegated: false };
  if (!(metadata instanceof Map) || metadata.size > MOST_FLAGS) return refused("has metadata that is no few flags");
  for (const [flag, value] of metadata) {
    if (typeof value !== "boolean" || (value && flag !== "neg")) {
      return refused(
        `has the flag ${typeof flag === "string" ? quote(flag) : "of another type"}, which is not read; save it as weight.resolve_conj().clone()`,
      );
    }
  }
  return { isNegated: metadata.get("neg") === true };
}

/** Gives the storage behind a persistent id, ("storage", class, key, device, number of values), from where it stands. */
export function storageOf(
  id: PickleValue,
  name: string,
  isBigEndian: boolean,
  find: (key: string) => Uint8Array | undefined,
): Storage {
  const [tag, type, key, , count] = Array.isArray(id) ? id : [];
  const held = type instanceof PickleGlobal ? storageType(type.path) : undefined;
  if (tag !== "storage" || held === undefined || typeof key !== "string" || !isCount(count)) {
    throw new DataError(`${name}: its pickle refers to something that is no tensor storage; refused`);
  }
  const size = count * held.valueSize;
  const bytes = (): Uint8Array => {
    const found = find(key);
    if (found === undefined) throw new DataError(`${name} is cut short: storage ${quote(key)} is missing`);
    if (size <= found.length) return found;
    throw new DataError(`${name} is cut short: storage ${quote(key)} needs ${size} bytes, ${found.length} are there`);
  };
  return { kind: "storage", ...held, size, isBigEndian, bytes };
}

/** Whether a pickled value is a tensor, one that can be read or not. */
export function isTensor(value: PickleValue | undefined): value is PickleObject {
  return madeOf(value)?.kind === "tensor" || madeOf(value)?.kind === "refused";
}

/** A tensor that old files describe without a pickle. */
export function tensorIn(
  storage: Storage,
  offset: number,
  shape: number[],
  strides: number[],
  what: string,
): PickleObject {
  if (typeof storage.type !== "string") return new PickleObject(storage.type);
  const layout = layoutOf(offset, shape, strides, what);
  return new PickleObject({ kind: "tensor", storage, dtype: storage.type, ...layout, isNegated: false });
}

/** Copies tensors of one file, which together must not be far larger than the file. */
export class TensorReader {
  private readonly name: string;
  private readonly budget: Budget;

  constructor(name: string, budget: Budget) {
    this.name = name;
    this.budget = budget;
  }

  /** The values in row-major order, floats as float32, others as int32. @throws DataError when they cannot be read so */
  read(value: PickleObject, key: string): NamedTensor {
    const tensor = madeOf(value);
    if (tensor?.kind !== "tensor") {
      throw new DataError(
        `${this.name}: ${quote(key)} ${tensor?.kind === "refused" ? tensor.because : "is no tensor"}`,
      );
    }
    const { shape, count, offset, last } = tensor;
    // A pickle may expand one stored value to a large tensor (stride 0).
    const what = `a tensor of shape [${shape.join(", ")}]`;
    this.budget.spend("memory", 4 * Math.max(count, last - offset), what);
    return gather(tensor, `${this.name}: ${what}`);
  }
}

/** Offset, shape and strides as the pickle has them, checked as far as that goes without the storage. */
function layoutOf(
  offset: PickleValue,
  size: PickleValue,
  stride: PickleValue,
  what: string,
): Pick<TensorView, "offset" | "shape" | "strides" | "count" | "last"> {
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
function gather(tensor: TensorView, what: string): NamedTensor {
  const { storage, dtype, offset, shape, strides, count, last, isNegated } = tensor;
  const size = ARRAYS[dtype].BYTES_PER_ELEMENT;
  const held = Math.floor(storage.size / size);
  if (count > 0 && last >= held) {
    throw new DataError(`${what} reaches value ${last} of a storage of ${held}; the file is damaged`);
  }
  const reached = count === 0 ? 0 : last - offset + 1;
  const values = readArray(dtype, reached === 0 ? new Uint8Array(0) : storage.bytes(), offset * size, reached);
  if (storage.isBigEndian) reverseBytes(values);
  const isContiguous = rowMajorStrides(shape).every((step, axis) => shape[axis] === 1 || step === strides[axis]);
  const picked = isContiguous ? values : pick(values, new ARRAYS[dtype](count) as typeof values, shape, strides);
  if (isNegated) negate(dtype, picked, what);
  const stored = { dtype, shape, data: picked } as StoredTensor;
  if (FLOATS.has(dtype)) return { shape, data: toFloat32(stored) };
  const integers = toInt32(stored);
  if (integers === null) throw new DataError(`${what} holds whole numbers beyond 32 bits, which Ductus cannot keep`);
  return { shape, data: integers };
}

function pick<Values extends StoredTensor["data"]>(
  from: Values,
  into: Values,
  shape: readonly number[],
  strides: readonly number[],
): Values {
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < into.length; i++) {
    into[i] = from[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return into;
}

const SIGN_OF_HALF = 0x8000;

/** Changes the sign of each value, as PyTorch does: whole numbers wrap. */
function negate(dtype: Dtype, values: StoredTensor["data"], what: string): void {
  if (dtype === "BOOL") throw new DataError(`${what} holds booleans with their sign changed; the file is damaged`);
  if (dtype === "F16" || dtype === "BF16") {
    for (let i = 0; i < values.length; i++) (values as Uint16Array)[i] ^= SIGN_OF_HALF;
  } else {
    for (let i = 0; i < values.length; i++) values[i] = -values[i];
  }
}

function reverseBytes(values: StoredTensor["data"]): void {
  const bytes = bytesOf(values);
  const { BYTES_PER_ELEMENT: size } = values;
  if (size === 1) return;
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

function madeOf(value: PickleValue | undefined): Made | undefined {
  return value instanceof PickleObject ? (value.value as Made) : undefined;
}

function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
