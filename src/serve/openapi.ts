/** What the server takes and gives, as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), at `/openapi.json`. */
import { PICTURE_FORMATS } from "../formats/picture-formats.ts";
import { VERSION } from "../platform/version.ts";
import { DATATYPE_NAMES } from "./datatypes.ts";
import type { Repository } from "./repository.ts";

type Schema = Readonly<Record<string, unknown>>;

const NUMBERS: Schema = { type: "array", items: { type: "number" } };
const INTEGERS: Schema = { type: "array", items: { type: "integer" } };
const STRINGS: Schema = { type: "array", items: { type: "string" } };
const PICTURE_TYPES = PICTURE_FORMATS.map(({ mediaType }) => mediaType);

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
const REFUSED: Schema = {
  type: "array",
  items: { type: "boolean" },
  description: "of each sample, whether it is less likely than the minimum; only where one is set",
};
/** Whose answer it is. */
const SERVED = { model: { type: "string" }, version: { type: "string" } } as const;
/** What a picture shows. */
const READING = {
  label: { type: ["string", "null"], description: "the likeliest class; null where the answer is refused" },
  probability: { type: "number", description: "of the likeliest class, refused or not" },
  characters: { type: "integer", description: "how many the picture shows; the model reads one at a time" },
  refused: { type: "boolean", description: "whether it is less likely than the minimum; only where one is set" },
  ranking: { type: "array", items: object({ label: { type: "string" }, probability: { type: "number" } }) },
} as const satisfies Readonly<Record<string, Schema>>;

