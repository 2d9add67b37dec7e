/**
 * The REST API of TensorFlow Serving (https://www.tensorflow.org/tfx/serving/api_rest): status, metadata, `:predict` with
 * `instances` or `inputs`, `:classify` of classifiers. One input, `x` or whatever a client calls it, which may be a text
 * where the model reads texts; outputs as the task says. A picture may be given as `{ "b64": "…" }` in the place of its numbers.
 */
import type { Context, HonoRequest } from "hono";
import type { Dim } from "../data/port.ts";
import type { Group } from "./batch.ts";
import { checkJsonType } from "./body.ts";
import { labelsOf } from "./catalog.ts";
import { type App, bodyOf, infer, type Service, type Variables } from "./context.ts";
import { INPUT_VIEWS } from "./inputs.ts";
import { takes } from "./intake.ts";
import { intakingOf } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import type { Rows, Verb } from "./rows.ts";
import type { ServedModel } from "./served-model.ts";

const SIGNATURE = "serving_default";
const PATH = /^\/v1\/models\/([^/:]+)(?:\/versions\/([^/:]+))?(?::(predict|classify)|\/(metadata))?$/;

/** The verbs of the protocol. */
type TfVerb = Exclude<Verb, "answer">;

/** Answers by the verb of a POST. */
const ANSWERS: Readonly<
  Record<TfVerb, (served: ServedModel, answers: readonly unknown[], isColumn: boolean) => object>
> = { predict: predictions, classify: classification };

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
        return c.json(await answerRows(service, served, await bodyOf(service, c), c.req, verb));
      }
      return c.json(isMetadata ? metadata(served) : status(service, served));
    });
  });
}

function parsePath(c: Context<{ Variables: Variables }>): {
  readonly name: string;
  readonly version?: string | undefined;
  readonly verb?: TfVerb | undefined;
  readonly isMetadata: boolean;
} {
  const found = PATH.exec(c.req.path);
  if (found === null) throw new RequestError(404, "there is nothing at this address");
  const [, name, version, verb, tail] = found;
  return { name: decoded(name), version, verb: verb as TfVerb | undefined, isMetadata: tail !== undefined };
}

/** A part of a path without its escapes. @throws RequestError 404 when they are none */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RequestError(404, "there is nothing at this address");
  }
}

/**
 * What the samples of a body are.
 * @param request for its query; the body was read from it
 * @throws RequestError 400 for a verb that makes no sense for the model's task
 */
export async function answerRows(
  service: Service,
  served: ServedModel,
  body: Uint8Array<ArrayBuffer>,
  request: HonoRequest,
  verb: TfVerb,
): Promise<object> {
  if (verb === "classify" && served.http.scores === undefined) {
    throw new RequestError(
      400,
      `"${served.name}" is no classifier (its task is to ${served.task.kind}); use :predict, or POST /models/${served.name}/predict`,
    );
  }
  const { rows, groups } = await gather(service, served, body, request, verb);
  const least = minimumOf(service, rows.minimum, request.query(MINIMUM));
  const { answers, verdicts } = await infer(service, served, groups);
  const refused = refusals(service, served, verdicts, least);
  return { ...ANSWERS[verb](served, answers, rows.isColumn), refused };
}

/** Reads samples in JSON and puts them together. */
export async function gather(
  service: Service,
  served: ServedModel,
  body: Uint8Array<ArrayBuffer>,
  request: HonoRequest,
  verb: Verb,
): Promise<{ readonly rows: Rows; readonly groups: readonly Group[] }> {
  const { intake } = served;
  const rows = await service.reading.do("rows", { intake, body, verb }, request.raw);
  return { rows, groups: await INPUT_VIEWS[intake.kind].gather(intakingOf(service, served, request.raw), rows) };
}

/** A sample's only output as it is, or all by name. */
function predictions({ http }: ServedModel, answers: readonly unknown[], isColumn: boolean): object {
  const [only, ...more] = http.usual;
  const worth = (name: string, answer: unknown): unknown => {
    const value = http.outputs[name].of(answer);
    // A number for each sample is no list.
    return Array.isArray(value) && http.scores === undefined && more.length > 0 ? value[0] : value;
  };
  const one = more.length === 0;
  if (!isColumn) {
    return {
      predictions: answers.map((answer) =>
        one ? worth(only, answer) : Object.fromEntries(http.usual.map((name) => [name, worth(name, answer)])),
      ),
    };
  }
  const column = (name: string): unknown[] => answers.map((answer) => worth(name, answer));
  return { outputs: one ? column(only) : Object.fromEntries(http.usual.map((name) => [name, column(name)])) };
}

function classification({ http }: ServedModel, answers: readonly unknown[]): object {
  return { result: answers.map((answer) => http.scores?.(answer)) };
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

const TYPES = {
  uint8: "DT_UINT8",
  int32: "DT_INT32",
  float32: "DT_FLOAT",
  FP32: "DT_FLOAT",
  BYTES: "DT_STRING",
} as const;

function metadata({ name, version, model, task, http, intake }: ServedModel): object {
  const tensor = (dtype: keyof typeof TYPES, shape: readonly Dim[], tensorName: string): object => ({
    dtype: TYPES[dtype],
    tensor_shape: {
      dim: [-1, ...shape].map((size) => ({ size: typeof size === "string" ? "-1" : String(size), name: "" })),
      unknown_rank: false,
    },
    name: tensorName,
  });
  const inputs = Object.entries(task.input.ports).map(([port, { dtype, shape }]) => [port, tensor(dtype, shape, port)]);
  const outputs = http.usual.map((output) => {
    const { datatype, shape } = http.outputs[output];
    return [output, tensor(datatype, shape(task), output)];
  });
  const signature = {
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    method_name: "tensorflow/serving/predict",
  };
  return {
    model_spec: { name, signature_name: "", version },
    metadata: {
      signature_def: { signature_def: { [SIGNATURE]: signature } },
      task: task.kind,
      ...labelsOf(task),
      temperature: model.temperature ?? 1,
      input: takes(intake.ranges.x),
    },
  };
}
