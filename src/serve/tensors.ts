/**
 * A request of the Open Inference Protocol: its JSON and the binary tensors after it, as samples for a model. Reads what
 * open-inference.ts is sent, on its thread or another (reading.ts).
 */
import { openAxes, type Port, type Sizes, shapeAt } from "../data/port.ts";
import { allocate, type TypedArray } from "../engine/dtype.ts";
import { formatShape, sizeOf } from "../engine/shape.ts";
import type { Samples } from "./batch.ts";
import { asObject, parseObject, shown } from "./body.ts";
import { bytesOf, type DatatypeName, datatypeNamed, writeBytes, writeList } from "./datatypes.ts";
import { checkCount, type Intake } from "./intake.ts";
import { checkedMinimum, MINIMUM } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { accepts } from "./samples.ts";

/** The header that says how long the JSON is where binary tensors follow it. */
export const JSON_LENGTH = "Inference-Header-Content-Length";

type Fields = Readonly<Record<string, unknown>>;

/** An output that was asked for. */
export interface Wanted {
  readonly name: string;
  readonly isBinary: boolean;
}

/** What a request holds and asks for. */
export interface Asked extends Samples {
  readonly id: string | undefined;
  /** The least probability that is answered, where the body says it. */
  readonly minimum: number | undefined;
  /** Empty where nothing is asked for. */
  readonly wanted: readonly Wanted[];
  /** Whether outputs that nothing is said about are given as bytes. */
  readonly isBinary: boolean;
}

/**
 * @param length what the header {@link JSON_LENGTH} says
 * @param outputs names of those that may be asked for
 * @throws RequestError 400 that says what was expected, 413 for too many samples
 */
export function readTensors(
  intake: Intake,
  body: Uint8Array<ArrayBuffer>,
  length: string | undefined,
  outputs: readonly string[],
): Asked {
  const { fields, tail } = divide(body, length);
  const id = ofType(fields, "id", "string");
  const minimum = checkedMinimum(parametersOf(fields)[MINIMUM]);
  return { ...readInputs(intake, fields, tail), id, minimum, ...readWanted(fields, outputs) };
}

/** The JSON of a request, and the binary tensors after it. */
function divide(
  body: Uint8Array<ArrayBuffer>,
  length: string | undefined,
): { readonly fields: Fields; readonly tail: Uint8Array<ArrayBuffer> } {
  const end = length === undefined ? body.length : Number(length);
  if (!Number.isSafeInteger(end) || end < 0 || end > body.length) {
    throw new RequestError(400, `${JSON_LENGTH} is not a length within the body`);
  }
  return { fields: parseObject(body.subarray(0, end)), tail: body.subarray(end) };
}

/** A field of this type, if it is there. @throws RequestError 400 when it is something else */
function ofType(fields: Fields, name: string, type: "string"): string | undefined;
function ofType(fields: Fields, name: string, type: "boolean"): boolean | undefined;
function ofType(fields: Fields, name: string, type: "string" | "boolean"): unknown {
  const value = fields[name];
  if (value === undefined || typeof value === type) return value;
  throw new RequestError(400, `"${name}" must be a ${type}, not ${shown(value)}`);
}

const parametersOf = ({ parameters = {} }: Fields): Fields => asObject(parameters, '"parameters"');

/** A tensor of a request: for which port, and its parts as they came. */
interface Input {
  readonly port: string;
  readonly datatype: DatatypeName;
  readonly shape: unknown;
  readonly data: unknown;
  readonly bytes: unknown;
}

function readInputs(intake: Intake, { inputs }: Fields, tail: Uint8Array<ArrayBuffer>): Samples {
  const ports = Object.keys(intake.ports);
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > ports.length) {
    const wanted = ports.length === 1 ? "one: the model has one input" : `at most: ${ports.join(", ")}`;
    throw new RequestError(400, `"inputs" must be a list of ${wanted}`);
  }
  const read = inputs.map((input) => readInput(ports, asObject(input, "an input")));
  const twice = read.find(({ port }, i) => read.findIndex((other) => other.port === port) !== i);
  if (twice !== undefined) throw new RequestError(400, `the input "${twice.port}" is there twice`);
  // The main input says how many samples there are, and how long.
  const [main, ...others] = [...read].sort((a, b) => ports.indexOf(a.port) - ports.indexOf(b.port));
  if (main.port !== ports[0]) throw new RequestError(400, `the input "${ports[0]}" is missing`);
  const { count, sizes } = countOf(intake, main);
  const arrays: Record<string, TypedArray> = {};
  let at = 0;
  for (const input of read) {
    if (input !== main) checkShape(intake, input, count, sizes);
    if (input.bytes === undefined) continue;
    const needed = count * sizeOf(shapeAt(intake.ports[input.port], sizes)) * bytesOf(input.datatype);
    if (input.bytes !== needed || at + needed > tail.length) {
      throw new RequestError(
        400,
        `${tail.length} bytes of tensor data and "binary_data_size" ${shown(input.bytes)}; its shape has ${needed}`,
      );
    }
    arrays[input.port] = fromBytes(intake, input, tail.subarray(at, at + needed), count, sizes);
    at += needed;
  }
  if (at < tail.length) {
    const isAny = read.some(({ bytes }) => bytes !== undefined);
    throw new RequestError(
      400,
      isAny
        ? `${tail.length} bytes of tensor data; their "binary_data_size" is ${at} together`
        : "there are bytes that belong to no tensor",
    );
  }
  for (const input of [main, ...others]) {
    if (input.bytes === undefined) arrays[input.port] = fromList(intake, input, count, sizes);
  }
  return { count, sizes, arrays };
}

