/**
 * ONNX files (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as plain data: a graph of named values, nodes that
 * make values from values, and tensors. What the nodes mean is not known here: export/onnx-nodes.ts writes them,
 * import/onnx-ops.ts reads them. Field numbers are those of the schema.
 */
import { Budget } from "../engine/budget.ts";
import { DataError, DuctusError } from "../engine/errors.ts";
import { ProtoReader, ProtoWriter } from "./protobuf.ts";
import { ARRAYS, bytesOf, checkShape, type Dtype, elementCount, readArray, type StoredTensor } from "./tensor-data.ts";
import { quote } from "./text.ts";

/** Codes of TensorProto.DataType. */
export const ELEMENT_TYPES = {
  F32: 1,
  U8: 2,
  I8: 3,
  U16: 4,
  I16: 5,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F16: 10,
  F64: 11,
  U32: 12,
  U64: 13,
  BF16: 16,
} as const satisfies Readonly<Record<Dtype, number>>;

const DTYPES: ReadonlyMap<number, Dtype> = new Map(
  Object.entries(ELEMENT_TYPES).map(([dtype, code]) => [code, dtype as Dtype]),
);

/** Gives a file of weights by its path, which is relative to the model's folder and does not lead out of it. */
export type ReadExternal = (location: string) => Promise<Uint8Array>;

