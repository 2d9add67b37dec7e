/** What the server takes and gives, as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), at `/openapi.json`. */
import { VERSION } from "../platform/version.ts";
import { MIN_PROBABILITY } from "../read/answer-of.ts";
import { REASONS } from "../read/answers.ts";
import { FIELDS } from "../task/http.ts";
import { FORMAT } from "./answer-format.ts";
import { DATATYPE_NAMES } from "./datatypes.ts";
import { MAX_WRITTEN } from "./generate.ts";
import { INPUT_VIEWS } from "./inputs.ts";
import { MINIMUM } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import { readsPages, type ServedModel } from "./served-model.ts";

type Schema = Readonly<Record<string, unknown>>;

const NUMBERS: Schema = { type: "array", items: { type: "number" } };
const STRINGS: Schema = { type: "array", items: { type: "string" } };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

/** A field that may be left out, or null, which means the same. */
const optional = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Schema): Schema => ({ "application/json": { schema } });

const TENSOR = object(
  {
    name: { type: "string", examples: ["x"] },
    datatype: { enum: DATATYPE_NAMES, description: "any whose values the network takes" },
    shape: { type: "array", items: { type: "integer" }, examples: [[1, 28, 28, 1]] },
    data: { type: "array", items: {}, description: "flat or nested; left out where bytes follow the JSON" },
    parameters: optional(object({ binary_data_size: optional({ type: "integer" }) })),
  },
  ["datatype", "shape"],
);

/** 0 … 1; answers that are less likely are refused. */
const MINIMUM_FIELD: Schema = { type: "number", minimum: 0, maximum: 1 };
const PROBABILITY: Schema = { type: "number", minimum: 0, maximum: 1 };
const BOX: Schema = { ...NUMBERS, minItems: 4, maxItems: 4, description: "left, top, width, height in pixels" };
const REFUSED: Schema = {
  type: "array",
  items: { type: "boolean" },
  description: "of each sample, whether it is less likely than the minimum; only where one is set",
};
/** Whose answer it is, and in which version of these schemas. */
const SERVED = {
  format: { type: "integer", description: "the version of the answer's fields", const: FORMAT },
  model: { type: "string" },
  version: { type: "string", description: "of the model" },
} as const;
const OLD = { deprecated: true } as const;

