/** Models of every task behind HTTP: texts into classes, texts that go on, strings in pictures; and what makes no sense for which. */
import { Validator } from "@seriousme/openapi-schema-validator";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnyModel } from "../../src/models/model.ts";
import { type Listening, listen } from "../../src/serve/node/serve.ts";
import type { TextInput } from "../../src/task/text-input.ts";
import { generate } from "../../src/use/generate.ts";
import { predict } from "../../src/use/predict.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { createReader } from "../helpers/reader.ts";
import { letters, QUESTIONS, questions, strings } from "../helpers/sequence-models.ts";
import { walk, walker } from "../helpers/walks.ts";
import { digits, json, post, type Served, serve } from "./fixtures.ts";

const models = {
  questions: questions(),
  letters: letters(),
  strings: strings(),
  digits: digits(),
  lines: createReader("0123456789", 3),
  walks: walker(),
};
let served: Served;
let server: Listening;
let picture: Buffer<ArrayBuffer>;

beforeAll(async () => {
  const stored = async (model: AnyModel) => {
    const bytes = await encodeModel(model);
    return [{ version: "1", stamp: "", read: async () => bytes }];
  };
  const versions = new Map<string, Awaited<ReturnType<typeof stored>>>();
  for (const [name, model] of Object.entries(models)) versions.set(name, await stored(model));
  served = await serve(() => versions, { maxBatch: 16, maxQueue: 64 });
  expect(served.events.filter(({ level }) => level !== "info")).toEqual([]);
  server = await listen(served.app.fetch, { host: "127.0.0.1", port: 0, timeout: 20_000 });
  const drawn = await sharp({ create: { width: 60, height: 80, channels: 3, background: "white" } })
    .composite([{ input: { create: { width: 9, height: 50, channels: 3, background: "black" } }, left: 25, top: 15 }])
    .png()
    .toBuffer();
  picture = Buffer.from(drawn);
}, 60_000);
afterAll(async () => {
  await server?.stop(100);
  await served?.repository.close();
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a missing one fails the test.
  readonly body: any;
}
async function ask(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  return { status: response.status, body: await response.json() };
}
const text = (value: string) => post(value, { "Content-Type": "text/plain" });
const close = (a: readonly number[], b: readonly number[]): void => {
  expect(a).toHaveLength(b.length);
  for (const [i, value] of a.entries()) expect(value).toBeCloseTo(b[i], 4);
};
/** In the order of the classes. */
const probabilitiesOf = (ranking: readonly { readonly index: number; readonly probability: number }[]): number[] =>
  [...ranking].sort((a, b) => a.index - b.index).map(({ probability }) => probability);

describe("a model of sequences of numbers", () => {
  it("answers lists of any length in JSON as `predict` does, each alone or several", async () => {
    const walks = [walk(3, 1), walk(12, 0), walk(5, 1), walk(3, 0)];
    const expected = [];
    for (const steps of walks) expected.push(await predict(models.walks, steps));
    const { body } = await ask("/models/walks/predict", json({ instances: walks }));
    expect(body.results.map(({ label }: { label: string }) => label)).toEqual(expected.map(({ name }) => name));
    const shares = (ranking: readonly { readonly probability: number }[]) =>
      ranking.map(({ probability }) => probability);
    for (const [i, { ranking }] of body.results.entries()) close(shares(ranking), shares(expected[i].ranking));
    const one = await ask("/models/walks/predict", json({ x: walks[1] }));
    close(shares(one.body.ranking), shares(expected[1].ranking));
    const scores = await ask("/v1/models/walks:predict", json({ instances: walks.slice(0, 2) }));
    expect(scores.status).toBe(200);
    const about = await ask("/models/walks");
    expect(about.body).toMatchObject({ input: { kind: "sequence", shape: ["time", 2], whole: false } });
  });

  it("refuses what is no sequence in one line", async () => {
    expect(await ask("/models/walks/predict", json({ instances: [[[1, 2], [3]]] }))).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^sample 0: .* numbers in a sample; the model reads numbers \[time, 2\]/) },
    });
    const long = await ask("/models/walks/predict", json({ x: Array.from({ length: 2 * 4097 }, () => 0) }));
    expect(long).toMatchObject({ status: 413, body: { error: expect.stringContaining("at most 4096") } });
    expect((await ask("/models/walks/predict", post(picture, { "Content-Type": "image/png" }))).status).toBe(400);
  });
});

