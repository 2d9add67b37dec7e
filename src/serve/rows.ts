/**
 * Samples in the JSON of TensorFlow Serving's REST API: `instances` (a row for each), `inputs` (a column of all) or, for
 * `:classify`, `examples`; and of Ductus' own routes. Reads what tf-serving.ts, sagemaker.ts and predict.ts are sent, on their thread or another (reading.ts).
 */
import { parseObject } from "./body.ts";
import { type Given, INPUT_VIEWS } from "./inputs.ts";
import type { Intake } from "./intake.ts";
import { checkedMinimum, MINIMUM } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { named } from "./samples.ts";

const SIGNATURE = "serving_default";

type Body = Readonly<Record<string, unknown>>;

/** `answer`: routes of Ductus' own, whose body is one sample or a list of `instances`. */
export type Verb = "predict" | "classify" | "answer";

/** What a body asks for. */
export interface Rows extends Given {
  /** Whether the answer is a column, too. */
  readonly isColumn: boolean;
  /** Whether the answer is a list, of one sample as well. */
  readonly isList: boolean;
  /** The least probability that is answered, where the body says it. */
  readonly minimum: number | undefined;
  /** Most candidates of an answer, where the body says it. */
  readonly top: unknown;
}

/** @throws RequestError 400 that says what was expected, 413 for too many samples */
export function readRows(intake: Intake, bytes: Uint8Array, verb: Verb): Rows {
  const body = parseObject(bytes);
  checkSignature(body);
  const minimum = checkedMinimum(body[MINIMUM]);
  const { rows, isColumn = false, isList = true } = ROWS[verb](body, INPUT_VIEWS[intake.kind].field);
  return { ...INPUT_VIEWS[intake.kind].rows(intake, rows), isColumn, isList, minimum, top: body["top"] };
}

interface FoundRows {
  readonly rows: readonly unknown[];
  readonly isColumn?: boolean | undefined;
  readonly isList?: boolean | undefined;
}

/** Where each verb has its samples. */
const ROWS: Readonly<Record<Verb, (body: Body, input: string) => FoundRows>> = {
  predict: ({ instances, inputs }, input) => {
    if ((instances === undefined) === (inputs === undefined)) {
      throw new RequestError(400, 'give either "instances" (a row for each sample) or "inputs" (a column of all)');
    }
    const isColumn = instances === undefined;
    return { isColumn, rows: isColumn ? columnOf(inputs, input) : rowsOf(instances, "instances") };
  },
  classify: ({ examples }) => ({ rows: rowsOf(examples, "examples") }),
  answer: ({ instances, ...fields }, input) => {
    if (instances !== undefined) return { rows: rowsOf(instances, "instances") };
    const given = ONE.filter((name) => fields[name] !== undefined);
    const [name] = given;
    if (given.length === 1) return { rows: [name === "b64" ? { b64: fields[name] } : fields[name]], isList: false };
    throw new RequestError(400, `give { "${input}": … } for one sample, or "instances" for a list of them`);
  },
};

/** Names of a lone sample. */
const ONE = ["text", "x", "b64"] as const;

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
function columnOf(inputs: unknown, input: string): readonly unknown[] {
  return rowsOf(Array.isArray(inputs) ? inputs : named(inputs, "inputs", input), "inputs");
}