/** Schemas that are the same whatever is in service. */
const SCHEMAS: Readonly<Record<string, Schema>> = {
  Page: object(
    {
      ...SERVED,
      width: { type: "integer", description: "of the picture, in pixels" },
      height: { type: "integer" },
      problem: {
        type: "string",
        description: "why nothing can be relied on, with what to do; absent where all is well",
      },
      numbers: {
        type: "array",
        items: reference("PageNumber"),
        description: "in reading order, or that of the fields",
      },
    },
    ["format", "model", "version", "width", "height", "numbers"],
  ),
  PageNumber: object(
    {
      name: { type: "string", description: "of the field" },
      kind: { type: "string", description: "line, box, comb or cell" },
      grid: { type: "integer", description: "of cells, with row and column, all from 0" },
      row: { type: "integer" },
      column: { type: "integer" },
      text: { type: "string", description: "the likeliest string; empty where nothing was read" },
      probability: PROBABILITY,
      refused: { enum: [...REASONS, null], description: "why a person should look at it" },
      box: BOX,
      corners: { type: "array", items: { ...NUMBERS, minItems: 2, maxItems: 2 }, minItems: 4, maxItems: 4 },
      characters: {
        type: "array",
        items: object({ text: { type: "string" }, probability: PROBABILITY, box: BOX }, ["text", "probability", "box"]),
      },
      alternatives: {
        type: "array",
        items: object({ text: { type: "string" }, probability: PROBABILITY }, ["text", "probability"]),
        description: "other strings that may stand there, the likeliest first",
      },
    },
    ["kind", "text", "probability", "refused", "box", "corners", "characters", "alternatives"],
  ),
  Error: object({ error: { type: "string", description: "one line that says what was expected" } }, ["error"]),
  Catalog: object(
    {
      format: SERVED.format,
      models: { type: "array", items: reference("CatalogEntry") },
      min_probability: MINIMUM_FIELD,
    },
    ["format", "models"],
  ),
  CatalogEntry: object(
    {
      format: SERVED.format,
      name: { type: "string" },
      version: { type: "string" },
      task: { type: "string", description: "what the model is for" },
      labels: { ...STRINGS, description: "what its outputs tell apart: classes, symbols, tokens" },
      classes: { ...STRINGS, ...OLD, description: "once the name of labels; of classifiers only" },
      input: object(
        {
          kind: { type: "string" },
          shape: { type: "array", items: { type: ["integer", "string"] }, description: "open axes by name" },
          whole: { type: "boolean" },
          range: NUMBERS,
        },
        ["kind", "shape", "whole", "range"],
      ),
      routes: { ...STRINGS, description: "addresses of its own" },
      architecture: { type: "string" },
      dataset: { type: "string", description: "what it was trained on" },
      measured: object(
        { accuracy: { type: "number" }, part: { enum: ["test", "validation"] }, samples: { type: "integer" } },
        ["accuracy", "part"],
      ),
    },
    ["name", "version", "task", "labels", "input", "routes"],
  ),
  AnswerRequest: object({
    text: { type: "string", description: "one text, of models that read texts" },
    x: { description: "one sample as nested numbers" },
    b64: { type: "string", description: "one picture file in base64" },
    instances: { type: "array", description: "several samples, each as for :predict; the answer has results" },
    top: optional({ type: "integer", minimum: 1 }),
    min_probability: optional(MINIMUM_FIELD),
  }),
  GenerateRequest: object(
    {
      text: { type: "string", description: "what is gone on with; at least one token" },
      length: optional({ type: "integer", minimum: 1, maximum: MAX_WRITTEN, default: 200 }),
      temperature: optional({ type: "number", minimum: 0, default: 1 }),
      top_k: optional({ type: "integer", minimum: 1, description: "draws among the likeliest only" }),
      top_p: optional({
        type: "number",
        exclusiveMinimum: 0,
        maximum: 1,
        default: 1,
        description: "draws among the likeliest only that have this probability together",
      }),
      stop: optional({ type: "string", description: "ends before this text" }),
      seed: optional({ type: "integer", minimum: 0, default: 0 }),
      context: optional({ type: "integer", minimum: 1, description: "most of the last tokens that are looked at" }),
    },
    ["text"],
  ),
  Generated: object({ ...SERVED, text: { type: "string", description: "what was written, without the prompt" } }, [
    "format",
    "model",
    "version",
    "text",
  ]),
  PredictRequest: object({
    min_probability: optional(MINIMUM_FIELD),
    signature_name: optional({ enum: ["serving_default", ""] }),
    instances: {
      type: "array",
      description: 'a sample each: nested numbers, { "b64": "…" } of a picture, or a text; numbers of tokens in a list',
    },
    inputs: { description: 'all samples as one column, or { "x": … }, where any name will do' },
  }),
  PredictResponse: object({
    predictions: {
      type: "array",
      items: {},
      description: "of each sample, for instances: probabilities, or an object of all outputs where there are several",
    },
    outputs: { description: "the same as a column, for inputs" },
    refused: REFUSED,
  }),
  ClassifyRequest: object({ examples: { type: "array" }, min_probability: optional(MINIMUM_FIELD) }, ["examples"]),
  ClassifyResponse: object({
    result: {
      type: "array",
      description: "[class, probability] pairs of each sample",
      items: { type: "array", items: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] } },
    },
    refused: REFUSED,
  }),
  InferRequest: object(
    {
      id: optional({ type: "string" }),
      parameters: optional(
        object({ binary_data_output: optional({ type: "boolean" }), min_probability: optional(MINIMUM_FIELD) }),
      ),
      inputs: { type: "array", items: TENSOR, minItems: 1, description: "by the names of the model's inputs" },
      outputs: optional({
        type: "array",
        items: object(
          {
            name: {
              type: "string",
              description: "refused, or one that the model's metadata name",
              examples: ["logits"],
            },
            parameters: optional(object({ binary_data: optional({ type: "boolean" }) })),
          },
          ["name"],
        ),
      }),
    },
    ["inputs"],
  ),
  InferResponse: object({
    model_name: { type: "string" },
    model_version: { type: "string" },
    id: { type: "string" },
    outputs: { type: "array", items: TENSOR },
  }),
  ModelMetadata: object({
    name: { type: "string" },
    versions: STRINGS,
    platform: { type: "string" },
    inputs: { type: "array", items: TENSOR },
    outputs: { type: "array", items: TENSOR },
    parameters: object({
      task: { type: "string" },
      labels: STRINGS,
      classes: { ...STRINGS, ...OLD },
      temperature: { type: "number" },
    }),
  }),
};

/** Statuses that any route may give. */
const ERRORS: Readonly<Record<string, string>> = {
  400: "the request is not as described",
  401: "the key is missing or wrong",
  403: "a page of an origin that is not allowed asks",
  404: "no such model or version is in service",
  408: "the body did not arrive in time",
  413: "the body, its pictures or its samples are more than allowed",
  415: "the body is packed in an unknown way, no picture, or not of the type that this address takes",
  421: "the host is no name of this server",
  422: "the form is not found in the photograph",
  503: "too many requests are waiting; Retry-After says when to come back",
  504: "no answer within the time limit",
};

