/**
 * The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), with Triton's extension for
 * binary tensors (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
 * One input, `x` or whatever a client calls it; outputs `probabilities`, what is given unless others are asked for, `logits` and
 * `refused`, which is given unasked where a least probability is set.
 */
import type { HonoRequest } from "hono";
import { formatShape } from "../engine/shape.ts";
import { VERSION } from "../version.ts";
import type { Samples } from "./batcher.ts";
import { asObject, checkJsonType, concatenated, parseObject, readBody, shown } from "./body.ts";
import { type App, infer, isReady, type Service } from "./context.ts";
import {
  bytesOf,
  DATATYPE_NAMES,
  type DatatypeName,
  datatypeNamed,
  nativeDatatype,
  writeBytes,
  writeList,
} from "./datatypes.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { accepts, takes } from "./samples.ts";
import type { ServedModel } from "./served-model.ts";
import { decoded } from "./tf-serving.ts";

const INPUT = "x";

/** Outputs by name: what each holds, for `count` samples of so many classes. */
const OUTPUTS = {
  probabilities: { datatype: "FP32", perClass: true },
  logits: { datatype: "FP32", perClass: true },
  refused: { datatype: "BOOL", perClass: false },
} as const;
const OUTPUT_NAMES = Object.keys(OUTPUTS) as OutputName[];
const JSON_LENGTH = "Inference-Header-Content-Length";
const PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/;

type OutputName = keyof typeof OUTPUTS;
type Fields = Readonly<Record<string, unknown>>;

/** An output that was asked for. */
interface Wanted {
  readonly name: OutputName;
  readonly isBinary: boolean;
}

export function addOpenInference(app: App, service: Service): void {
  app.get("/v2", (c) => c.json({ name: "ductus", version: VERSION, extensions: ["binary_tensor_data"] }));
  app.get("/v2/health/live", (c) => c.json({ live: true }));
  app.get("/v2/health/ready", (c) => {
    const ready = isReady(service);
    return c.json({ ready }, ready ? 200 : 503);
  });
  app.all("/v2/models/*", async (c) => {
    const found = PATH.exec(c.req.path);
    if (found === null) throw new RequestError(404, "there is nothing at this address");
    const [, name, version, verb] = found;
    const method = verb === "infer" ? "POST" : "GET";
    if (c.req.method !== method) throw new RequestError(405, `use ${method} here`);
    const served = service.repository.find(decoded(name), version);
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      if (verb === "infer") return answer(service, served, c.req);
      if (verb === "ready")
        return c.json({ name: served.name, ready: service.isReady() }, service.isReady() ? 200 : 503);
      return c.json(metadata(service, served));
    });
  });
}

function metadata(service: Service, { name, version, model }: ServedModel): object {
  return {
    name,
    versions: [version],
    platform: "ductus",
    inputs: [
      {
        name: INPUT,
        datatype: nativeDatatype(model),
        shape: [-1, ...model.inputShape],
        parameters: { datatypes: DATATYPE_NAMES, ...takes(model) },
      },
    ],
    outputs: [...new Set<OutputName>(["probabilities", "logits", ...usualOutputs(service.minProbability)])].map(
      (output) => {
        const { datatype, perClass } = OUTPUTS[output];
        return { name: output, datatype, shape: perClass ? [-1, model.classes.length] : [-1] };
      },
    ),
    parameters: { classes: model.classes, temperature: model.temperature ?? 1 },
  };
}

/** What is given where nothing is asked for. */
function usualOutputs(minimum: number | undefined): readonly OutputName[] {
  return minimum === undefined ? ["probabilities"] : ["probabilities", "refused"];
}