describe("a classifier of texts", () => {
  it("answers a text as the body and in JSON as `predict` does", async () => {
    for (const question of QUESTIONS) {
      const expected = await predict(models.questions, question);
      const plain = await ask("/models/questions/predict", text(question));
      expect(plain).toMatchObject({
        status: 200,
        body: { format: 1, model: "questions", version: "1", label: expected.name },
      });
      expect(plain.body).not.toHaveProperty("characters");
      close(
        plain.body.ranking.map(({ probability }: { probability: number }) => probability),
        expected.ranking.map(({ probability }) => probability),
      );
      const json1 = await ask("/models/questions/predict?top=2", json({ text: question }));
      expect(json1.body).toEqual({ ...plain.body, ranking: plain.body.ranking.slice(0, 2) });
      const old = await ask("/recognise?model=questions", text(question));
      expect(old.body).toEqual(plain.body);
      expect((await ask("/invocations?model=questions", text(question))).body).toEqual(plain.body);
    }
  });

  it("gives texts of any length together what it gives each alone, in their order", async () => {
    const texts = [...QUESTIONS, "river", `${"this book ".repeat(30)}?`, "where", ...QUESTIONS];
    const single = await Promise.all(texts.map((one) => ask("/models/questions/predict", json({ text: one }))));
    const { body } = await ask("/models/questions/predict", json({ instances: texts, min_probability: 0.34 }));
    expect(body.results).toHaveLength(texts.length);
    for (const [i, { body: alone }] of single.entries()) {
      expect(body.results[i].ranking[0].label).toBe(alone.label);
      expect(body.results[i].probability).toBeCloseTo(alone.probability, 5);
      expect(body.results[i].refused).toBe(alone.probability < 0.34);
    }
    const form = new FormData();
    for (const one of texts.slice(0, 2)) form.append("text", new Blob([one]), "question.txt");
    form.append("text", new Blob([Uint8Array.of(0xff, 0xfe)]), "bad.txt");
    const { results } = (await ask("/models/questions/predict", { method: "POST", body: form })).body;
    expect(results).toMatchObject([
      { file: "question.txt", label: single[0].body.label },
      { file: "question.txt", label: single[1].body.label },
      { file: "bad.txt", status: 400, error: "the text is not in UTF-8" },
    ]);
  });

  it("speaks TensorFlow Serving's protocol: rows, columns, tokens, base64, classes", async () => {
    const truth: number[][] = [];
    for (const question of QUESTIONS) truth.push(probabilitiesOf((await predict(models.questions, question)).ranking));
    const tokens = QUESTIONS.map((question) => Array.from((models.questions.task.input as TextInput).encode(question)));
    const encoded = QUESTIONS.map((question) => ({ b64: Buffer.from(question).toString("base64") }));
    for (const question of [
      { instances: QUESTIONS },
      { instances: QUESTIONS.map((one) => ({ text: one })) },
      { instances: tokens.map((x) => ({ x })) },
      { instances: encoded },
      { inputs: QUESTIONS },
      { inputs: { text: QUESTIONS } },
    ]) {
      const { status, body } = await ask("/v1/models/questions:predict", json(question));
      expect(status).toBe(200);
      for (const [i, row] of (body.predictions ?? body.outputs).entries()) close(row, truth[i]);
    }
    const { body } = await ask("/v1/models/questions:classify", json({ examples: QUESTIONS }));
    expect(body.result[0].map(([name]: [string]) => name)).toEqual(["number", "person", "place"]);
    const { metadata } = (await ask("/v1/models/questions/metadata")).body;
    const { inputs, outputs } = metadata.signature_def.signature_def.serving_default;
    expect([inputs.x.dtype, inputs.length.dtype, outputs.probabilities.dtype]).toEqual([
      "DT_INT32",
      "DT_INT32",
      "DT_FLOAT",
    ]);
    expect(metadata).toMatchObject({ task: "classify", labels: ["number", "person", "place"] });
    expect(metadata.classes).toEqual(metadata.labels);
  });

  it("takes its ports by name in the Open Inference Protocol, as lists and as bytes", async () => {
    const about = (await ask("/v2/models/questions")).body;
    expect(about.inputs).toMatchObject([
      { name: "x", datatype: "INT32", shape: [-1, -1] },
      { name: "length", datatype: "INT32", shape: [-1] },
    ]);
    const longest = 9;
    const tokens = QUESTIONS.map((question) => Array.from((models.questions.task.input as TextInput).encode(question)));
    const x = tokens.flatMap((list) => [...list, ...Array(longest - list.length).fill(0)]);
    const length = tokens.map((list) => list.length);
    const heads = [
      { name: "length", datatype: "INT64", shape: [3] },
      { name: "x", datatype: "INT32", shape: [3, longest] },
    ];
    const lists = {
      inputs: [
        { ...heads[0], data: length },
        { ...heads[1], data: x },
      ],
    };
    const { status, body } = await ask("/v2/models/questions/infer", json(lists));
    expect(status).toBe(200);
    for (const [i, question] of QUESTIONS.entries()) {
      const truth = probabilitiesOf((await predict(models.questions, question)).ranking);
      close(body.outputs[0].data.slice(3 * i, 3 * i + 3), truth);
    }
    const sizes = [24, 4 * x.length];
    const head = JSON.stringify({
      inputs: heads.map((one, i) => ({ ...one, parameters: { binary_data_size: sizes[i] } })),
    });
    const bytes = new Blob([head, BigInt64Array.from(length, BigInt), Int32Array.from(x)]);
    const binary = await ask(
      "/v2/models/questions/infer",
      post(bytes, { "Inference-Header-Content-Length": `${head.length}` }),
    );
    expect(binary.body.outputs).toEqual(body.outputs);
  });

  it.each([
    ["/models/questions/predict", () => text(""), 400, /the body is empty; send a text/],
    ["/models/questions/predict", () => json({}), 400, /give \{ "text": … \}/],
    ["/models/questions/predict", () => json({ text: 5 }), 400, /is no text/],
    ["/models/questions/predict", () => json({ text: " " }), 400, /the text is empty/],
    ["/models/questions/predict", () => json({ instances: ["who", ""] }), 400, /^sample 1: the text is empty/],
    ["/models/questions/predict", () => json({ text: "who ".repeat(5000) }), 413, /5000 tokens; at most 4096/],
    ["/models/questions/predict", () => post(new Uint8Array([0xff])), 400, /UTF-8/],
    ["/v1/models/questions:predict", () => json({ instances: [[1, 99]] }), 400, /whole numbers from 0 to \d+; 99/],
    ["/v1/models/questions:predict", () => json({ instances: [[1.5]] }), 400, /whole numbers/],
    ["/v2/models/questions/infer", () => json(infer([[1, 99]])), 400, /whole numbers from 0 to \d+; 99/],
    ["/v2/models/questions/infer", () => json(infer([[1, 2]], [3])), 400, /"length" is 3 where "x" has 2/],
    ["/v2/models/questions/infer", () => json(infer([[1, 2]], [0])), 400, /whole numbers from 1/],
    ["/v2/models/questions/infer", () => json({ inputs: infer([[1]], [1]).inputs.slice(1) }), 400, /"x" is missing/],
    [
      "/v2/models/questions/infer",
      () => json({ inputs: [{ ...infer([[1]]).inputs[0], name: "y" }] }),
      400,
      /inputs are: x, length/,
    ],
    [
      "/v2/models/questions/infer",
      () => json({ inputs: [...infer([[1]]).inputs, ...infer([[1]]).inputs] }),
      400,
      /there twice/,
    ],
  ])("%s: refuses what does not fit in one line", async (path, init, status, message) => {
    const answer = await ask(path, init());
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(message)]);
    expect(answer.body.error).not.toContain("\n");
  });
});