interface Operation {
  readonly summary: string;
  readonly tag: "Ductus" | "SageMaker" | "TensorFlow Serving" | "Open Inference Protocol" | "operation";
  readonly parameters?: readonly Schema[] | undefined;
  /** Media types and schemas of the body. */
  readonly body?: Schema | undefined;
  readonly answer: Schema;
  readonly deprecated?: boolean | undefined;
}

/** @param isOpen whether no key is asked for */
function operation({ summary, tag, parameters, body, answer, deprecated }: Operation, isOpen = false): Schema {
  const failures = Object.entries(ERRORS).map(([status, description]) => [
    status,
    { description, content: json(reference("Error")) },
  ]);
  return {
    summary,
    tags: [tag],
    ...(deprecated === true && { deprecated }),
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: body } }),
    ...(isOpen && { security: [{}] }),
    responses: { 200: { description: "what was asked for", content: answer }, ...Object.fromEntries(failures) },
  };
}

const inPath = (name: string, schema: Schema = { type: "string" }): Schema => {
  return { name, in: "path", required: true, schema };
};
const inQuery = (name: string, schema: Schema, description: string): Schema => {
  return { name, in: "query", schema, description };
};

/** A schema for each kind of answer that is in service, alone and in a list. */
function answerSchemas(models: readonly ServedModel[]): Readonly<Record<string, Schema>> {
  const views = new Map(models.map(({ task, http }) => [task.kind, http]));
  const all = [...views].map(([kind, { fields }]): [string, Schema] => {
    const name = `${kind[0].toUpperCase()}${kind.slice(1)}Answer`;
    return [name, object({ ...SERVED, ...fields, refused: FIELDS.refused }, ["label", "probability", "ranking"])];
  });
  const failure = object({ file: { type: "string" }, status: { type: "integer" }, error: { type: "string" } }, [
    "file",
    "status",
    "error",
  ]);
  const items = { anyOf: [...all.map(([name]) => reference(name)), failure] };
  const list = { type: "array", description: "one for each sample, in their order; of files with their name", items };
  return {
    ...Object.fromEntries(all),
    Answers: object({ ...SERVED, results: list }, ["format", "model", "version", "results"]),
  };
}

