/**
 * Samples in the JSON of TensorFlow Serving's REST API: `instances` (a row for each), `inputs` (a column of all) or, for
 * `:classify`, `examples`. Reads what tf-serving.ts and sagemaker.ts are sent, on their thread or another (reading.ts).
 */
import type { Samples } from "./batcher.ts";
import { asObject, parseObject } from "./body.ts";
import { allocate, type Intake } from "./intake.ts";
import { checkedMinimum, MINIMUM } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { writeSample } from "./samples.ts";

const INPUT = "x";
const SIGNATURE = "serving_default";

type Body = Readonly<Record<string, unknown>>;

export type Verb = "predict" | "classify";

/** What a body asks for. */
export interface Rows {
  readonly samples: Samples;
  readonly count: number;
  /** Samples that are files of pictures, still to be read. */
  readonly pictures: readonly { readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> }[];
  /** Whether the answer is a column, too. */
  readonly isColumn: boolean;
  /** The least probability that is answered, where the body says it. */
  readonly minimum: number | undefined;
}

/** @throws RequestError 400 that says what was expected, 413 for too many samples */
export function readRows(intake: Intake, bytes: Uint8Array, verb: Verb): Rows {
  const body = parseObject(bytes);
  checkSignature(body);
  const minimum = checkedMinimum(body[MINIMUM]);
  const { isColumn, rows } = ROWS[verb](body);
  const samples = allocate(intake, rows.length);
  const pictures: { index: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
  for (const [index, row] of rows.entries()) {
    const file = writeSample(intake, unwrapped(row), samples, index);
    if (file !== undefined) pictures.push({ index, bytes: file });
  }
  return { samples, count: rows.length, pictures, isColumn, minimum };
}

/** Where each verb has its samples. */
const ROWS = {
  predict: ({ instances, inputs }: Body) => {
    if ((instances === undefined) === (inputs === undefined)) {
      throw new RequestError(400, 'give either "instances" (a row for each sample) or "inputs" (a column of all)');
    }
    const isColumn = instances === undefined;
    return { isColumn, rows: isColumn ? columnOf(inputs) : rowsOf(instances, "instances") };
  },
  classify: ({ examples }: Body) => ({ isColumn: false, rows: rowsOf(examples, "examples") }),
} as const satisfies Record<Verb, (body: Body) => { readonly isColumn: boolean; readonly rows: readonly unknown[] }>;

function checkSignature({ signature_name: signature = SIGNATURE }: Body): void {
  if (signature !== SIGNATURE && signature !== "") throw new RequestError(400, `the only signature is "${SIGNATURE}"`);
}

function rowsOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new RequestError(400, `"${name}" must be a list of at least one sample`);
  }
  return value;
}

/** The column format names its input, unless there is one only. */
function columnOf(inputs: unknown): readonly unknown[] {
  return rowsOf(Array.isArray(inputs) ? inputs : named(inputs, "inputs"), "inputs");
}

/** A sample may be wrapped in the name of the input; a picture is an object of its own. */
function unwrapped(row: unknown): unknown {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return row;
  return asObject(row, "a sample")["b64"] === undefined ? named(row, "a sample") : row;
}

function named(value: unknown, what: string): unknown {
  const record = asObject(value, what);
  const values = Object.values(record);
  if (values.length !== 1) {
    throw new RequestError(400, `${what}: the model has one input, "${INPUT}"; this names ${values.length}`);
  }
  return values[0];
}