const infer = (x: number[][], length?: number[]) => ({
  inputs: [
    { name: "x", datatype: "INT32", shape: [x.length, x[0].length], data: x },
    ...(length === undefined ? [] : [{ name: "length", datatype: "INT32", shape: [x.length], data: length }]),
  ],
});

describe("a model that goes on with texts", () => {
  it("says what comes next, and writes what `generate` writes", async () => {
    const expected = await predict(models.letters, "abc");
    const { body } = await ask("/models/letters/predict", json({ text: "abc", top: 3 }));
    expect(body).toMatchObject({ format: 1, label: expected[0].name });
    expect(body.ranking).toHaveLength(3);
    const loud = await Promise.all(
      [1, 2, 3].map((seed) => ask("/models/letters/generate", json({ text: "abc", length: 12, seed, top_k: 5 }))),
    );
    for (const [i, answer] of loud.entries()) {
      const written = await generate(models.letters, "abc", { length: 12, seed: i + 1, topK: 5 });
      expect(answer).toEqual({ status: 200, body: { format: 1, model: "letters", version: "1", text: written } });
    }
  });

  it("gives the network's outputs as long as the inputs that were sent", async () => {
    const x = [0, 1, 2, 3, 4].map((k) => [k, 7, 6, 5, 4]);
    const question = { ...infer(x), outputs: [{ name: "logits" }, { name: "probabilities" }] };
    const { body } = await ask("/v2/models/letters/infer", json(question));
    const [logits, probabilities] = body.outputs;
    expect([logits.shape, probabilities.shape]).toEqual([
      [5, 5, 8],
      [5, 8],
    ]);
    expect(logits.data).toHaveLength(200);
    // The next token after the last one, of the third text.
    const row = logits.data.slice(8 * (5 * 2 + 4), 8 * (5 * 2 + 5)).map(Math.exp);
    const sum = row.reduce((total: number, value: number) => total + value, 0);
    close(
      probabilities.data.slice(16, 24),
      row.map((value: number) => value / sum),
    );
  });

  it.each([
    [{}, 400, /text/],
    [{ text: "xyz" }, 400, /the character "x" is none/],
    [{ text: "" }, 400, /the text is empty/],
    [{ text: "a", length: 0 }, 400, /length/],
    [{ text: "a", temperature: -1 }, 400, /temperature/],
    [{ text: "a", context: 65 }, 400, /"context" is 65; this model looks at 64/],
    [{ text: "a", lenght: 5 }, 400, /lenght/],
  ])("refuses %j", async (question, status, message) => {
    const answer = await ask("/models/letters/generate", json(question));
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(message)]);
  });
});

