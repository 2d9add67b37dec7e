/** The server as a function from request to response: every route beside the model itself, and every limit. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { platform } from "../../src/platform/platform.ts";
import { Metrics } from "../../src/serve/metrics.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { type Prediction, Predictor } from "../../src/use/predict.ts";
import { softmax } from "../helpers/softmax.ts";
import { digits, json, numbers, post, type Served, serve, stored } from "./fixtures.ts";

let served: Served;
let seven: Buffer<ArrayBuffer>;
let expected: Prediction;
const metrics = new Metrics();

const request = (path: string, init?: RequestInit) => served.app.request(path, init);
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a missing one fails the test.
const body = async (response: Response): Promise<any> => response.json();
/** What the engine says about numbers, run by itself. */
async function own(model: ReturnType<typeof numbers>, rows: readonly (readonly number[])[]): Promise<number[][]> {
  const backend = await platform().createBackend({ threads: 1 });
  const program = await backend.compile(inferenceGraph(model, 1));
  const outputs = rows.map((row) => {
    program.inputs.x.set(row);
    program.run();
    return Array.from(program.outputs.logits);
  });
  await backend.close();
  return outputs;
}
const close = (a: readonly number[], b: readonly number[]): void => {
  expect(a).toHaveLength(b.length);
  for (const [i, value] of a.entries()) expect(value).toBeCloseTo(b[i], 4);
};

