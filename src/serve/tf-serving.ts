/**
 * The REST API of TensorFlow Serving (https://www.tensorflow.org/tfx/serving/api_rest): status, metadata, `:predict` with
 * `instances` or `inputs`, `:classify`. One input, `x` or whatever a client calls it; one output `probabilities`. An image may be given as
 * `{ "b64": "…" }` in the place of its numbers.
 */
import type { Context, HonoRequest } from "hono";
import { checkJsonType } from "./body.ts";
import { type App, bodyOf, infer, type Service, type Variables } from "./context.ts";
import { pictureReader } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { answerTo, RequestError } from "./request-error.ts";
import type { Verb } from "./rows.ts";
import { takes } from "./samples.ts";
import type { Outputs, ServedModel } from "./served-model.ts";

const INPUT = "x";
const OUTPUT = "probabilities";
const SIGNATURE = "serving_default";
const PATH = /^\/v1\/models\/([^/:]+)(?:\/versions\/([^/:]+))?(?::(predict|classify)|\/(metadata))?$/;

/** Answers by the verb of a POST. */
const ANSWERS = { predict: predictions, classify: classification } as const satisfies Record<
  Verb,
  (served: ServedModel, outputs: Outputs, isColumn: boolean) => object
>;

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
  readonly verb?: Verb | undefined;
  readonly isMetadata: boolean;
} {
  const found = PATH.exec(c.req.path);
  if (found === null) throw new RequestError(404, "there is nothing at this address");
  const [, name, version, verb, tail] = found;
  return { name: decoded(name), version, verb: verb as Verb | undefined, isMetadata: tail !== undefined };
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
 */
export async function answerRows(
  service: Service,
  served: ServedModel,
  body: Uint8Array<ArrayBuffer>,
  request: HonoRequest,
  verb: Verb,
): Promise<object> {
  const { reading, limits } = service;
  const { intake } = served;
  const { samples, count, pictures, isColumn, minimum } = await reading.do("rows", { intake, body, verb }, request.raw);
  const readPicture = pictureReader(reading, intake, limits.maxPixels, request.raw);
  for (const { index, bytes } of pictures) {
    try {
      samples.set((await readPicture(bytes)).sample, index * intake.sampleSize);
    } catch (error) {
      const { status, message } = answerTo(error);
      throw status === 500 ? error : new RequestError(status, `sample ${index}: ${message}`);
    }
  }
  const least = minimumOf(service, minimum, request.query(MINIMUM));
  const outputs = await infer(service, served, samples, count);
  return { ...ANSWERS[verb](served, outputs, isColumn), refused: refusals(service, served, outputs, least) };
}

function predictions(served: ServedModel, outputs: Outputs, isColumn: boolean): object {
  const predictions = probabilitiesOf(served, outputs);
  return isColumn ? { outputs: predictions } : { predictions };
}

function classification(served: ServedModel, outputs: Outputs): object {
  const { classes } = served.model;
  return { result: probabilitiesOf(served, outputs).map((row) => row.map((score, c) => [classes[c], score])) };
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