describe("a model that reads lines of any width", () => {
  it("answers a picture as the body and in JSON as `predict` does, whatever is read beside it", async () => {
    const stroke = { create: { width: 7, height: 30, channels: 3, background: "black" } } as const;
    const wide = await sharp({ create: { width: 300, height: 40, channels: 3, background: "white" } })
      .composite([20, 90, 260].map((left) => ({ input: stroke, left, top: 5 })))
      .png()
      .toBuffer();
    const expected = await predict(models.lines, new Uint8Array(picture));
    const { status, body } = await ask("/models/lines/predict", post(picture));
    expect(status).toBe(200);
    expect(body.label).toBe(expected.text);
    expect(body.probability).toBeCloseTo(expected.probability, 4);
    const instances = [picture, wide, picture].map((bytes) => ({ b64: Buffer.from(bytes).toString("base64") }));
    const rows = await ask("/v1/models/lines:predict", json({ instances }));
    expect(rows.status).toBe(200);
    expect(rows.body.predictions).toHaveLength(3);
    expect(rows.body.predictions[2]).toEqual(rows.body.predictions[0]);
    const refused = await ask("/v1/models/lines:predict", json({ instances: [[1, 2]] }));
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toMatch(/sample 0 is no picture/);
  });

  it("takes no more columns for a line than were sent: what lies behind is another's", async () => {
    const [columns, height] = [40, 28];
    const inputs = (length: number): object => ({
      inputs: [
        { name: "x", datatype: "UINT8", shape: [1, columns, height, 1], data: new Array(columns * height).fill(0) },
        { name: "length", datatype: "INT32", shape: [1], data: [length] },
      ],
    });
    expect((await ask("/v2/models/lines/infer", json(inputs(columns)))).status).toBe(200);
    const { status, body } = await ask("/v2/models/lines/infer", json(inputs(columns + 1)));
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain('\\"length\\" is 41 where \\"x\\" has 40 columns of each line');
  });
});

describe("a model that reads strings", () => {
  it("answers the string of a picture, and its alternatives as a ranking", async () => {
    const expected = await predict(models.strings, new Uint8Array(picture));
    const { status, body } = await ask("/models/strings/predict", post(picture));
    expect([status, body.label]).toEqual([200, expected.text]);
    expect(body.probability).toBeCloseTo(expected.probability, 4);
    expect(body.ranking.slice(1).map(({ label }: { label: string }) => label)).toEqual(
      expected.alternatives.map(({ text }) => text),
    );
    const refused = await ask("/models/strings/predict?min_probability=1", post(picture));
    expect(refused.body).toMatchObject({ label: null, refused: true });
    const instance = { b64: picture.toString("base64") };
    const rows = await ask("/v1/models/strings:predict", json({ instances: [instance, instance] }));
    expect(rows.body.predictions).toHaveLength(2);
    expect(rows.body.predictions[1].text).toBe(expected.text);
    expect(rows.body.predictions[1].probability).toBeCloseTo(expected.probability, 4);
    const columns = await ask("/v1/models/strings:predict", json({ inputs: [instance] }));
    expect(columns.body.outputs.text).toEqual([expected.text]);
  });

  it("gives texts as BYTES in the Open Inference Protocol", async () => {
    const pixels = Array.from({ length: 784 }, (_, i) => (i * 7) % 256);
    const input = { name: "x", datatype: "UINT8", shape: [1, 28, 28, 1], data: pixels };
    const { body } = await ask("/v2/models/strings/infer", json({ inputs: [input] }));
    expect(body.outputs.map(({ name, datatype, shape }: Record<string, unknown>) => [name, datatype, shape])).toEqual([
      ["text", "BYTES", [1]],
      ["probability", "FP32", [1]],
    ]);
    const [string] = body.outputs[0].data;
    const outputs = [{ name: "text", parameters: { binary_data: true } }, { name: "logits" }, { name: "frames" }];
    const response = await fetch(`${server.url}/v2/models/strings/infer`, json({ inputs: [input], outputs }));
    const bytes = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get("Inference-Header-Content-Length"));
    const { outputs: described } = JSON.parse(bytes.subarray(0, length).toString());
    expect(described[1].shape).toEqual([1, 28, 4]);
    expect(described[2].data).toEqual([28]);
    expect(bytes.readUInt32LE(length)).toBe(Buffer.byteLength(string));
    expect(bytes.subarray(length + 4).toString()).toBe(string);
  });
});

