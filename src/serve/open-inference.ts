/**
 * The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), with Triton's extension for
 * binary tensors (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
 * One input `x`; outputs `probabilities` (what is given unless others are asked for) and `logits`.
 */
import { formatShape } from "../engine/shape.ts";
import { VERSION } from "../version.ts";
import type { Samples } from "./batcher.ts";
import { asObject, concatenated, parseObject, readBody } from "./body.ts";
import { type App, infer, type Service } from "./context.ts";
import { RequestError } from "./request-error.ts";
import { accepts, checkNumber } from "./samples.ts";
import type { Outputs, ServedModel } from "./served-model.ts";
import { decoded } from "./tf-serving.ts";

const INPUT = "x";
const OUTPUTS = ["probabilities", "logits"] as const satisfies readonly (keyof Outputs)[];
const JSON_LENGTH = "Inference-Header-Content-Length";
const PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/;

type OutputName = (typeof OUTPUTS)[number];
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
    const ready = service.isReady() && service.repository.models.length > 0;
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
      if (verb === "infer") return answer(service, served, c.req.raw);
      if (verb === "ready")
        return c.json({ name: served.name, ready: service.isReady() }, service.isReady() ? 200 : 503);
      return c.json(metadata(served));
    });
  });
}

function metadata({ name, version, model }: ServedModel): object {
  return {
    name,
    versions: [version],
    platform: "ductus",
    inputs: [{ name: INPUT, datatype: datatypeOf(model), shape: [-1, ...model.inputShape] }],
    outputs: OUTPUTS.map((output) => ({ name: output, datatype: "FP32", shape: [-1, model.classes.length] })),
    parameters: { classes: model.classes },
  };
}

function datatypeOf({ inputType }: ServedModel["model"]): "UINT8" | "FP32" {
  return inputType === "uint8" ? "UINT8" : "FP32";
}

async function answer(service: Service, served: ServedModel, request: Request): Promise<Response> {
  const body = await readBody(request, service.limits);
  const { fields, tail } = divide(body, request.headers.get(JSON_LENGTH));
  const { samples, count } = readInput(served, fields, tail);
  const wanted = readWanted(fields);
  const outputs = await infer(service, served, samples, count);
  const binary: Uint8Array<ArrayBuffer>[] = [];
  const described = wanted.map(({ name, isBinary }) => {
    const data = outputs[name];
    const head = { name, datatype: "FP32", shape: [count, served.model.classes.length] };
    if (!isBinary) return { ...head, data: Array.from(data) };
    binary.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    return { ...head, parameters: { binary_data_size: data.byteLength } };
  });
  const { id } = fields;
  const text = JSON.stringify({
    model_name: served.name,
    model_version: served.version,
    ...(typeof id === "string" && { id }),
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
  length: string | null,
): { readonly fields: Fields; readonly tail: Uint8Array<ArrayBuffer> } {
  const end = length === null ? body.length : Number(length);
  if (!Number.isSafeInteger(end) || end < 0 || end > body.length) {
    throw new RequestError(400, `${JSON_LENGTH} is not a length within the body`);
  }
  return { fields: parseObject(body.subarray(0, end)), tail: body.subarray(end) };
}

function readInput(
  served: ServedModel,
  { inputs }: Fields,
  tail: Uint8Array<ArrayBuffer>,
): { readonly samples: Samples; readonly count: number } {
  if (!Array.isArray(inputs) || inputs.length !== 1)
    throw new RequestError(400, `"inputs" must be a list of one, "${INPUT}"`);
  const { name, datatype, shape, data, parameters } = asObject(inputs[0], "an input");
  const expected = datatypeOf(served.model);
  if (name !== INPUT) throw new RequestError(400, `the only input is "${INPUT}"`);
  if (datatype !== expected) throw new RequestError(400, `"${INPUT}" is ${expected}, not ${String(datatype)}`);
  const count = countOf(served, shape);
  const { binary_data_size: size } = parameters === undefined ? ({} as Fields) : asObject(parameters, '"parameters"');
  if (size === undefined && tail.length > 0) throw new RequestError(400, "there are bytes that belong to no tensor");
  return { count, samples: size === undefined ? fromList(served, data, count) : fromBytes(served, tail, size, count) };
}

function countOf(served: ServedModel, shape: unknown): number {
  const { inputShape } = served.model;
  const isShape = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && dim > 0);
  if (!isShape || !accepts(inputShape, shape.slice(1))) {
    const text = Array.isArray(shape) && shape.length < 9 ? JSON.stringify(shape) : "not a shape";
    throw new RequestError(
      400,
      `"${INPUT}" has shape [count, …${formatShape(inputShape)}]; this is ${text.slice(0, 80)}`,
    );
  }
  return shape[0];
}

/** Lists may be flat or nested. */
function fromList(served: ServedModel, data: unknown, count: number): Samples {
  if (!Array.isArray(data)) throw new RequestError(400, '"data" must be a list of numbers');
  const numbers = Array.isArray(data[0]) ? data.flat(8) : data;
  if (numbers.length !== count * served.sampleSize) {
    throw new RequestError(400, `"data" holds ${numbers.length} numbers; its shape has ${count * served.sampleSize}`);
  }
  const samples = served.allocate(count);
  for (let i = 0; i < numbers.length; i++) samples[i] = checkNumber(numbers[i], samples);
  return samples;
}

function fromBytes(served: ServedModel, tail: Uint8Array<ArrayBuffer>, size: unknown, count: number): Samples {
  const needed = count * served.sampleSize * (served.model.inputType === "uint8" ? 1 : 4);
  if (size !== tail.length || size !== needed) {
    throw new RequestError(
      400,
      `${tail.length} bytes of tensor data and "binary_data_size" ${String(size)}; its shape has ${needed}`,
    );
  }
  const samples = served.allocate(count);
  // Little-endian, as the protocol and every machine that runs WebAssembly have it.
  new Uint8Array(samples.buffer).set(tail);
  if (samples instanceof Float32Array) for (const value of samples) checkNumber(value, samples);
  return samples;
}

function readWanted({ outputs, parameters }: Fields): readonly Wanted[] {
  const all = parameters === undefined ? undefined : asObject(parameters, '"parameters"')["binary_data_output"];
  // Some clients always send the list, empty where nothing was asked for.
  const isOpen = outputs === undefined || (Array.isArray(outputs) && outputs.length === 0);
  if (isOpen) return [{ name: OUTPUTS[0], isBinary: all === true }];
  if (!Array.isArray(outputs) || outputs.length > OUTPUTS.length) {
    throw new RequestError(400, `"outputs" must be a list of: ${OUTPUTS.join(", ")}`);
  }
  return outputs.map((output) => {
    const { name, parameters: own } = asObject(output, "an output");
    const known = OUTPUTS.find((candidate) => candidate === name);
    if (known === undefined) throw new RequestError(400, `outputs are: ${OUTPUTS.join(", ")}`);
    const isBinary = own === undefined ? all : asObject(own, '"parameters"')["binary_data"];
    return { name: known, isBinary: (isBinary ?? all) === true };
  });
}
