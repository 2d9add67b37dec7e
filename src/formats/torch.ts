/**
 * PyTorch's `.pt`/`.pth` files: a pickle that names tensors, beside raw bytes for each storage. Weights trained elsewhere come
 * in by this door. Here the file is taken apart, in the ZIP format of PyTorch 1.6 and later (torch-legacy.ts has the two before
 * it), and the state dict is found in what the pickle holds. Nothing in the pickle is run: torch-tensors.ts says what it may name.
 */
import { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { printed } from "../engine/quote.ts";
import { PickleObject, PickleUnknown, type PickleValue, unpickle } from "./pickle.ts";
import type { NamedTensor } from "./tensor-data.ts";
import { quote } from "./text.ts";
import { unpickleLegacy } from "./torch-legacy.ts";
import { isLegacy } from "./torch-magic.ts";
import { isTensor, storageOf, TensorReader, torchHost } from "./torch-tensors.ts";
import { looksLikeZip, readZip } from "./zip.ts";

/** Keys under which training scripts put the state dict, in the order in which they are tried. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "net", "network", "weights", "module"] as const;

/** Whether the bytes begin like a PyTorch file, of today's format or of those before 1.6. */
export function looksLikeTorch(bytes: Uint8Array): boolean {
  return looksLikeZip(bytes) || isLegacy(bytes);
}

/**
 * Reads the tensors of a state dict, in its order: floats as float32, whole numbers and booleans as int32, whatever their
 * strides. A state dict under a usual key (`state_dict`, `model`, …) is found too, or the only one that there is; entries that
 * are no tensors, and whatever stands beside the state dict, are passed over. `name` (the file's) starts every message.
 * Throws TooLargeError where it would cost more than a file of its size may, DataError where the file is damaged, a weight is of a kind that Ductus cannot read (sparse, quantized, complex …),
 * or the pickle names what only an attack does.
 */
export function parseTorch(bytes: Uint8Array, name: string): Map<string, NamedTensor> {
  if (!isLegacy(bytes) && !looksLikeZip(bytes))
    throw new DataError(`${name} is no PyTorch file: it is not a ZIP archive`);
  const budget = new Budget(name, bytes.length);
  const root = isLegacy(bytes) ? unpickleLegacy(bytes, name, budget) : unpickleZip(bytes, name, budget);
  const reader = new TensorReader(name, budget);
  const tensors = new Map<string, NamedTensor>();
  for (const [key, value] of findStateDict(root, name)) {
    if (typeof key === "string" && isTensor(value)) tensors.set(key, reader.read(value, key));
  }
  return tensors;
}

function unpickleZip(bytes: Uint8Array, name: string, budget: Budget): PickleValue {
  const entries = readZip(bytes, name, budget);
  const pickleName = [...entries.keys()].find((entry) => entry === "data.pkl" || /^[^/]+\/data\.pkl$/.test(entry));
  if (pickleName === undefined) throw new DataError(`${name} is no PyTorch file: the archive has no data.pkl`);
  const folder = pickleName.slice(0, -"data.pkl".length);
  const order = new TextDecoder().decode(entries.get(`${folder}byteorder`)) || "little";
  if (order !== "little" && order !== "big") {
    throw new DataError(`${name} holds ${quote(order)}-endian numbers; little and big are known`);
  }
  const find = (key: string): Uint8Array | undefined => entries.get(`${folder}data/${key}`);
  const host = torchHost(name, budget, (id) => new PickleObject(storageOf(id, name, order === "big", find)));
  return unpickle(entries.get(pickleName)!, name, host, budget);
}

/** A key in a message. Tuples may contain themselves many times over, so they are not written out. */
const describeKey = (key: PickleValue): string =>
  typeof key === "string" ? quote(key) : typeof key === "number" ? String(key) : "one that is no text";

type Dictionary = Map<PickleValue, PickleValue>;

/** The dictionary of tensors in what the pickle held: the value itself, or what it keeps under one of its keys. */
function findStateDict(root: PickleValue, name: string): Dictionary {
  let dict = root;
  // No honest file wraps its weights more than twice; a dictionary may also contain itself.
  for (let depth = 0; depth < 3 && dict instanceof Map; depth++) {
    const inner = innerOf(dict);
    if (inner === undefined) break;
    dict = inner;
  }
  if (dict instanceof Map && tensorCount(dict) > 0) return dict;
  const advice = "save one with torch.save(model.state_dict(), file)";
  const [key, object] = wholeObject(dict);
  if (object !== undefined) {
    const where = key === undefined ? "holds" : `holds under ${quote(key)}`;
    throw new DataError(`${name} ${where} a whole object, ${printed(object.path)}, and no state dict; ${advice}`);
  }
  const keys = dict instanceof Map ? [...dict.keys()].slice(0, 5).map(describeKey) : [];
  const found = keys.length > 0 ? `its keys are ${keys.join(", ")}` : "it holds no dictionary with entries";
  throw new DataError(`${name} has no state dict (${found}); ${advice}`);
}

/** What a checkpoint keeps its weights in: the dictionary under a usual key, or the only one that holds tensors. */
function innerOf(dict: Dictionary): Dictionary | undefined {
  const usual = WRAPPERS.map((key) => dict.get(key)).filter((value) => value instanceof Map && value.size > 0);
  if (usual.length > 0)
    return (usual as Dictionary[]).find((inner) => tensorCount(inner) > 0) ?? (usual[0] as Dictionary);
  // Each once, however often it occurs.
  const inner = new Set([...dict.values()].filter((value) => value instanceof Map));
  const [holder, ...others] = [...inner].filter((value) => tensorCount(value as Dictionary) > 0);
  // The state of a random generator, say, may stand beside the weights.
  const isInner = others.length === 0 && holder instanceof Map && tensorCount(holder) > tensorCount(dict);
  return isInner ? holder : undefined;
}

function tensorCount(dict: Dictionary): number {
  let count = 0;
  for (const [key, value] of dict) if (typeof key === "string" && isTensor(value)) count++;
  return count;
}

/** An object of some class where a state dict was looked for. */
function wholeObject(value: PickleValue): readonly [key: string | undefined, object: PickleUnknown | undefined] {
  if (value instanceof PickleUnknown) return [undefined, value];
  const keys = value instanceof Map ? WRAPPERS.filter((key) => value.get(key) instanceof PickleUnknown) : [];
  return [keys[0], value instanceof Map ? (value.get(keys[0]) as PickleUnknown | undefined) : undefined];
}