describe("what makes no sense for a task", () => {
  it.each([
    ["/v1/models/letters:classify", () => json({ examples: ["abc"] }), /is no classifier.*generate.*use :predict/],
    ["/v1/models/strings:classify", () => json({ examples: [[1]] }), /is no classifier/],
    ["/models/digits/generate", () => json({ text: "1" }), /writes no texts.*classify.*\/models\/digits\/predict/],
    ["/models/digits/predict", () => json({ text: "seven" }), /"digits" takes \[28, 28, 1\]/],
    ["/models/questions/predict", () => post(picture), /UTF-8/],
  ])("%s is 400 and says what to do", async (path, init, message) => {
    const { status, body } = await ask(path, init());
    expect([status, body.error]).toEqual([400, expect.stringMatching(message)]);
  });
});

describe("what is said of the models", () => {
  it("tells task, labels and addresses, and the old name of labels for classifiers", async () => {
    const { body } = await ask("/models");
    expect(body.format).toBe(1);
    expect(body.models.map(({ task }: { task: string }) => task)).toEqual([
      "classify",
      "generate",
      "transcribe",
      "classify",
      "transcribe",
      "classify",
    ]);
    const one = (await ask("/models/letters")).body;
    expect(one).toMatchObject({
      format: 1,
      task: "generate",
      input: { kind: "text", shape: ["time"], whole: true, range: [0, 7] },
      routes: ["/models/letters/predict", "/models/letters/generate"],
    });
    expect(one).not.toHaveProperty("classes");
    expect((await ask("/models/digits")).body.classes).toEqual((await ask("/models/digits")).body.labels);
    expect((await ask("/models/nobody")).status).toBe(404);
  });

  it("is a valid OpenAPI document that has each route for the models for which it makes sense", async () => {
    const document = (await ask("/openapi.json")).body;
    expect((await new Validator().validate(document)).errors).toBeUndefined();
    const modelsOf = (path: string): string[] => document.paths[path].post.parameters[0].schema.enum;
    expect(modelsOf("/models/{model}/predict")).toEqual([
      "questions",
      "letters",
      "strings",
      "digits",
      "lines",
      "walks",
    ]);
    expect(modelsOf("/models/{model}/generate")).toEqual(["letters"]);
    expect(modelsOf("/v1/models/{model}:classify")).toEqual(["questions", "digits", "walks"]);
    const { content } = document.paths["/models/{model}/predict"].post.requestBody;
    expect(Object.keys(content)).toEqual(expect.arrayContaining(["text/plain", "image/png", "application/json"]));
    // Every field of an answer is described.
    for (const [name, schema] of [
      ["questions", "ClassifyAnswer"],
      ["letters", "GenerateAnswer"],
    ]) {
      const { body } = await ask(
        `/models/${name}/predict?min_probability=0`,
        json({ instances: [name === "letters" ? "a" : "who"] }),
      );
      const { properties } = document.components.schemas[schema];
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(body.results[0])));
    }
  });
});

it("a model that was loaded from its file is served as the one that it was made of", async () => {
  const { load } = await import("../../src/use/trained-model.ts");
  const again = await load(await encodeModel(TrainedModel.of(models.questions)));
  expect((await predict(again, QUESTIONS[0])).name).toBe((await predict(models.questions, QUESTIONS[0])).name);
});