/** An attribute of a node. Subgraphs and what else no node of a classifier has is kept as `other`. */
export type OnnxAttribute =
  | { readonly kind: "float" | "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly kind: "tensor"; readonly value: StoredTensor }
  | { readonly kind: "other"; readonly value: null };

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** "" for the operators of ONNX itself. */
  readonly domain: string;
  /** Names of values; "" where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  /** undefined: one that Ductus has no name for, or no tensor. */
  readonly dtype: Dtype | undefined;
  /** Words are dimensions that the caller chooses; undefined where nothing is said about the shape. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface OnnxModel {
  /** Version of the operators of ONNX itself. */
  readonly opset: number;
  readonly producer: string;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The version of the file format that goes with opset 17. */
const IR_VERSION = 8;

/** Writes a model; equal models give equal bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const graph = new ProtoWriter();
  for (const node of model.nodes) graph.bytes(1, encodeNode(node));
  graph.bytes(2, model.producer);
  for (const [name, tensor] of model.initializers) graph.bytes(5, encodeTensor(tensor, name));
  for (const value of model.inputs) graph.bytes(11, encodeValue(value));
  for (const value of model.outputs) graph.bytes(12, encodeValue(value));
  const file = new ProtoWriter().int(1, IR_VERSION).bytes(2, model.producer).bytes(3, model.producerVersion);
  file.bytes(7, graph).bytes(8, new ProtoWriter().bytes(1, "").int(2, model.opset));
  for (const [key, value] of Object.entries(model.metadata)) {
    file.bytes(14, new ProtoWriter().bytes(1, key).bytes(2, value));
  }
  return file.finish();
}

function encodeNode({ name, op, domain, inputs, outputs, attributes }: OnnxNode): ProtoWriter {
  const node = new ProtoWriter();
  for (const input of inputs) node.bytes(1, input);
  for (const output of outputs) node.bytes(2, output);
  node.bytes(3, name).bytes(4, op);
  for (const [key, attribute] of Object.entries(attributes)) {
    node.bytes(5, encodeAttribute(attribute, new ProtoWriter().bytes(1, key)));
  }
  return domain === "" ? node : node.bytes(7, domain);
}

function encodeAttribute({ kind, value }: OnnxAttribute, writer: ProtoWriter): ProtoWriter {
  switch (kind) {
    case "float":
      return writer.float(2, value).int(20, 1);
    case "int":
      return writer.int(3, value).int(20, 2);
    case "string":
      return writer.bytes(4, value).int(20, 3);
    case "tensor":
      return writer.bytes(5, encodeTensor(value, "")).int(20, 4);
    case "floats":
      return writer.bytes(7, bytesOf(Float32Array.from(value))).int(20, 6);
    case "ints":
      return writer.ints(8, value).int(20, 7);
    case "strings":
      for (const text of value) writer.bytes(9, text);
      return writer.int(20, 8);
    case "other":
      throw new Error("onnx: an attribute that was not understood cannot be written");
  }
}

function encodeTensor({ dtype, shape, data }: StoredTensor, name: string): ProtoWriter {
  return new ProtoWriter().ints(1, shape).int(2, ELEMENT_TYPES[dtype]).bytes(8, name).bytes(9, bytesOf(data));
}

function encodeValue({ name, dtype, shape }: OnnxValue): ProtoWriter {
  const dims = new ProtoWriter();
  for (const dim of shape ?? []) {
    dims.bytes(1, typeof dim === "number" ? new ProtoWriter().int(1, dim) : new ProtoWriter().bytes(2, dim));
  }
  const type = new ProtoWriter().int(1, ELEMENT_TYPES[dtype ?? "F32"]).bytes(2, dims);
  return new ProtoWriter().bytes(1, name).bytes(2, new ProtoWriter().bytes(1, type));
}

/**
 * Reads a model. `name` (the file's) starts every message.
 * @param read gives files of weights beside this one, which PyTorch writes unless told otherwise; asked once for each
 * @throws DataError when the file is damaged or is something else, TooLargeError where it says more than files of its size may
 */
export async function decodeOnnx(
  bytes: Uint8Array,
  name: string,
  read: ReadExternal,
  budget: Budget = new Budget(name, bytes.length),
): Promise<OnnxModel> {
  const files = new Map<string, Promise<Uint8Array>>();
  const readExternal: ReadExternal = (location) => {
    const known = files.get(location);
    if (known !== undefined) return known;
    const file = read(location).then((content) => {
      budget.add(content.length);
      return content;
    });
    files.set(location, file);
    return file;
  };
  const file = new ProtoReader(bytes, name, budget);
  const graph = file.message(7);
  if (graph === undefined || !file.has(8)) throw new DataError(`${name} is not an ONNX model: it has no graph`);
  const opset = file.messages(8).find((entry) => isStandard(entry.text(1)));
  const initializers = new Map<string, StoredTensor>();
  for (const tensor of graph.messages(5)) {
    initializers.set(tensor.text(8), await decodeTensor(tensor, name, readExternal, budget));
  }
  const nodes: OnnxNode[] = [];
  for (const node of graph.messages(1)) nodes.push(await decodeNode(node, name, readExternal, budget));
  return {
    opset: opset?.int(2) ?? 1,
    producer: file.text(2),
    producerVersion: file.text(3),
    metadata: Object.fromEntries(file.messages(14).map((entry) => [entry.text(1), entry.text(2)])),
    nodes,
    initializers,
    inputs: graph.messages(11).map(decodeValue),
    outputs: graph.messages(12).map(decodeValue),
  };
}

const isStandard = (domain: string): boolean => domain === "" || domain === "ai.onnx";

async function decodeNode(
  node: ProtoReader,
  file: string,
  readExternal: ReadExternal,
  budget: Budget,
): Promise<OnnxNode> {
  const attributes: Record<string, OnnxAttribute> = Object.create(null);
  for (const attribute of node.messages(5)) {
    const tensor = attribute.message(5);
    attributes[attribute.text(1)] =
      tensor === undefined
        ? decodeAttribute(attribute)
        : { kind: "tensor", value: await decodeTensor(tensor, file, readExternal, budget) };
  }
  const domain = node.text(7);
  return {
    name: node.text(3),
    op: node.text(4),
    domain: isStandard(domain) ? "" : domain,
    inputs: node.texts(1),
    outputs: node.texts(2),
    attributes,
  };
}

/** By AttributeProto.AttributeType; files older than the field `type` show it by the field that is filled. */
function decodeAttribute(attribute: ProtoReader): OnnxAttribute {
  const type = attribute.int(20) || [2, 3, 4, 0, 0, 7, 8].findIndex((field) => attribute.has(field)) + 1;
  switch (type) {
    case 1:
      return { kind: "float", value: attribute.float(2) };
    case 2:
      return { kind: "int", value: attribute.int(3) };
    case 3:
      return { kind: "string", value: attribute.text(4) };
    case 6:
      return { kind: "floats", value: attribute.floats(7) };
    case 7:
      return { kind: "ints", value: attribute.ints(8) };
    case 8:
      return { kind: "strings", value: attribute.texts(9) };
    default:
      return { kind: "other", value: null };
  }
}

/** Beyond 2⁵³ a whole number stands for "to the end"; what it is exactly does not matter. */
const toBigInt = (value: number): bigint =>
  BigInt(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value)));

