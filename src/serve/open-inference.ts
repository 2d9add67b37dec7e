/**
 * The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), with Triton's extension for
 * binary tensors (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
 * One input, `x` or whatever a client calls it; outputs `probabilities`, what is given unless others are asked for, `logits` and
 * `refused`, which is given unasked where a least probability is set.
 */
import type { HonoRequest } from "hono";
import { VERSION } from "../platform/version.ts";
import { checkJsonType, concatenated } from "./body.ts";
import { type App, bodyOf, infer, isReady, type Service } from "./context.ts";
import { DATATYPE_NAMES, nativeDatatype } from "./datatypes.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { RequestError } from "./request-error.ts";
import { takes } from "./samples.ts";
import type { ServedModel } from "./served-model.ts";
import { JSON_LENGTH, OUTPUTS, type OutputName } from "./tensors.ts";
import { decoded } from "./tf-serving.ts";

const INPUT = "x";

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

async function answer(
  service: Service,
  served: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const task = { intake: served.intake, body, length: request.header(JSON_LENGTH) };
  const { samples, count, id, wanted: asked, ...read } = await service.reading.do("tensor", task, request.raw);
  const minimum = minimumOf(service, read.minimum, request.query(MINIMUM));
  const usual = usualOutputs(minimum).map((name) => ({ name, isBinary: read.isBinary }));
  // Some clients always send the list, empty where nothing was asked for.
  const wanted = asked.length === 0 ? usual : asked;
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
