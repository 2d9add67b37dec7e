/**
 * The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), with Triton's extension for
 * binary tensors (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
 * Inputs are the ports of the model: `x`, or whatever a client calls it where there is no other, and of texts their `length`.
 * Outputs are what the task works out, such as `probabilities`, which is given unless others are asked for, what the network gives,
 * such as `logits`, and `refused`, which is given unasked where a least probability is set.
 */
import type { HonoRequest } from "hono";
import { type Dim, openAxes, type Sizes, shapeAt } from "../data/port.ts";
import type { TypedArray } from "../engine/dtype.ts";
import { sizeOf } from "../engine/shape.ts";
import { VERSION } from "../platform/version.ts";
import type { BatchOutputs } from "../task/task.ts";
import { oneGroup, resized } from "./batch.ts";
import { checkJsonType, concatenated } from "./body.ts";
import { labelsOf } from "./catalog.ts";
import { type App, bodyOf, infer, isReady, type Service } from "./context.ts";
import { DATATYPE_NAMES, NATIVE } from "./datatypes.ts";
import { INPUT_VIEWS } from "./inputs.ts";
import { takes } from "./intake.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";
import { JSON_LENGTH } from "./tensors.ts";
import { decoded } from "./tf-serving.ts";

const PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/;

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
      if (verb === "infer") {
        checkJsonType(c.req.raw);
        return answer(service, served, c.req, await bodyOf(service, c));
      }
      if (verb === "ready")
        return c.json({ name: served.name, ready: service.isReady() }, service.isReady() ? 200 : 503);
      return c.json(metadata(service, served));
    });
  });
}

function metadata(service: Service, served: ServedModel): object {
  const { name, version, model, task, intake } = served;
  const outputs = outputsOf(served);
  return {
    name,
    versions: [version],
    platform: "ductus",
    inputs: Object.entries(intake.ports).map(([port, { dtype, shape }]) => ({
      name: port,
      datatype: NATIVE[dtype],
      shape: [-1, ...shape.map(openDim)],
      parameters: { datatypes: DATATYPE_NAMES, ...takes(intake.ranges[port]) },
    })),
    outputs: [...new Set([...Object.keys(outputs), ...usualOutputs(served, service.minProbability)])].map((output) => {
      const { datatype, shape } = output === REFUSED ? { datatype: "BOOL", shape: [] } : outputs[output];
      return { name: output, datatype, shape: [-1, ...shape.map(openDim)] };
    }),
    parameters: { task: task.kind, ...labelsOf(task), temperature: model.temperature ?? 1 },
  };
}

/** The output that says which answers are held back. */
const REFUSED = "refused";

const openDim = (dim: Dim): number => (typeof dim === "string" ? -1 : dim);

type OutputSpecs = Readonly<Record<string, { readonly datatype: string; readonly shape: readonly Dim[] }>>;

/** Worked out once for each model: every request asks for it. */
const KNOWN = new WeakMap<ServedModel, OutputSpecs>();

/** What may be asked for: what is worked out from answers, then what the network gives. */
function outputsOf(served: ServedModel): OutputSpecs {
  const known = KNOWN.get(served) ?? specsOf(served);
  KNOWN.set(served, known);
  return known;
}

function specsOf({ task, http }: ServedModel): OutputSpecs {
  const own = Object.entries(task.outputs).map(([name, { dtype, shape }]) => [
    name,
    { datatype: NATIVE[dtype], shape },
  ]);
  const worked = Object.entries(http.outputs).map(([name, { datatype, shape }]) => [
    name,
    { datatype, shape: shape(task) },
  ]);
  return Object.fromEntries([...worked, ...own]);
}

/** What is given where nothing is asked for. */
function usualOutputs({ http }: ServedModel, minimum: number | undefined): readonly string[] {
  return minimum === undefined ? http.usual : [...http.usual, REFUSED];
}

/** An output of all samples. */
interface Output {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly string[] | readonly boolean[];
}

async function answer(
  service: Service,
  served: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const { intake } = served;
  const outputs = outputsOf(served);
  const names = [...Object.keys(outputs), REFUSED];
  const input = { intake, body, length: request.header(JSON_LENGTH), outputs: names };
  const { id, wanted: asked, ...read } = await service.reading.do("tensor", input, request.raw);
  const { count, sizes } = read;
  const minimum = minimumOf(service, read.minimum, request.query(MINIMUM));
  const usual = usualOutputs(served, minimum).map((name) => ({ name, isBinary: read.isBinary }));
  // Some clients always send the list, empty where nothing was asked for.
  const wanted = asked.length === 0 ? usual : asked;
  const samples = INPUT_VIEWS[intake.kind].complete(intake, { count, sizes, arrays: read.arrays });
  const { answers, verdicts, batches } = await infer(service, served, [oneGroup(samples)]);
  const refused = refusals(service, served, verdicts, minimum) ?? Array<boolean>(count).fill(false);
  const made = (name: string): Output =>
    name === REFUSED
      ? { datatype: "BOOL", shape: [count], data: refused }
      : Object.hasOwn(served.http.outputs, name)
        ? workedOut(served, name, answers)
        : ofNetwork(served, name, batches[0], sizes);
  const binary: Uint8Array<ArrayBuffer>[] = [];
  const described = wanted.map(({ name, isBinary }) => {
    const { datatype, shape, data } = made(name);
    const head = { name, datatype, shape };
    if (!isBinary) return { ...head, data: ArrayBuffer.isView(data) ? Array.from(data) : data };
    const bytes = bytesOfOutput(data);
    binary.push(bytes);
    return { ...head, parameters: { binary_data_size: bytes.length } };
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

/** An output that answers tell. */
function workedOut({ task, http }: ServedModel, name: string, answers: readonly unknown[]): Output {
  const { datatype, shape, of } = http.outputs[name];
  const values = answers.map(of);
  const isText = datatype === "BYTES";
  return {
    datatype,
    shape: [answers.length, ...(shape(task) as readonly number[])],
    data: isText ? (values as string[]) : Float32Array.from(values.flat() as number[]),
  };
}

/** An output of the network, as long as the inputs that were sent: without what they were filled up with. */
function ofNetwork({ task }: ServedModel, name: string, { outputs, sizes, count }: BatchOutputs, asked: Sizes): Output {
  const port = task.outputs[name];
  const array = outputs[name];
  const open = openAxes({ port }).find((axis) => sizes[axis] === undefined);
  // The length of an axis that no input has follows from how many numbers there are.
  const own =
    open === undefined ? {} : { [open]: array.length / count / sizeOf(shapeAt(port, { ...sizes, [open]: 1 })) };
  const data = resized(array, count, port, { ...sizes, ...own }, { ...own, ...asked });
  return { datatype: NATIVE[port.dtype], shape: [count, ...shapeAt(port, { ...own, ...asked })], data };
}

/** Texts have their length in four bytes before them; truth values a byte each. */
function bytesOfOutput(data: Output["data"]): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const parts = data.map((value) => {
    if (typeof value === "boolean") return Uint8Array.of(Number(value));
    const text = new TextEncoder().encode(value);
    const bytes = new Uint8Array(4 + text.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 4);
    return bytes;
  });
  return concatenated(parts);
}