async function decodeTensor(
  tensor: ProtoReader,
  file: string,
  readExternal: ReadExternal,
  budget: Budget,
): Promise<StoredTensor> {
  const what = `${file}: tensor ${quote(tensor.text(8))}`;
  const shape = checkShape(tensor.ints(1), what);
  const dtype = DTYPES.get(tensor.int(2));
  if (dtype === undefined)
    throw new DataError(`${what} has elements of type ${tensor.int(2)}, which Ductus cannot read`);
  const count = elementCount(shape);
  if (count === null) throw new DataError(`${what} is too large`);
  const made = (data: StoredTensor["data"]): StoredTensor => ({ dtype, shape, data }) as StoredTensor;
  const size = count * ARRAYS[dtype].BYTES_PER_ELEMENT;
  const raw = tensor.int(14) === 1 ? await externalBytes(tensor, what, size, readExternal) : tensor.bytes(9);
  if (raw !== undefined && (raw.length > 0 || count === 0)) {
    if (raw.length !== size) throw new DataError(`${what} has ${raw.length} bytes instead of ${size}; it is damaged`);
    // Several tensors may stand at one place of a file beside the model.
    budget.spend("memory", size, `tensor ${quote(tensor.text(8))}`);
    return made(readArray(dtype, raw, 0, count));
  }
  const values = typedValues(tensor, dtype);
  if (values.length !== count) {
    throw new DataError(`${what} has ${values.length} values instead of ${count}; it is damaged`);
  }
  const data = new ARRAYS[dtype](count);
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (const [i, value] of values.entries()) data[i] = isBig ? toBigInt(value) : value;
  return made(data);
}

/** The field of a tensor that holds elements of a type where there are no raw bytes. */
function typedValues(tensor: ProtoReader, dtype: Dtype): number[] {
  if (dtype === "F32") return tensor.floats(4);
  if (dtype === "F64") return tensor.doubles(10);
  if (dtype === "I64") return tensor.ints(7);
  return tensor.ints(dtype === "U32" || dtype === "U64" ? 11 : 5);
}

async function externalBytes(
  tensor: ProtoReader,
  what: string,
  size: number,
  readExternal: ReadExternal,
): Promise<Uint8Array> {
  const entries = new Map(tensor.messages(13).map((entry) => [entry.text(1), entry.text(2)]));
  const location = entries.get("location") ?? "";
  const steps = location.split("/").filter((step) => step !== ".");
  // A model must not read files elsewhere.
  if (steps.length === 0 || steps.some((step) => step === "" || step === "..") || /[\\\0]/.test(location)) {
    throw new DataError(`${what} stands in ${quote(location)}, which is no file beside the model or below`);
  }
  const bytes = await readExternal(steps.join("/")).catch((error: unknown) => {
    if (!(error instanceof DuctusError)) throw error;
    throw new DataError(`${what} stands in another file: ${error.message}`, { cause: error });
  });
  const offset = Number(entries.get("offset") ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + size > bytes.length) {
    throw new DataError(`${what} reaches beyond the end of ${quote(location)}; copy all files again`);
  }
  return bytes.subarray(offset, offset + size);
}

function decodeValue(value: ProtoReader): OnnxValue {
  const type = value.message(2)?.message(1);
  const shape = type?.message(2);
  return {
    name: value.text(1),
    dtype: DTYPES.get(type?.int(1) ?? 0),
    shape: shape?.messages(1).map((dim) => (dim.has(1) ? dim.int(1) : dim.text(2) || "?")),
  };
}