const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ error: { type: "string", description: "one line that says what was expected" } }, ["error"]),
  Reading: object({ ...SERVED, ...READING }, ["model", "version", "label", "probability", "characters", "ranking"]),
  Readings: object(
    {
      ...SERVED,
      results: {
        type: "array",
        description: "one for each file, in their order",
        items: {
          oneOf: [
            object({ file: { type: "string" }, ...READING }, ["file", "label", "probability", "characters", "ranking"]),
            object({ file: { type: "string" }, status: { type: "integer" }, error: { type: "string" } }, [
              "file",
              "status",
              "error",
            ]),
          ],
        },
      },
    },
    ["model", "version", "results"],
  ),
  Catalog: object(
    {
      models: {
        type: "array",
        items: object(
          {
            name: { type: "string" },
            version: { type: "string" },
            classes: STRINGS,
            input: object({ shape: INTEGERS, whole: { type: "boolean" }, range: NUMBERS }, ["shape", "whole", "range"]),
            architecture: { type: "string" },
            dataset: { type: "string", description: "what it was trained on" },
            measured: object(
              { accuracy: { type: "number" }, part: { enum: ["test", "validation"] }, samples: { type: "integer" } },
              ["accuracy", "part"],
            ),
          },
          ["name", "version", "classes", "input"],
        ),
      },
      min_probability: MINIMUM_FIELD,
    },
    ["models"],
  ),
  PredictRequest: object({
    min_probability: optional(MINIMUM_FIELD),
    signature_name: optional({ enum: ["serving_default", ""] }),
    instances: { type: "array", description: 'a sample each: nested numbers, or { "b64": "…" } of a picture' },
    inputs: { description: 'all samples as one column, or { "x": … }, where any name will do' },
  }),
  PredictResponse: object({
    predictions: { type: "array", items: NUMBERS, description: "probabilities of each sample, for instances" },
    outputs: { type: "array", items: NUMBERS, description: "the same, for inputs" },
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
      inputs: { type: "array", items: TENSOR, minItems: 1, maxItems: 1 },
      outputs: optional({
        type: "array",
        items: object(
          {
            name: { enum: ["probabilities", "logits", "refused"] },
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
    parameters: object({ classes: STRINGS, temperature: { type: "number" } }),
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
  503: "too many requests are waiting; Retry-After says when to come back",
  504: "no answer within the time limit",
};

interface Operation {
  readonly summary: string;
  readonly tag: "pictures" | "SageMaker" | "TensorFlow Serving" | "Open Inference Protocol" | "operation";
  readonly parameters?: readonly Schema[] | undefined;
  /** Media types and schemas of the body. */
  readonly body?: Schema | undefined;
  readonly answer: Schema;
}

/** @param isOpen whether no key is asked for */
function operation({ summary, tag, parameters, body, answer }: Operation, isOpen = false): Schema {
  const failures = Object.entries(ERRORS).map(([status, description]) => [
    status,
    { description, content: json(reference("Error")) },
  ]);
  return {
    summary,
    tags: [tag],
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

/** The document, with the models in service as the values of `model`. */
export function openApi(repository: Repository): object {
  const names = repository.models.map(({ name }) => name);
  const name: Schema = names.length > 0 ? { type: "string", enum: names } : { type: "string" };
  const model = [inPath("model", name)];
  const version = [...model, inPath("version")];
  const bytes: Schema = { type: "string", contentMediaType: "application/octet-stream" };
  const picture = Object.fromEntries(PICTURE_TYPES.map((type) => [type, { schema: bytes }]));
  const form = {
    "multipart/form-data": {
      schema: object(
        { picture: { type: "array", items: bytes }, top: { type: "integer" }, min_probability: MINIMUM_FIELD },
        ["picture"],
      ),
    },
  };
  const reading = json({ oneOf: [reference("Reading"), reference("Readings")] });
  const minimum = inQuery(
    "min_probability",
    MINIMUM_FIELD,
    "refuse what is less likely; default: what the server was given",
  );
  const tf = (summary: string, request: string, response: string) =>
    ({
      summary,
      tag: "TensorFlow Serving",
      body: json(reference(request)),
      answer: json(reference(response)),
    }) as const;
  const predict = tf("Probabilities of samples", "PredictRequest", "PredictResponse");
  const classify = tf("Classes of samples with probabilities", "ClassifyRequest", "ClassifyResponse");
  const infer = {
    summary: "Outputs for a batch of samples; binary tensors may follow the JSON",
    tag: "Open Inference Protocol",
    body: { ...json(reference("InferRequest")), "application/octet-stream": { schema: bytes } },
    answer: { ...json(reference("InferResponse")), "application/octet-stream": { schema: bytes } },
  } as const;
  const read = (summary: string, tag: Operation["tag"], answer: Schema = json({ type: "object" })) =>
    ({ summary, tag, answer }) as const;
  const about = read("Inputs, outputs and classes", "Open Inference Protocol", json(reference("ModelMetadata")));
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
      summary:
        "Recognisers of handwriting: pictures as they are, TensorFlow Serving's REST API, the Open Inference Protocol",
      license: { name: "MIT", identifier: "MIT" },
    },
    security: [{}, { bearer: [] }, { header: [] }],
    paths: {
      "/recognise": post(
        {
          summary: "What a picture shows: of any size, dark on light or light on dark",
          tag: "pictures",
          body: { ...picture, ...form },
          answer: reading,
        },
        [
          inQuery("model", name, "may be left out where there is one only"),
          minimum,
          inQuery("top", { type: "integer", minimum: 1 }, "length of the ranking; default: all classes"),
        ],
      ),
      "/models": get(read("What is in service", "operation", json(reference("Catalog")))),
      "/ping": get(read("Whether requests are welcome", "SageMaker"), undefined, true),
      "/invocations": post(
        {
          summary: "A picture or form as for /recognise, or JSON as for :predict",
          tag: "SageMaker",
          body: { ...json(reference("PredictRequest")), ...picture, ...form },
          answer: json({ oneOf: [reference("PredictResponse"), reference("Reading"), reference("Readings")] }),
        },
        [inQuery("model", name, "may be left out where there is one only"), minimum],
      ),
      "/v1/models/{model}": get(status, model),
      "/v1/models/{model}/versions/{version}": get(status, version),
      "/v1/models/{model}/metadata": get(signature, model),
      "/v1/models/{model}/versions/{version}/metadata": get(signature, version),
      "/v1/models/{model}:predict": post(predict, [...model, minimum]),
      "/v1/models/{model}/versions/{version}:predict": post(predict, [...version, minimum]),
      "/v1/models/{model}:classify": post(classify, [...model, minimum]),
      "/v1/models/{model}/versions/{version}:classify": post(classify, [...version, minimum]),
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
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        header: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  };
}