beforeAll(async () => {
  const model = digits();
  const versions = new Map([
    ["digits", [await stored("7", model)]],
    ["numbers", [await stored("1", numbers())]],
  ]);
  const options = { maxBatch: 16, maxQueue: 64, limits: { maxBody: 201_000, maxPixels: 40_000, timeout: 5000 } };
  served = await serve(() => versions, { ...options, metrics, onBatch: (name, size) => metrics.batch(name, size) });
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="120"><rect width="90" height="120" fill="white"/>
    <path d="M15 20 H75 L40 105" stroke="black" stroke-width="9" fill="none"/></svg>`;
  seven = Buffer.from(await sharp(Buffer.from(drawing)).png().toBuffer());
  const predictor = await Predictor.open(model);
  expected = predictor.predict(await platform().decodePicture(seven));
  await predictor.close();
});
afterAll(() => served.repository.close());

describe("POST /recognise", () => {
  it("reads every format of pictures as `predict` does", async () => {
    const found = await body(await request("/recognise?model=digits", post(seven)));
    expect(found).toMatchObject({ model: "digits", version: "7", label: expected.name });
    close(
      found.ranking.map((entry: { probability: number }) => entry.probability),
      expected.ranking.map(({ probability }) => probability),
    );
    const others = [
      sharp(seven).webp({ lossless: true }),
      sharp(seven).jpeg(),
      sharp(seven).tiff({ compression: "lzw" }),
      sharp(seven).gif(),
      sharp(seven).avif({ lossless: true }),
    ];
    for (const file of await Promise.all(others.map((picture) => picture.toBuffer()))) {
      const other = await body(await request("/recognise?model=digits&top=3", post(new Uint8Array(file))));
      expect(other.label).toBe(expected.name);
      expect(other.ranking).toHaveLength(3);
    }
  });

  it("unpacks bodies, up to the limit", async () => {
    const packings = { gzip: gzipSync, "X-GZIP": gzipSync, deflate: deflateSync, identity: (file: Buffer) => file };
    for (const [encoding, pack] of Object.entries(packings)) {
      const headers = { "Content-Encoding": encoding };
      const response = await request("/recognise?model=digits", post(new Uint8Array(pack(seven)), headers));
      expect([encoding, await body(response)]).toMatchObject([encoding, { label: expected.name }]);
    }
    const text = JSON.stringify({ instances: [[1, 2, 3]] }).padEnd(201_000);
    const headers = { "Content-Encoding": "gzip" };
    expect((await request("/v1/models/numbers:predict", post(gzipSync(text), headers))).status).toBe(200);
    const other = await request("/v1/models/numbers:predict", post(text, { "Content-Encoding": "br" }));
    expect([other.status, other.headers.get("accept-encoding")]).toEqual([415, "gzip, deflate"]);
  });

  it("takes a form", async () => {
    const form = new FormData();
    form.append("note", "an upload");
    form.append("file", new Blob([seven]), "seven.png");
    const response = await request("/recognise?model=digits", { method: "POST", body: form });
    expect(await body(response)).toMatchObject({ label: expected.name });
  });

  it.each([
    ["no picture", 415, () => post("hello")],
    ["a drawing in SVG", 415, () => post('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ["a drawing in SVG that begins otherwise", 415, () => post('\ufeff<?xml version="1.0"?>\n<!-- -->\n<svg/>')],
    ["a packed drawing in SVG", 415, () => post(gzipSync("<svg/>"))],
    ["a document", 415, () => post("%PDF-1.7")],
    ["nothing", 400, () => post("")],
    ["a picture cut off", 400, () => post(seven.subarray(0, 200))],
    ["too many pixels", 413, async () => post(new Uint8Array(await blank(201, 200)))],
    ["a blank picture", 400, async () => post(new Uint8Array(await blank(20, 20)))],
    ["a form without a file", 400, () => ({ method: "POST", body: new FormData() })],
    ["a form that is none", 400, () => post("x", { "Content-Type": "multipart/form-data; boundary=b" })],
    ["a body that is not packed as it says", 400, () => post(seven, { "Content-Encoding": "gzip" })],
    ["a packed body cut off", 400, () => post(gzipSync(seven).subarray(0, 90), { "Content-Encoding": "gzip" })],
    ["an unknown encoding", 415, () => post(brotliCompressSync(seven), { "Content-Encoding": "br" })],
    ["two encodings", 415, () => post(gzipSync(gzipSync(seven)), { "Content-Encoding": "gzip, gzip" })],
    ["an encoding that every object has", 415, () => post(seven, { "Content-Encoding": "toString" })],
    ["a packed body that is large", 413, () => post(gzipSync(Buffer.alloc(201_001)), { "Content-Encoding": "gzip" })],
    ["a large body", 413, () => post(new Uint8Array(201_001))],
  ])("%s is refused with %i", async (_, status, init) => {
    const response = await request("/recognise?model=digits", await init());
    expect(response.status).toBe(status);
    expect((await body(response)).error).toMatch(/^[^\n]{10,}$/);
  });

  it("wants to know which model, and which one there is", async () => {
    expect((await request("/recognise", post(seven))).status).toBe(400);
    expect((await request("/recognise?model=letters", post(seven))).status).toBe(404);
    expect((await request("/recognise?model=digits&top=0", post(seven))).status).toBe(400);
    expect((await request("/recognise")).status).toBe(405);
  });
});

async function blank(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: "white" } })
    .png()
    .toBuffer();
}

describe("TensorFlow Serving's REST API", () => {
  const rows = [
    [0.5, -1, 2],
    [3, 0, -0.25],
  ];

  it("answers instances in rows and inputs in columns", async () => {
    const truth = (await own(numbers(), rows)).map((row) => softmax(row));
    const asked = [
      { instances: rows },
      { instances: rows.map((x) => ({ x })), signature_name: "serving_default" },
      { instances: rows.map((row) => [[row]]) },
      { inputs: rows },
      { inputs: { x: rows } },
      { inputs: { dense_input: rows } },
      { instances: rows.map((row) => ({ image: row, mask: null })) },
      { instances: rows, inputs: null, signature_name: null },
      { inputs: rows, instances: null },
    ];
    for (const question of asked) {
      const response = await request("/v1/models/numbers:predict", json(question));
      const { predictions, outputs } = await body(response);
      expect(response.status).toBe(200);
      expect(predictions === undefined).toBe((question.inputs ?? null) !== null);
      for (const [i, row] of (predictions ?? outputs).entries()) close(row, truth[i]);
    }
  });

  it("classifies with names", async () => {
    const response = await request("/v1/models/numbers/versions/1:classify", json({ examples: [{ x: rows[0] }] }));
    const [row] = (await body(response)).result;
    expect(row.map(([name]: [string]) => name)).toEqual(["no", "yes"]);
    close(
      row.map(([, score]: [string, number]) => score),
      softmax((await own(numbers(), rows))[0]),
    );
  });

  it("reads pictures in base64", async () => {
    const instance = { b64: seven.toString("base64") };
    const { predictions } = await body(await request("/v1/models/digits:predict", json({ instances: [instance] })));
    close(
      predictions[0],
      Array.from({ length: 10 }, (_, i) => expected.ranking.find((c) => c.index === i)!.probability),
    );
  });

  it("says what is in service", async () => {
    expect(await body(await request("/v1/models/digits"))).toEqual({
      model_version_status: [{ version: "7", state: "AVAILABLE", status: { error_code: "OK", error_message: "" } }],
    });
    const { model_spec, metadata } = await body(await request("/v1/models/digits/versions/7/metadata"));
    expect(model_spec).toEqual({ name: "digits", signature_name: "", version: "7" });
    const { inputs } = metadata.signature_def.signature_def.serving_default;
    expect(inputs.x.dtype).toBe("DT_UINT8");
    expect(inputs.x.tensor_shape.dim.map(({ size }: { size: string }) => size)).toEqual(["-1", "28", "28", "1"]);
  });

  it.each([
    ["/v1/models/letters", 404],
    ["/v1/models/digits/versions/8", 404],
    ["/v1/models/digits/versions/8:predict", 405],
    ["/v1/models/..%2f..%2fetc%2fpasswd", 404],
    ["/v1/models/%00", 404],
    ["/v1/models/%E0%A4%A", 404],
    ["/v1/models/__proto__", 404],
    ["/v1/models/digits/versions/7/../../x", 404],
    ["/v1/models/digits:explain", 404],
    ["/nothing", 404],
  ])("GET %s gives %i", async (path, status) => {
    const response = await request(path);
    expect(response.status).toBe(status);
    expect(Object.keys(await body(response))).toEqual(["error"]);
  });

  const pixels = Array(784).fill(0);
  it.each([
    ["digits", { instances: [pixels.slice(1)] }, /\[783\]; "digits" takes \[28, 28, 1\]/],
    ["digits", { instances: [[...pixels.slice(1), 256]] }, /whole numbers from 0 to 255; 256/],
    ["digits", { instances: [[...pixels.slice(1), 0.5]] }, /whole numbers/],
    ["numbers", { instances: [[1, 2, null]] }, /finite number, not null/],
    ["numbers", { instances: [[1, 2, "3"]] }, /finite number, not "3"/],
    ["numbers", { instances: [[1, 2, 1e39]] }, /float32/],
    ["numbers", { instances: [[[[1, 2, 3], [4]]]] }, /takes \[1, 1, 3\]/],
    ["numbers", { instances: [[[[1, 2, 3]], []]] }, /takes \[1, 1, 3\]/],
    ["numbers", { instances: [[[[1, 2, [3]]]]] }, /finite/],
    ["numbers", { instances: [] }, /at least one/],
    ["digits", { instances: [[...pixels.slice(1), 0.5]] }, /not divided by 255/],
    ["numbers", { instances: [{ y: [1, 2, 3], z: [1, 2, 3] }] }, /one input, "x"; this names 2/],
    ["numbers", { instances: [{}] }, /this names 0/],
    ["numbers", { instances: [null] }, /takes \[1, 1, 3\]/],
    ["numbers", { instances: [{ b64: 1 }] }, /"b64" must be a text/],
    ["numbers", { instances: [rows[0]], signature_name: {} }, /signature/],
    ["numbers", { instances: [rows[0]], inputs: [rows[0]] }, /either/],
    ["numbers", {}, /either/],
    ["numbers", { instances: [rows[0]], signature_name: "other" }, /signature/],
    ["numbers", [], /JSON object/],
    ["digits", { instances: [{ b64: "?" }] }, /base64/],
    ["numbers", { instances: [JSON.parse(`${"[".repeat(50)}1${"]".repeat(50)}`)] }, /nested/],
  ])("%s: a request that does not fit is refused: %j", async (name, question, message) => {
    const response = await request(`/v1/models/${name}:predict`, json(question));
    expect(response.status).toBe(400);
    expect((await body(response)).error).toMatch(message);
  });

  it("refuses more samples than may ever wait, before it makes room for them", async () => {
    expect((await request("/v1/models/numbers:predict", json({ instances: Array(65).fill(1) }))).status).toBe(413);
  });

  it("answers what is no JSON with 400", async () => {
    for (const text of ["", "{", "NaN", '{"instances": [[NaN]]}', "\u0000"]) {
      expect((await request("/v1/models/numbers:predict", post(text))).status).toBe(400);
    }
  });
});

describe("the Open Inference Protocol", () => {
  const rows = [1, 2, 3, -1, 0.5, 0];
  const input = { name: "x", datatype: "FP32", shape: [2, 1, 1, 3], data: rows };

  it("says what it is and whether it is well", async () => {
    expect(await body(await request("/v2"))).toMatchObject({ name: "ductus", extensions: ["binary_tensor_data"] });
    for (const path of ["/v2/health/live", "/v2/health/ready", "/v2/models/digits/ready"]) {
      expect((await request(path)).status).toBe(200);
    }
    expect(await body(await request("/v2/models/digits/versions/7"))).toMatchObject({
      name: "digits",
      versions: ["7"],
      inputs: [{ name: "x", datatype: "UINT8", shape: [-1, 28, 28, 1] }],
      outputs: [
        { name: "probabilities", datatype: "FP32", shape: [-1, 10] },
        { name: "logits", datatype: "FP32", shape: [-1, 10] },
      ],
    });
  });

  it("infers from lists", async () => {
    const question = { id: "a", inputs: [input], outputs: [{ name: "logits" }, { name: "probabilities" }] };
    const truth = await own(numbers(), [rows.slice(0, 3), rows.slice(3)]);
    const answer = await body(await request("/v2/models/numbers/infer", json(question)));
    expect(answer).toMatchObject({ id: "a", model_name: "numbers", model_version: "1" });
    const [logits, probabilities] = answer.outputs;
    expect(logits).toMatchObject({ name: "logits", datatype: "FP32", shape: [2, 2] });
    close(logits.data, truth.flat());
    close(
      probabilities.data,
      truth.flatMap((row) => softmax(row)),
    );
    const open = await body(await request("/v2/models/numbers/infer", json({ inputs: [input], outputs: [] })));
    expect(open.outputs).toMatchObject([{ name: "probabilities" }]);
  });

  it("infers from bytes, and answers in bytes", async () => {
    const { data: _, ...rest } = input;
    const head = new TextEncoder().encode(
      JSON.stringify({
        inputs: [{ ...rest, parameters: { binary_data_size: 24 } }],
        outputs: [{ name: "logits", parameters: { binary_data: true } }, { name: "probabilities" }],
      }),
    );
    const headers = { "Inference-Header-Content-Length": String(head.length) };
    const whole = new Blob([head, Float32Array.from(rows)]);
    const response = await request("/v2/models/numbers/infer", post(whole, headers));
    expect(response.status).toBe(200);
    const length = Number(response.headers.get("Inference-Header-Content-Length"));
    const bytes = await response.arrayBuffer();
    const { outputs } = JSON.parse(new TextDecoder().decode(bytes.slice(0, length)));
    expect(outputs[0]).toEqual({
      name: "logits",
      datatype: "FP32",
      shape: [2, 2],
      parameters: { binary_data_size: 16 },
    });
    const logits = new Float32Array(bytes.slice(length));
    close([...logits], (await own(numbers(), [rows.slice(0, 3), rows.slice(3)])).flat());
    expect(outputs[1].data).toHaveLength(4);
  });

  it.each([
    [{ ...input, name: 5 }, /"name" must be a string, not 5/],
    [{ ...input, datatype: "BYTES" }, /one of UINT8, .*; not "BYTES"/],
    [{ ...input, datatype: { toString: 1 } }, /not an object/],
    [{ ...input, datatype: "UINT8" }, /-1 is no value of UINT8/],
    [{ ...input, datatype: "INT64" }, /0.5 is no value of INT64/],
    [{ ...input, datatype: null }, /not nothing/],
    [{ ...input, parameters: [] }, /"parameters" must be a JSON object, not a list/],
    [{ ...input, shape: [3, 1, 1, 3] }, /holds 6 numbers; its shape has 9/],
    [{ ...input, shape: [2 ** 40, 1, 1, 3] }, /holds 6/],
    [{ ...input, shape: [0, 3] }, /shape/],
    [{ ...input, shape: [2, 4] }, /shape/],
    [{ ...input, shape: "large" }, /shape/],
    [{ ...input, data: undefined }, /list of numbers/],
    [{ ...input, data: [1, 2, 3, 4, 5, {}] }, /finite/],
    [{ ...input, parameters: { binary_data_size: 24 } }, /0 bytes of tensor data/],
  ])("refuses %j", async (changed, message) => {
    const response = await request("/v2/models/numbers/infer", json({ inputs: [changed] }));
    expect(response.status).toBe(400);
    expect((await body(response)).error).toMatch(message);
  });

  it("takes null for what is not given, at every level", async () => {
    const ask = async (question: object) => {
      const response = await request("/v2/models/numbers/infer", json({ inputs: [input], ...question }));
      expect(response.status).toBe(200);
      return response.text();
    };
    const plain = await ask({});
    const nothing = { binary_data: null, binary_data_size: null };
    for (const question of [
      { id: null },
      { parameters: null },
      { parameters: { binary_data_output: null } },
      { outputs: null },
      { outputs: [{ name: "probabilities", parameters: null }] },
      { outputs: [{ name: "probabilities", parameters: nothing }] },
      { inputs: [{ ...input, name: null, parameters: null }] },
      { inputs: [{ ...input, parameters: nothing }] },
    ]) {
      expect(await ask(question)).toBe(plain);
    }
  });

  it.each([
    [{ id: 5 }, /"id" must be a string, not 5/],
    [{ parameters: "x" }, /"parameters" must be a JSON object, not "x"/],
    [{ parameters: { binary_data_output: 1 } }, /"binary_data_output" must be a boolean/],
    [{ outputs: {} }, /"outputs" must be a list/],
    [{ outputs: [null] }, /an output must be a JSON object, not null/],
    [{ outputs: [{ name: "logits", parameters: 5 }] }, /"parameters"/],
    [{ outputs: [{ name: "logits", parameters: { binary_data: "yes" } }] }, /"binary_data" must be a boolean/],
    [{ inputs: null }, /list of one/],
    [{ inputs: [null] }, /an input must be a JSON object/],
  ])("refuses a malformed field: %j", async (fields, message) => {
    const response = await request("/v2/models/numbers/infer", json({ inputs: [input], ...fields }));
    expect(response.status).toBe(400);
    expect((await body(response)).error).toMatch(message);
  });

  it.each(["datatype", "shape", "data", "name", "parameters"])(
    "a %s nested deeper than recursion goes is refused",
    async (field) => {
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
      const text = JSON.stringify({ inputs: [{ ...input, [field]: [1, "DEEP", 1, 3, 2, 1] }] });
      const response = await request("/v2/models/numbers/infer", post(text.replaceAll('"DEEP"', deep)));
      expect(response.status).toBe(400);
    },
  );

  it("takes whole pixels in any datatype, as lists and as bytes, and says which", async () => {
    const pixels = Array.from({ length: 784 }, (_, i) => (i * 7) % 128);
    const ask = async (body: BodyInit, headers = {}) => {
      const response = await request("/v2/models/digits/infer", post(body, headers));
      return [response.status, await response.text()] as const;
    };
    const tensor = (datatype: string) => ({ name: "image", datatype, shape: [1, 28, 28, 1] });
    const [status, expectedText] = await ask(JSON.stringify({ inputs: [{ ...tensor("UINT8"), data: pixels }] }));
    expect(status).toBe(200);
    const { inputs } = await body(await request("/v2/models/digits"));
    expect(inputs[0].parameters).toMatchObject({ whole: true, range: [0, 255] });
    const arrays = {
      UINT8: Uint8Array.from(pixels),
      UINT16: Uint16Array.from(pixels),
      UINT32: Uint32Array.from(pixels),
      UINT64: BigUint64Array.from(pixels, BigInt),
      INT8: Int8Array.from(pixels),
      INT16: Int16Array.from(pixels),
      INT32: Int32Array.from(pixels),
      INT64: BigInt64Array.from(pixels, BigInt),
      FP32: Float32Array.from(pixels),
      FP64: Float64Array.from(pixels),
    };
    expect(inputs[0].parameters.datatypes).toEqual(Object.keys(arrays));
    for (const [datatype, array] of Object.entries(arrays)) {
      expect(await ask(JSON.stringify({ inputs: [{ ...tensor(datatype), data: pixels }] }))).toEqual([
        200,
        expectedText,
      ]);
      const parameters = { binary_data_size: array.byteLength };
      const head = JSON.stringify({ inputs: [{ ...tensor(datatype), parameters }] });
      const headers = { "Inference-Header-Content-Length": String(head.length) };
      expect(await ask(new Blob([head, array as BlobPart]), headers), datatype).toEqual([200, expectedText]);
    }
    const scaled = await ask(
      JSON.stringify({ inputs: [{ ...tensor("FP32"), data: pixels.map((value) => value / 255) }] }),
    );
    expect(scaled[0]).toBe(400);
    expect(scaled[1]).toMatch(/whole numbers from 0 to 255; 0.02\d* is none; send pixels as they are/);
  });

  it("refuses bytes that are no numbers, lengths beyond the body, and unknown outputs", async () => {
    const { data: _, ...rest } = { ...input, shape: [1, 3] };
    const head = JSON.stringify({ inputs: [{ ...rest, parameters: { binary_data_size: 12 } }] });
    const send = (length: string) =>
      request(
        "/v2/models/numbers/infer",
        post(new Blob([head, Float32Array.of(1, Number.NaN, 2)]), { "Inference-Header-Content-Length": length }),
      );
    expect((await body(await send(String(head.length)))).error).toMatch(/finite/);
    for (const length of ["9999", "-1", "a"]) expect((await send(length)).status).toBe(400);
    const unknown = json({ inputs: [input], outputs: [{ name: "embedding" }] });
    expect((await request("/v2/models/numbers/infer", unknown)).status).toBe(400);
  });
});

it("counts for Prometheus", async () => {
  const before = await (await request("/metrics")).text();
  expect(before).toMatch(/^ductus_model_info\{model="digits",version="7"\} 1$/m);
  const count = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const pattern = /^ductus_prediction_confidence_count\{model="numbers",version="1"\} (\d+)$/m;
  await request("/v1/models/numbers:predict", json({ instances: [[1, 2, 3]] }));
  const response = await request("/metrics");
  expect(response.headers.get("content-type")).toContain("version=0.0.4");
  const after = await response.text();
  expect(count(after, pattern)).toBe(count(before, pattern) + 1);
  expect(after).toMatch(/^ductus_predictions_total\{model="numbers",version="1",label="(yes|no)",class="\1"\} \d+$/m);
  expect(after).toMatch(/^ductus_batch_size_bucket\{model="numbers",le="\+Inf"\} \d+$/m);
  expect(after).toMatch(/^ductus_request_duration_seconds_bucket\{route="\/v1\/models\/:predict",le="0.5"\} \d+$/m);
  expect(after).toMatch(/^ductus_queue_samples\{model="digits"\} 0$/m);
});

it("says which sample is too large for the network's arithmetic, and does not count it", async () => {
  const model = numbers();
  for (const [, parameter] of model.network.namedParameters()) parameter.data.fill(10);
  const versions = new Map([["numbers", [await stored("1", model)]]]);
  const { app, repository } = await serve(() => versions);
  const ask = (instances: number[][]) => app.request("/v1/models/numbers:predict", json({ instances }));
  const refused = await ask([
    [1, 2, 3],
    [3e38, 3e38, 3e38],
  ]);
  expect(refused.status).toBe(400);
  expect((await body(refused)).error).toMatch(/^sample 1: its numbers are too large/);
  expect((await ask([[1, 2, 3]])).status).toBe(200);
  const huge = [3e38, 3e38, 3e38];
  const tensor = { name: "x", datatype: "FP32", shape: [1, 3] };
  const outputs = [{ name: "logits" }];
  const head = JSON.stringify({ inputs: [{ ...tensor, parameters: { binary_data_size: 12 } }], outputs });
  const binary = post(new Blob([head, Float32Array.from(huge)]), {
    "Inference-Header-Content-Length": `${head.length}`,
  });
  for (const [path, request] of [
    ["/v1/models/numbers:classify", json({ examples: [huge] })],
    ["/v1/models/numbers:predict", json({ inputs: [huge] })],
    ["/v2/models/numbers/infer", json({ inputs: [{ ...tensor, data: huge }], outputs })],
    ["/v2/models/numbers/infer", binary],
    ["/invocations", json({ instances: [huge] })],
  ] as const) {
    const answer = await app.request(path, request);
    expect([path, answer.status, (await body(answer)).error]).toEqual([
      path,
      400,
      expect.stringContaining("too large"),
    ]);
  }
  const printed = await (await app.request("/metrics")).text();
  expect(printed).toMatch(/^ductus_prediction_confidence_sum\{.*\} 0\.5$/m);
  expect(printed).not.toMatch(/NaN|Infinity/);
  await repository.close();
});

it("asks for its key, except about its health", async () => {
  const versions = new Map([["numbers", [await stored("1", numbers())]]]);
  const { app, repository } = await serve(() => versions, { apiKey: "secret" });
  const ask = async (headers: Record<string, string>) => (await app.request("/v1/models/numbers", { headers })).status;
  expect(await ask({})).toBe(401);
  expect(await ask({ Authorization: "Bearer secre" })).toBe(401);
  expect(await ask({ Authorization: "Bearer secret" })).toBe(200);
  expect(await ask({ "X-API-Key": "secret" })).toBe(200);
  expect((await app.request("/v2/health/live")).status).toBe(200);
  expect((await app.request("/metrics")).status).toBe(401);
  await repository.close();
});