/** The document, with the models in service as the values of `model`, and what their tasks take and give. */
export function openApi(repository: Repository): object {
  const { models } = repository;
  const named = (some: readonly ServedModel[]): Schema =>
    some.length > 0 ? { type: "string", enum: some.map(({ name }) => name) } : { type: "string" };
  const name = named(models);
  const model = [inPath("model", name)];
  const version = [...model, inPath("version")];
  const classifying = inPath("model", named(models.filter(({ http }) => http.scores !== undefined)));
  const writing = [inPath("model", named(models.filter(({ http }) => http.next !== undefined)))];
  const bytes: Schema = { type: "string", contentMediaType: "application/octet-stream" };
  const mediaTypes = new Set(models.flatMap(({ intake }) => INPUT_VIEWS[intake.kind].mediaTypes));
  const file = Object.fromEntries([...mediaTypes].map((type) => [type, { schema: bytes }]));
  const form = {
    "multipart/form-data": {
      schema: object(
        { picture: { type: "array", items: bytes }, top: { type: "integer" }, min_probability: MINIMUM_FIELD },
        ["picture"],
      ),
    },
  };
  const pages = {
    "multipart/form-data": {
      schema: object(
        {
          picture: bytes,
          form: {
            ...bytes,
            description: "the picture of a blank form, whose fields are read; default: the server's, or none",
          },
          fields: { type: "string", description: "JSON: the list of its fields, or all that a form.json holds" },
          min_probability: MINIMUM_FIELD,
        },
        ["picture"],
      ),
    },
  };
  const readers = models.filter(readsPages);
  const answers = answerSchemas(models);
  const reading = json({ anyOf: Object.keys(answers).map(reference) });
  const titles = [...new Set(models.map(({ http }) => http.title))].join("; ");
  const minimum = inQuery(MINIMUM, MINIMUM_FIELD, "refuse what is less likely; default: what the server was given");
  const top = inQuery("top", { type: "integer", minimum: 1 }, "length of the ranking; default: all");
  const tf = (summary: string, request: string, response: string) =>
    ({
      summary,
      tag: "TensorFlow Serving",
      body: json(reference(request)),
      answer: json(reference(response)),
    }) as const;
  const least = inQuery(
    MINIMUM,
    MINIMUM_FIELD,
    `refuse what is less likely as unsure; default: the server's, or ${MIN_PROBABILITY}`,
  );
  const page = {
    summary: "The numbers on a photographed page, or the fields of a form in it",
    tag: "Ductus",
    body: { ...file, ...pages },
    answer: json(reference("Page")),
  } as const;
  const predict = tf("What a model gives for samples", "PredictRequest", "PredictResponse");
  const classify = tf(
    "Classes of samples with probabilities, where the task has classes",
    "ClassifyRequest",
    "ClassifyResponse",
  );
  const infer = {
    summary: "Outputs for a batch of samples; binary tensors may follow the JSON",
    tag: "Open Inference Protocol",
    body: { ...json(reference("InferRequest")), "application/octet-stream": { schema: bytes } },
    answer: { ...json(reference("InferResponse")), "application/octet-stream": { schema: bytes } },
  } as const;
  const read = (summary: string, tag: Operation["tag"], answer: Schema = json({ type: "object" })) =>
    ({ summary, tag, answer }) as const;
  const about = read("Inputs, outputs and labels", "Open Inference Protocol", json(reference("ModelMetadata")));
  const ready = read("Whether it is ready", "Open Inference Protocol");
  const status = read("State of its versions", "TensorFlow Serving");
  const signature = read("Signature", "TensorFlow Serving");
  const get = (what: Operation, parameters?: readonly Schema[], isOpen?: boolean): Schema => {
    return { get: operation({ ...what, parameters }, isOpen) };
  };
  const post = (what: Operation, parameters?: readonly Schema[]): Schema => {
    return { post: operation({ ...what, parameters }) };
  };
  return {
    openapi: "3.1.1",
    info: {
      title: "Ductus",
      version: VERSION,
      summary: "Models: pictures and texts as they are, TensorFlow Serving's REST API, the Open Inference Protocol",
      license: { name: "MIT", identifier: "MIT" },
    },
    security: [{}, { bearer: [] }, { header: [] }],
    paths: {
      "/models": get(read("What is in service", "operation", json(reference("Catalog")))),
      "/models/{model}": get(read("What a model is", "operation", json(reference("CatalogEntry"))), model),
      "/models/{model}/predict": post(
        {
          summary: `What a model makes of pictures or texts: ${titles || "of what it reads"}`,
          tag: "Ductus",
          body: { ...json(reference("AnswerRequest")), ...file, ...form },
          answer: reading,
        },
        [...model, minimum, top],
      ),
      ...(readers.length > 0 && {
        "/read": post(page, [inQuery("model", named(readers), "may be left out where one reads pages"), least]),
        "/models/{model}/read": post(page, [inPath("model", named(readers)), least]),
      }),
      "/models/{model}/generate": post(
        {
          summary: "Goes on with a text",
          tag: "Ductus",
          body: json(reference("GenerateRequest")),
          answer: json(reference("Generated")),
        },
        writing,
      ),
      "/recognise": post(
        {
          summary: "The old address of /models/{model}/predict",
          tag: "Ductus",
          body: { ...json(reference("AnswerRequest")), ...file, ...form },
          answer: reading,
          deprecated: true,
        },
        [inQuery("model", name, "may be left out where there is one only"), minimum, top],
      ),
      "/ping": get(read("Whether requests are welcome", "SageMaker"), undefined, true),
      "/invocations": post(
        {
          summary: "A picture, text or form as for /models/{model}/predict, or JSON as for :predict",
          tag: "SageMaker",
          body: { ...json(reference("PredictRequest")), ...file, ...form },
          answer: json({ anyOf: ["PredictResponse", ...Object.keys(answers)].map(reference) }),
        },
        [inQuery("model", name, "may be left out where there is one only"), minimum],
      ),
      "/v1/models/{model}": get(status, model),
      "/v1/models/{model}/versions/{version}": get(status, version),
      "/v1/models/{model}/metadata": get(signature, model),
      "/v1/models/{model}/versions/{version}/metadata": get(signature, version),
      "/v1/models/{model}:predict": post(predict, [...model, minimum]),
      "/v1/models/{model}/versions/{version}:predict": post(predict, [...version, minimum]),
      "/v1/models/{model}:classify": post(classify, [classifying, minimum]),
      "/v1/models/{model}/versions/{version}:classify": post(classify, [classifying, inPath("version"), minimum]),
      "/v2": get(read("The server and its extensions", "Open Inference Protocol")),
      "/v2/health/live": get(read("Whether the process answers", "Open Inference Protocol"), undefined, true),
      "/v2/health/ready": get(read("Whether requests are welcome", "Open Inference Protocol"), undefined, true),
      "/v2/models/{model}": get(about, model),
      "/v2/models/{model}/versions/{version}": get(about, version),
      "/v2/models/{model}/ready": get(ready, model),
      "/v2/models/{model}/versions/{version}/ready": get(ready, version),
      "/v2/models/{model}/infer": post(infer, [...model, minimum]),
      "/v2/models/{model}/versions/{version}/infer": post(infer, [...version, minimum]),
      "/metrics": get(read("Numbers for Prometheus", "operation", { "text/plain": { schema: { type: "string" } } })),
    },
    components: {
      schemas: { ...SCHEMAS, ...answers },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        header: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  };
}