function readInput(ports: readonly string[], input: Fields): Input {
  const name = ofType(input, "name", "string");
  // Where there is one only, any name will do.
  const port = ports.length === 1 ? ports[0] : ports.find((one) => one === name);
  if (port === undefined) throw new RequestError(400, `inputs are: ${ports.join(", ")}; not ${shown(name)}`);
  const { binary_data_size: bytes } = parametersOf(input);
  return { port, datatype: datatypeNamed(input["datatype"]), shape: input["shape"], data: input["data"], bytes };
}

/** The number of samples, and the lengths of axes that have a name, as the main input's shape says them. */
function countOf(intake: Intake, { port, shape }: Input): Pick<Samples, "count" | "sizes"> {
  const wanted = intake.ports[port].shape;
  const isShape = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && dim > 0);
  if (!isShape) throw misshapen(intake.ports[port], shape);
  const [count, ...own] = shape as number[];
  const sizes: Record<string, number> = {};
  for (const [i, dim] of wanted.entries()) if (typeof dim === "string" && i < own.length) sizes[dim] ??= own[i];
  const isOpen = Object.keys(sizes).length < openAxes({ port: intake.ports[port] }).length;
  if (isOpen || !accepts(shapeAt(intake.ports[port], sizes), own)) throw misshapen(intake.ports[port], shape);
  return { count, sizes };
}

function checkShape(intake: Intake, { port, shape }: Input, count: number, sizes: Sizes): void {
  const wanted = [count, ...shapeAt(intake.ports[port], sizes)];
  // A number for each sample may stand in a column.
  const isColumn = Array.isArray(shape) && String(shape) === String([...wanted, 1]);
  if (
    isColumn ||
    (Array.isArray(shape) && shape.length === wanted.length && shape.every((dim, i) => dim === wanted[i]))
  )
    return;
  throw new RequestError(
    400,
    `the input "${port}" has shape ${formatShape(wanted)} here; this is ${shownShape(shape)}`,
  );
}

function misshapen({ shape: wanted }: Port, shape: unknown): RequestError {
  const expected = `[${wanted.join(", ")}]`;
  return new RequestError(400, `the input has shape [count, …${expected}]; this is ${shownShape(shape)}`);
}

function shownShape(shape: unknown): string {
  return Array.isArray(shape) && shape.length < 9 ? `[${shape.map(shown).join(", ")}]`.slice(0, 80) : "not a shape";
}

/** Lists may be flat or nested. */
function fromList(intake: Intake, { port, datatype, data }: Input, count: number, sizes: Sizes): TypedArray {
  if (!Array.isArray(data)) throw new RequestError(400, '"data" must be a list of numbers');
  const numbers = Array.isArray(data[0]) ? data.flat(8) : data;
  const size = count * sizeOf(shapeAt(intake.ports[port], sizes));
  if (numbers.length !== size) {
    throw new RequestError(400, `"data" holds ${numbers.length} numbers; its shape has ${size}`);
  }
  checkCount(intake, count);
  const array = allocate(intake.ports[port].dtype, size);
  writeList(numbers, datatype, array, intake.ranges[port]);
  return array;
}

function fromBytes(
  intake: Intake,
  { port, datatype }: Input,
  bytes: Uint8Array<ArrayBuffer>,
  count: number,
  sizes: Sizes,
): TypedArray {
  checkCount(intake, count);
  const array = allocate(intake.ports[port].dtype, count * sizeOf(shapeAt(intake.ports[port], sizes)));
  writeBytes(bytes, datatype, array, intake.ranges[port]);
  return array;
}

function readWanted(fields: Fields, names: readonly string[]): Pick<Asked, "wanted" | "isBinary"> {
  const isBinary = ofType(parametersOf(fields), "binary_data_output", "boolean") ?? false;
  const { outputs = [] } = fields;
  if (!Array.isArray(outputs) || outputs.length > names.length) {
    throw new RequestError(400, `"outputs" must be a list of: ${names.join(", ")}`);
  }
  // Some clients always send the list, empty where nothing was asked for.
  const wanted = outputs.map((value) => {
    const output = asObject(value, "an output");
    const known = names.find((candidate) => candidate === output["name"]);
    if (known === undefined) throw new RequestError(400, `outputs are: ${names.join(", ")}`);
    return { name: known, isBinary: ofType(parametersOf(output), "binary_data", "boolean") ?? isBinary };
  });
  return { wanted, isBinary };
}