async function answer(service: Service, served: ServedModel, request: HonoRequest): Promise<Response> {
  checkJsonType(request.raw);
  const body = await readBody(request.raw, service.limits);
  const { fields, tail } = divide(body, request.header(JSON_LENGTH));
  const { samples, count } = readInput(served, fields, tail);
  const minimum = minimumOf(service, parametersOf(fields)[MINIMUM], request.query(MINIMUM));
  const wanted = readWanted(fields, usualOutputs(minimum));
  const id = ofType(fields, "id", "string");
  const outputs = await infer(service, served, samples, count);
  const refused = refusals(service, served, outputs, minimum) ?? Array<boolean>(count).fill(false);
  const { classes } = served.model;
  const binary: Uint8Array<ArrayBuffer>[] = [];
  const described = wanted.map(({ name, isBinary }) => {
    const { datatype, perClass } = OUTPUTS[name];
    const head = { name, datatype, shape: perClass ? [count, classes.length] : [count] };
    if (!isBinary) return { ...head, data: name === "refused" ? refused : Array.from(outputs[name]) };
    const data = name === "refused" ? Uint8Array.from(refused, Number) : outputs[name];
    binary.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    return { ...head, parameters: { binary_data_size: data.byteLength } };
  });
  const text = JSON.stringify({
    model_name: served.name,
    model_version: served.version,
    ...(id !== undefined && { id }),
    outputs: described,
  });
  if (binary.length === 0) return new Response(text, { headers: { "Content-Type": "application/json" } });
  const head = new TextEncoder().encode(text);
  return new Response(concatenated([head, ...binary]), {
    headers: { "Content-Type": "application/octet-stream", [JSON_LENGTH]: String(head.length) },
  });
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
  served: ServedModel,
  { inputs }: Fields,
  tail: Uint8Array<ArrayBuffer>,
): { readonly samples: Samples; readonly count: number } {
  if (!Array.isArray(inputs) || inputs.length !== 1)
    throw new RequestError(400, '"inputs" must be a list of one: the model has one input');
  const input = asObject(inputs[0], "an input");
  ofType(input, "name", "string");
  const datatype = datatypeNamed(input["datatype"]);
  const count = countOf(served, input["shape"]);
  const { binary_data_size: size } = parametersOf(input);
  if (size === undefined && tail.length > 0) throw new RequestError(400, "there are bytes that belong to no tensor");
  const samples =
    size === undefined
      ? fromList(served, datatype, input["data"], count)
      : fromBytes(served, datatype, tail, size, count);
  return { count, samples };
}

function countOf(served: ServedModel, shape: unknown): number {
  const { inputShape } = served.model;
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
function fromList(served: ServedModel, datatype: DatatypeName, data: unknown, count: number): Samples {
  if (!Array.isArray(data)) throw new RequestError(400, '"data" must be a list of numbers');
  const numbers = Array.isArray(data[0]) ? data.flat(8) : data;
  if (numbers.length !== count * served.sampleSize) {
    throw new RequestError(400, `"data" holds ${numbers.length} numbers; its shape has ${count * served.sampleSize}`);
  }
  const samples = served.allocate(count);
  writeList(numbers, datatype, samples);
  return samples;
}

function fromBytes(
  served: ServedModel,
  datatype: DatatypeName,
  tail: Uint8Array<ArrayBuffer>,
  size: unknown,
  count: number,
): Samples {
  const needed = count * served.sampleSize * bytesOf(datatype);
  if (size !== tail.length || size !== needed) {
    throw new RequestError(
      400,
      `${tail.length} bytes of tensor data and "binary_data_size" ${shown(size)}; its shape has ${needed}`,
    );
  }
  const samples = served.allocate(count);
  writeBytes(tail, datatype, samples);
  return samples;
}

/** @param usual what is given where nothing is asked for */
function readWanted(fields: Fields, usual: readonly OutputName[]): readonly Wanted[] {
  const all = ofType(parametersOf(fields), "binary_data_output", "boolean") ?? false;
  const { outputs = [] } = fields;
  if (!Array.isArray(outputs) || outputs.length > OUTPUT_NAMES.length) {
    throw new RequestError(400, `"outputs" must be a list of: ${OUTPUT_NAMES.join(", ")}`);
  }
  // Some clients always send the list, empty where nothing was asked for.
  if (outputs.length === 0) return usual.map((name) => ({ name, isBinary: all }));
  return outputs.map((value) => {
    const output = asObject(value, "an output");
    const known = OUTPUT_NAMES.find((candidate) => candidate === output["name"]);
    if (known === undefined) throw new RequestError(400, `outputs are: ${OUTPUT_NAMES.join(", ")}`);
    return { name: known, isBinary: ofType(parametersOf(output), "binary_data", "boolean") ?? all };
  });
}
