/**
 * The REST API of TensorFlow Serving (https://www.tensorflow.org/tfx/serving/api_rest): status, metadata, `:predict` with
 * `instances` or `inputs`, `:classify`. One input, `x` or whatever a client calls it; one output `probabilities`. An image may be given as
 * `{ "b64": "…" }` in the place of its numbers.
 */
import type { Context, HonoRequest } from "hono";
import { asObject, checkJsonType, parseObject, readBody } from "./body.ts";
import { type App, infer, type Service, type Variables } from "./context.ts";
import { pictureReader } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { takes, writeSample } from "./samples.ts";
import type { Outputs, ServedModel } from "./served-model.ts";

const INPUT = "x";
const OUTPUT = "probabilities";
const SIGNATURE = "serving_default";
const PATH = /^\/v1\/models\/([^/:]+)(?:\/versions\/([^/:]+))?(?::(predict|classify)|\/(metadata))?$/;

type Body = Readonly<Record<string, unknown>>;

/** What a POST does by its verb. */
const VERBS: Readonly<
  Record<string, (service: Service, served: ServedModel, body: Body, request: HonoRequest) => Promise<object>>
> = {
  predict,
  classify,
};

export function addTfServing(app: App, service: Service): void {
  app.all("/v1/models/*", async (c) => {
    const { name, version, verb, isMetadata } = parsePath(c);
    const method = verb === undefined ? "GET" : "POST";
    if (c.req.method !== method) throw new RequestError(405, `use ${method} here`);
    const served = service.repository.find(name, version);
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      if (verb !== undefined) {
        checkJsonType(c.req.raw);
        const body = parseObject(await readBody(c.req.raw, service.limits));
        return c.json(await VERBS[verb](service, served, body, c.req));
      }
      return c.json(isMetadata ? metadata(served) : status(service, served));
    });
  });
}

function parsePath(c: Context<{ Variables: Variables }>): {
  readonly name: string;
  readonly version?: string | undefined;
  readonly verb?: string | undefined;
  readonly isMetadata: boolean;
} {
  const found = PATH.exec(c.req.path);
  if (found === null) throw new RequestError(404, "there is nothing at this address");
  const [, name, version, verb, tail] = found;
  return { name: decoded(name), version, verb, isMetadata: tail !== undefined };
}

/** A part of a path without its escapes. @throws RequestError 404 when they are none */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RequestError(404, "there is nothing at this address");
  }
}

/** Probabilities of samples in rows or columns. @param request for its query; the body was read from it */
export async function predict(
  service: Service,
  served: ServedModel,
  body: Body,
  request: HonoRequest,
): Promise<object> {
  checkSignature(body);
  const { instances, inputs } = body;
  if ((instances === undefined) === (inputs === undefined)) {
    throw new RequestError(400, 'give either "instances" (a row for each sample) or "inputs" (a column of all)');
  }
  const rows = instances === undefined ? columnOf(inputs) : rowsOf(instances, "instances");
  const minimum = minimumOf(service, body[MINIMUM], request.query(MINIMUM));
  const outputs = await runRows(service, served, rows.map(unwrapped));
  const predictions = probabilitiesOf(served, outputs);
  const refused = refusals(service, served, outputs, minimum);
  return { ...(instances === undefined ? { outputs: predictions } : { predictions }), refused };
}

async function classify(service: Service, served: ServedModel, body: Body, request: HonoRequest): Promise<object> {
  checkSignature(body);
  const minimum = minimumOf(service, body[MINIMUM], request.query(MINIMUM));
  const outputs = await runRows(service, served, rowsOf(body["examples"], "examples").map(unwrapped));
  const { classes } = served.model;
  const result = probabilitiesOf(served, outputs).map((row) => row.map((score, c) => [classes[c], score]));
  return { result, refused: refusals(service, served, outputs, minimum) };
}

function checkSignature({ signature_name: signature = SIGNATURE }: Body): void {
  if (signature !== SIGNATURE && signature !== "") throw new RequestError(400, `the only signature is "${SIGNATURE}"`);
}

async function runRows(service: Service, served: ServedModel, rows: readonly unknown[]): Promise<Outputs> {
  const samples = served.allocate(rows.length);
  const readPicture = pictureReader(service.limits.maxPixels, service.decodePicture);
  for (const [i, row] of rows.entries()) await writeSample(served, row, samples, i, readPicture);
  return infer(service, served, samples, rows.length);
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

/** [count][classes] */
function probabilitiesOf(served: ServedModel, { probabilities }: Outputs): number[][] {
  const classes = served.model.classes.length;
  return Array.from({ length: probabilities.length / classes }, (_, i) =>
    Array.from(probabilities.subarray(i * classes, (i + 1) * classes)),
  );
}

function status({ repository, isReady }: Service, served: ServedModel): object {
  const ok = { error_code: "OK", error_message: "" };
  const failed = repository.failures(served.name).map(({ version, reason }) => ({
    version,
    state: "END",
    status: { error_code: "DATA_LOSS", error_message: reason },
  }));
  const own = { version: served.version, state: isReady() ? "AVAILABLE" : "UNLOADING", status: ok };
  return { model_version_status: [own, ...failed] };
}

function metadata({ name, version, model }: ServedModel): object {
  const tensor = (dtype: string, shape: readonly number[], tensorName: string): object => ({
    dtype,
    tensor_shape: { dim: [-1, ...shape].map((size) => ({ size: String(size), name: "" })), unknown_rank: false },
    name: tensorName,
  });
  const input = tensor(model.inputType === "uint8" ? "DT_UINT8" : "DT_FLOAT", model.inputShape, INPUT);
  const output = tensor("DT_FLOAT", [model.classes.length], OUTPUT);
  const signature = {
    inputs: { [INPUT]: input },
    outputs: { [OUTPUT]: output },
    method_name: "tensorflow/serving/predict",
  };
  return {
    model_spec: { name, signature_name: "", version },
    metadata: {
      signature_def: { signature_def: { [SIGNATURE]: signature } },
      classes: model.classes,
      temperature: model.temperature ?? 1,
      input: takes(model),
    },
  };
}
