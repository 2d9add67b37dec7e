/** Answers that are held back below a least probability, in every protocol: by the server's setting and by the request's. */
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHandler, UsageError } from "../../src/api/serve.ts";
import { digits, json, numbers, post, type Served, serve, stored } from "./fixtures.ts";

let strict: Served;
let open: Served;
let picture: Buffer<ArrayBuffer>;
/** Of the likeliest class, as the open server gives it. */
let probability: number;

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a missing one fails the test.
const ask = async ({ app }: Served, path: string, init?: RequestInit): Promise<any> => {
  const response = await app.request(path, init);
  return response.json();
};
const ROWS = [
  [9, -9, 9],
  [0.01, 0, 0],
];
/** Between the probabilities of the two rows. */
let between: number;

beforeAll(async () => {
  const versions = new Map([
    ["digits", [await stored("1", digits())]],
    ["numbers", [await stored("1", numbers())]],
  ]);
  strict = await serve(() => versions, { minProbability: 0.999999 });
  open = await serve(() => versions);
  const drawn = await sharp({ create: { width: 60, height: 80, channels: 3, background: "white" } })
    .composite([{ input: { create: { width: 9, height: 50, channels: 3, background: "black" } }, left: 25, top: 15 }])
    .png()
    .toBuffer();
  picture = Buffer.from(drawn);
  ({ probability } = await ask(open, "/recognise?model=digits", post(picture)));
  const { predictions } = await ask(open, "/v1/models/numbers:predict", json({ instances: ROWS }));
  const [sure, unsure] = predictions.map((row: number[]) => Math.max(...row));
  expect(sure - unsure).toBeGreaterThan(0.05);
  between = (sure + unsure) / 2;
});
afterAll(() => Promise.all([strict, open].map(({ repository }) => repository.close())));

it("says nothing about it where no minimum is set", async () => {
  expect(await ask(open, "/recognise?model=digits", post(picture))).not.toHaveProperty("refused");
  expect(await ask(open, "/v1/models/numbers:predict", json({ instances: ROWS }))).not.toHaveProperty("refused");
  const { outputs } = await ask(open, "/v2/models/numbers/infer", json(INFER({})));
  expect(outputs).toHaveLength(1);
});

const INFER = (fields: object) => ({
  inputs: [{ name: "x", datatype: "FP32", shape: [2, 3], data: ROWS }],
  ...fields,
});

it("marks pictures, and keeps the likeliest class in the ranking", async () => {
  const refused = await ask(strict, "/recognise?model=digits", post(picture));
  expect(refused).toMatchObject({ label: null, refused: true, probability });
  expect(refused.ranking[0].probability).toBe(probability);
  const form = new FormData();
  form.append("picture", new Blob([picture]), "a.png");
  form.append("min_probability", String(probability - 0.001));
  form.append("top", "2");
  const answered = await ask(strict, "/recognise?model=digits", { method: "POST", body: form });
  expect(answered).toMatchObject({ label: answered.ranking[0].label, refused: false });
  expect(answered.ranking).toHaveLength(2);
  const other = await ask(open, `/recognise?model=digits&min_probability=${probability + 0.001}`, post(picture));
  expect(other).toMatchObject({ label: null, refused: true });
  expect(await ask(strict, "/recognise?model=digits&min_probability=0", post(picture))).toMatchObject({
    refused: false,
  });
});

it("marks samples of TensorFlow Serving's protocol, the field before the query", async () => {
  const path = "/v1/models/numbers:predict";
  expect(await ask(strict, path, json({ instances: ROWS }))).toMatchObject({ refused: [true, true] });
  const { predictions, refused } = await ask(strict, path, json({ instances: ROWS, min_probability: between }));
  expect(refused).toEqual([false, true]);
  expect(predictions).toHaveLength(2);
  const query = `?min_probability=${between}`;
  expect(await ask(open, path + query, json({ inputs: ROWS, min_probability: null }))).toMatchObject({
    outputs: predictions,
    refused: [false, true],
  });
  expect(await ask(open, path + query, json({ instances: ROWS, min_probability: 1 }))).toMatchObject({
    refused: [true, true],
  });
  const classified = await ask(open, `/v1/models/numbers:classify${query}`, json({ examples: ROWS }));
  expect(classified.refused).toEqual([false, true]);
  expect(classified.result[1]).toHaveLength(2);
});

it("gives an output of booleans in the Open Inference Protocol, in JSON and in bytes", async () => {
  const path = "/v2/models/numbers/infer";
  const parameters = { min_probability: between };
  const expected = { name: "refused", datatype: "BOOL", shape: [2], data: [false, true] };
  const { outputs } = await ask(open, path, json(INFER({ parameters })));
  expect(outputs.map(({ name }: { name: string }) => name)).toEqual(["probabilities", "refused"]);
  expect(outputs[1]).toEqual(expected);
  const only = { outputs: [{ name: "refused" }] };
  expect((await ask(open, `${path}?min_probability=${between}`, json(INFER(only)))).outputs).toEqual([expected]);
  expect((await ask(open, path, json(INFER(only)))).outputs[0].data).toEqual([false, false]);
  expect((await ask(strict, path, json(INFER({ outputs: [{ name: "logits" }] })))).outputs).toHaveLength(1);
  const binary = await open.app.request(
    path,
    json(INFER({ parameters, outputs: [{ name: "refused", parameters: { binary_data: true } }] })),
  );
  const length = Number(binary.headers.get("Inference-Header-Content-Length"));
  expect([...new Uint8Array(await binary.arrayBuffer()).subarray(length)]).toEqual([0, 1]);
  const names = async (served: Served) =>
    (await ask(served, "/v2/models/numbers")).outputs.map(({ name }: { name: string }) => name);
  expect(await names(strict)).toEqual(["probabilities", "logits", "refused"]);
  expect(await names(open)).toEqual(["probabilities", "logits"]);
});

it("counts what it refuses", async () => {
  const read = async () => {
    const text = await (await strict.app.request("/metrics")).text();
    return Number(/^ductus_refused_total\{model="numbers",version="1"\} (\d+)$/m.exec(text)?.[1]);
  };
  const before = await read();
  await ask(strict, "/v1/models/numbers:predict", json({ instances: ROWS, min_probability: between }));
  expect((await read()) - before).toBe(1);
});

it.each([
  ["/recognise?model=digits&min_probability=2", () => post(picture)],
  ["/recognise?model=digits&min_probability=", () => post(picture)],
  ["/recognise?model=digits&min_probability=a", () => post(picture)],
  ["/v1/models/numbers:predict", () => json({ instances: ROWS, min_probability: -0.1 })],
  ["/v1/models/numbers:predict", () => json({ instances: ROWS, min_probability: [0.5] })],
  ["/v1/models/numbers:classify", () => json({ examples: ROWS, min_probability: true })],
  ["/v2/models/numbers/infer", () => json(INFER({ parameters: { min_probability: {} } }))],
])("%s: what is no probability is refused", async (path, init) => {
  const response = await open.app.request(path, init());
  expect(response.status).toBe(400);
  expect(((await response.json()) as { error: string }).error).toMatch(
    /^"min_probability" must be a number from 0 to 1/,
  );
});

it("a handler checks the minimum that it is given", async () => {
  await expect(createHandler({}, { minProbability: 1.5, log: () => {} })).rejects.toThrow(UsageError);
});
