/**
 * A request of the Open Inference Protocol: its JSON and the binary tensors after it, as samples for a model. Reads what
 * open-inference.ts is sent, on its thread or another (reading.ts).
 */
import { formatShape } from "../engine/shape.ts";
import type { Samples } from "./batcher.ts";
import { asObject, parseObject, shown } from "./body.ts";
import { bytesOf, type DatatypeName, datatypeNamed, writeBytes, writeList } from "./datatypes.ts";
import { allocate, type Intake } from "./intake.ts";
import { checkedMinimum, MINIMUM } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { accepts } from "./samples.ts";

/** The header that says how long the JSON is where binary tensors follow it. */
export const JSON_LENGTH = "Inference-Header-Content-Length";

/** Outputs by name: what each holds, for `count` samples of so many classes. */
export const OUTPUTS = {
  probabilities: { datatype: "FP32", perClass: true },
  logits: { datatype: "FP32", perClass: true },
  refused: { datatype: "BOOL", perClass: false },
} as const;
const OUTPUT_NAMES = Object.keys(OUTPUTS) as OutputName[];

export type OutputName = keyof typeof OUTPUTS;
type Fields = Readonly<Record<string, unknown>>;

/** An output that was asked for. */
export interface Wanted {
  readonly name: OutputName;
  readonly isBinary: boolean;
}

/** What a request holds and asks for. */
export interface Tensor {
  readonly samples: Samples;
  readonly count: number;
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
 * @throws RequestError 400 that says what was expected, 413 for too many samples
 */
export function readTensor(intake: Intake, body: Uint8Array<ArrayBuffer>, length: string | undefined): Tensor {
  const { fields, tail } = divide(body, length);
  const id = ofType(fields, "id", "string");
  const minimum = checkedMinimum(parametersOf(fields)[MINIMUM]);
  return { ...readInput(intake, fields, tail), id, minimum, ...readWanted(fields) };
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

function readInput(
  intake: Intake,
  { inputs }: Fields,
  tail: Uint8Array<ArrayBuffer>,
): { readonly samples: Samples; readonly count: number } {
  if (!Array.isArray(inputs) || inputs.length !== 1)
    throw new RequestError(400, '"inputs" must be a list of one: the model has one input');
  const input = asObject(inputs[0], "an input");
  ofType(input, "name", "string");
  const datatype = datatypeNamed(input["datatype"]);
  const count = countOf(intake, input["shape"]);
  const { binary_data_size: size } = parametersOf(input);
  if (size === undefined && tail.length > 0) throw new RequestError(400, "there are bytes that belong to no tensor");
  const samples =
    size === undefined
      ? fromList(intake, datatype, input["data"], count)
      : fromBytes(intake, datatype, tail, size, count);
  return { count, samples };
}

function countOf(intake: Intake, shape: unknown): number {
  const { inputShape } = intake;
  const isShape = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && dim > 0);
  if (!isShape || !accepts(inputShape, shape.slice(1))) {
    const text = Array.isArray(shape) && shape.length < 9 ? `[${shape.map(shown).join(", ")}]` : "not a shape";
    throw new RequestError(
      400,
      `the input has shape [count, …${formatShape(inputShape)}]; this is ${text.slice(0, 80)}`,
    );
  }
  return shape[0];
}

/** Lists may be flat or nested. */
function fromList(intake: Intake, datatype: DatatypeName, data: unknown, count: number): Samples {
  if (!Array.isArray(data)) throw new RequestError(400, '"data" must be a list of numbers');
  const numbers = Array.isArray(data[0]) ? data.flat(8) : data;
  if (numbers.length !== count * intake.sampleSize) {
    throw new RequestError(400, `"data" holds ${numbers.length} numbers; its shape has ${count * intake.sampleSize}`);
  }
  const samples = allocate(intake, count);
  writeList(numbers, datatype, samples);
  return samples;
}

function fromBytes(
  intake: Intake,
  datatype: DatatypeName,
  tail: Uint8Array<ArrayBuffer>,
  size: unknown,
  count: number,
): Samples {
  const needed = count * intake.sampleSize * bytesOf(datatype);
  if (size !== tail.length || size !== needed) {
    throw new RequestError(
      400,
      `${tail.length} bytes of tensor data and "binary_data_size" ${shown(size)}; its shape has ${needed}`,
    );
  }
  const samples = allocate(intake, count);
  writeBytes(tail, datatype, samples);
  return samples;
}

function readWanted(fields: Fields): Pick<Tensor, "wanted" | "isBinary"> {
  const isBinary = ofType(parametersOf(fields), "binary_data_output", "boolean") ?? false;
  const { outputs = [] } = fields;
  if (!Array.isArray(outputs) || outputs.length > OUTPUT_NAMES.length) {
    throw new RequestError(400, `"outputs" must be a list of: ${OUTPUT_NAMES.join(", ")}`);
  }
  // Some clients always send the list, empty where nothing was asked for.
  const wanted = outputs.map((value) => {
    const output = asObject(value, "an output");
    const known = OUTPUT_NAMES.find((candidate) => candidate === output["name"]);
    if (known === undefined) throw new RequestError(400, `outputs are: ${OUTPUT_NAMES.join(", ")}`);
    return { name: known, isBinary: ofType(parametersOf(output), "binary_data", "boolean") ?? isBinary };
  });
  return { wanted, isBinary };
}
