/** Pages behind HTTP, with a reader of bars that needs no training: `/read` over a real socket, forms, and all that may be wrong. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createHandler } from "../../src/api/serve.ts";
import { pageJson } from "../../src/read/answers.ts";
import { PageReader } from "../../src/read/page-reader.ts";
import { type Listening, listen } from "../../src/serve/node/serve.ts";
import { type Elsewhere, type Pool, poolOf, runTask } from "../../src/serve/reading.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { bars, box, page, pngOf, printedForm, tallyReader } from "../read/tally.ts";
import { digits, post, type Served, serve, stored } from "./fixtures.ts";

const NAMES = ["tally", "digits"];
let served: Served;
let server: Listening;
let tally: Uint8Array;
const form = printedForm();
const picture = page(420, 260, [
  ...box(20, 30, 160, 60),
  ...box(220, 30, 160, 60),
  ...bars(4, 250, 40),
  ...bars(3, 60, 160),
]);
/** Milliseconds: these pages are small, but the machine may be busy. */
const timeout = 55_000;

beforeAll(async () => {
  tally = await encodeModel(TrainedModel.of(tallyReader()));
  const versions = new Map([
    ["tally", [await stored("1", tally)]],
    ["digits", [await stored("1", digits())]],
  ]);
  served = await serve(() => versions, { limits: { maxPixels: 1_000_000, maxBody: 200_000, timeout }, maxQueue: 20 });
  server = await listen(served.app.fetch, { host: "127.0.0.1", port: 0, timeout });
}, 60_000);
afterAll(async () => {
  await server?.stop(100);
  await served?.repository.close();
});

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a missing one fails the test.
type Answer = { readonly status: number; readonly body: any };
async function ask(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  return { status: response.status, body: await response.json() };
}

/** A form of files and texts, as `curl -F` sends it. */
function parts(given: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>): RequestInit {
  const body = new FormData();
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "string") body.append(name, value);
    else body.append(name, new Blob([value]), `${name}.png`);
  }
  return { method: "POST", body };
}

const refusal = async (init: RequestInit, path = "/read"): Promise<readonly [status: number, error: string]> => {
  const { status, body } = await ask(path, init);
  expect(body.error).not.toContain("\n");
  return [status, body.error];
};

describe("a page", () => {
  it("is answered as `ductus read --json` prints it, under every address and in every kind of body", async () => {
    const reader = await PageReader.open(tallyReader());
    const expected = JSON.parse(JSON.stringify(pageJson(await reader.read(picture))));
    await reader.close();
    const file = await pngOf(picture);
    const { status, body } = await ask("/read", post(file, { "Content-Type": "image/png" }));
    expect(status).toBe(200);
    expect(body).toEqual({ format: 1, model: "tally", version: "1", ...expected });
    expect(body.numbers.map(({ text, refused }: { text: string; refused: string }) => [text, refused])).toEqual([
      ["", "nothing there"],
      ["1111", null],
      ["111", null],
    ]);
    expect((await ask("/models/tally/read", post(file))).body).toEqual(body);
    expect((await ask("/read?model=tally", parts({ picture: file }))).body).toEqual(body);
  });

  it("says what is wrong with it, and no more", async () => {
    const { status, body } = await ask("/read", post(await pngOf(page(300, 200, []))));
    expect(status).toBe(200);
    expect(body).toMatchObject({ width: 300, height: 200, numbers: [], problem: expect.any(String) });
    expect((await ask("/read", post(await pngOf(page(1, 1, []))))).body.numbers).toEqual([]);
  });

  it("is held to the least probability of the request, as the command or the other addresses call it", async () => {
    const file = await pngOf(page(300, 200, bars(3, 100, 80)));
    const reasons = async (path: string, init: RequestInit): Promise<string[]> =>
      (await ask(path, init)).body.numbers.map(({ refused }: { refused: string }) => refused);
    expect(await reasons("/read?min_probability=1", post(file))).toEqual(["unsure"]);
    expect(await reasons("/read?min-probability=1", post(file))).toEqual(["unsure"]);
    expect(await reasons("/read", parts({ picture: file, min_probability: "1" }))).toEqual(["unsure"]);
    expect(await reasons("/read?min_probability=0", post(file))).toEqual([null]);
    expect(await refusal(post(file), "/read?min-probability=2")).toEqual([400, expect.stringContaining("from 0 to 1")]);
  });

  it("is counted by why a person should look, and the models say where it goes", async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/ductus_page_numbers_total\{model="tally",version="1",refused="nothing there"\} [1-9]/);
    expect(metrics).toMatch(/ductus_requests_total\{route="\/read",method="POST",status="200"\}/);
    expect((await ask("/models/tally")).body.routes).toEqual(["/models/tally/predict", "/models/tally/read"]);
    expect((await ask("/models/digits")).body.routes).toEqual(["/models/digits/predict"]);
  });

  it("does not keep others waiting: several at a time are answered as one alone", async () => {
    const file = await pngOf(picture);
    const alone = (await ask("/read", post(file))).body;
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask("/read", post(file))));
    for (const { body } of answers) expect(body).toEqual(alone);
  });
});

it("is described, where a model reads pages", async () => {
  const { body } = await ask("/openapi.json");
  expect((await new Validator().validate(body)).errors).toBeUndefined();
  for (const path of ["/read", "/models/{model}/read"]) {
    const { parameters, requestBody } = body.paths[path].post;
    expect(parameters[0].schema.enum).toEqual(["tally"]);
    expect(Object.keys(requestBody.content)).toEqual(expect.arrayContaining(["image/jpeg", "multipart/form-data"]));
  }
  const answer = (await ask("/read", post(await pngOf(picture)))).body;
  const { Page, PageNumber } = body.components.schemas;
  expect(Object.keys(Page.properties)).toEqual(expect.arrayContaining(Object.keys(answer)));
  expect(Object.keys(PageNumber.properties)).toEqual(expect.arrayContaining(Object.keys(answer.numbers[0])));
});

describe("a form", () => {
  const fields = JSON.stringify(form.fields);

  it("that comes with the photograph is found in it, and its fields are read", async () => {
    const [blank, filled] = await Promise.all([pngOf(form.blank), pngOf(form.filled)]);
    const { status, body } = await ask("/read", parts({ picture: filled, form: blank, fields }));
    expect(status).toBe(200);
    expect(body.numbers).toMatchObject([
      { name: "first", text: "111", refused: null },
      { name: "second", text: "", refused: "nothing there" },
    ]);
    const whole = new Uint8Array(new TextEncoder().encode(JSON.stringify({ picture: "x.png", fields: form.fields })));
    expect((await ask("/read", parts({ picture: filled, form: blank, fields: whole }))).body).toEqual(body);
  });

  it("is refused where it is not as it should be", async () => {
    const [blank, filled, other] = await Promise.all([pngOf(form.blank), pngOf(form.filled), pngOf(picture)]);
    const sent = (changes: object): RequestInit => {
      const given = Object.entries({ picture: filled, form: blank, fields, ...changes });
      return parts(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
    };
    const withField = (field: object): string => JSON.stringify([{ ...form.fields[0], ...field }]);
    expect(await refusal(sent({ picture: other }))).toEqual([422, expect.stringMatching(/^the form is not found/)]);
    expect(await refusal(sent({ picture: undefined }))).toEqual([
      400,
      expect.stringContaining('send one, as "picture"'),
    ]);
    expect(await refusal(sent({ form: undefined }))).toEqual([
      400,
      '"fields" came without "form", the picture of the blank form',
    ]);
    expect(await refusal(sent({ fields: undefined }))).toEqual([400, expect.stringContaining('without "fields"')]);
    expect(await refusal(sent({ fields: "{" }))).toEqual([400, expect.stringMatching(/^"fields": is no JSON/)]);
    expect(await refusal(sent({ fields: withField({ box: [800, 0, 90, 40] }) }))).toEqual([
      400,
      'form: the field "first" lies outside of its picture of 820×540 pixels: its box is 800, 0, 90, 40 (left, top, width, height)',
    ]);
    expect(await refusal(sent({ fields: withField({ lenght: 3 }) }))).toEqual([400, expect.stringContaining("lenght")]);
    expect(await refusal(sent({ fields: withField({ pattern: "1", length: 4 }) }))).toEqual([
      400,
      expect.stringMatching(/^the field "first": no string of .* meets length/),
    ]);
    expect(await refusal(sent({ fields: withField({ values: ["7"] }) }))).toEqual([
      400,
      expect.stringContaining("which the reader cannot read"),
    ]);
    expect(await refusal(sent({ form: filled.subarray(0, 40) }))).toEqual([400, expect.any(String)]);
    expect(await refusal(sent({ form: new Uint8Array(new TextEncoder().encode("no picture")) }))).toEqual([
      415,
      expect.stringContaining("expected a picture"),
    ]);
  });

  it("that a server is started with is read on every page, unless a request brings another", async () => {
    const given = { picture: await pngOf(form.blank), fields: { picture: "blank.png", fields: form.fields } };
    const handler = await createHandler({ tally }, { form: given, limits: { timeout }, log: () => {} });
    const read = async (init: RequestInit): Promise<Answer> => {
      const response = await handler.fetch(new Request("http://localhost/read", init));
      return { status: response.status, body: await response.json() };
    };
    const filled = await pngOf(form.filled);
    for (let i = 0; i < 2; i++) {
      expect((await read(post(filled))).body.numbers).toMatchObject([
        { name: "first", text: "111" },
        { name: "second" },
      ]);
    }
    expect((await read(post(await pngOf(picture)))).status).toBe(422);
    const own = JSON.stringify([{ name: "mine", box: form.fields[0].box }]);
    const { body } = await read(parts({ picture: filled, form: given.picture, fields: own }));
    expect(body.numbers).toMatchObject([{ name: "mine", text: "111" }]);
    await handler.close();
    const rules = { ...form.fields[0], values: ["7"] };
    await expect(createHandler({ tally }, { form: { ...given, fields: [rules] }, log: () => {} })).rejects.toThrow(
      'the field "first": values',
    );
    await expect(
      createHandler({ digits: await encodeModel(digits()) }, { form: given, log: () => {} }),
    ).rejects.toThrow("none is served: ductus serve reader");
  });
});

it("that was looked at is answered before another one is looked at", async () => {
  const looks: (() => void)[] = [];
  const threads = new Map<Pool, Promise<unknown>>();
  // One thread a pool; pages are looked at when the test lets them.
  const elsewhere: Elsewhere = (name, input) => {
    const before = threads.get(poolOf(name)) ?? Promise.resolve();
    const done = before.then(async () => {
      if (name === "page") await new Promise<void>((resolve) => looks.push(resolve));
      return runTask(name, input);
    });
    threads.set(poolOf(name), done);
    return done;
  };
  const versions = new Map([["tally", [await stored("1", tally)]]]);
  const own = await serve(() => versions, { elsewhere, limits: { maxPixels: 1_000_000, maxBody: 200_000, timeout } });
  const read = async () => own.app.fetch(new Request("http://localhost/read", post(await pngOf(picture))));
  const both = [read(), read()];
  await vi.waitFor(() => expect(looks).toHaveLength(1), { timeout });
  looks[0]();
  expect((await Promise.race(both)).status).toBe(200);
  await vi.waitFor(() => expect(looks).toHaveLength(2), { timeout });
  looks[1]();
  for (const { status } of await Promise.all(both)) expect(status).toBe(200);
  await own.repository.close();
});

describe("what is no page", () => {
  it("is refused with the status that fits, in one line", async () => {
    expect(await refusal({ method: "POST" })).toEqual([
      400,
      expect.stringMatching(/^the body is empty; send the picture/),
    ]);
    expect(await refusal(post("no picture"))).toEqual([415, expect.stringContaining("expected a picture")]);
    expect(await refusal(post(JSON.stringify({ b64: "" })))).toEqual([
      415,
      expect.stringContaining("expected a picture"),
    ]);
    const file = await pngOf(picture);
    expect(await refusal(post(file.subarray(0, 200)))).toEqual([400, expect.any(String)]);
    expect(await refusal(post(await pngOf(page(1001, 1000, []))))).toEqual([413, expect.stringContaining("pixels")]);
    expect(await refusal(post(new Uint8Array(200_001)))).toEqual([413, expect.any(String)]);
    expect(await refusal(parts({ note: "no file" }))).toEqual([400, "the form has no file in it"]);
    expect(await refusal(parts({ picture: file, another: file }))).toEqual([
      400,
      expect.stringContaining("2 pictures"),
    ]);
    const half = await refusal(
      parts({ picture: await pngOf(page(900, 600, [])), form: await pngOf(page(900, 600, [])), fields: "[]" }),
    );
    expect(half).toEqual([413, expect.stringContaining("pixels")]);
    expect(await refusal(post(await pngOf(page(480, 330, crowd(24)))))).toEqual([
      413,
      expect.stringContaining("at most 20"),
    ]);
    expect((await ask("/read")).status).toBe(405);
  });

  it("says which models read pages, where the one that is asked does not", async () => {
    const file = await pngOf(picture);
    expect(await refusal(post(file), "/read?model=none")).toEqual([404, expect.stringContaining('no model "none"')]);
    expect(await refusal(post(file), "/models/digits/read")).toEqual([
      404,
      expect.stringMatching(/^"digits" reads no lines of writing \(its task is to classify\); .*ductus serve reader$/),
    ]);
    const versions = new Map([["digits", [await stored("1", digits())]]]);
    const alone = await serve(() => versions);
    const response = await alone.app.request("/read", post(file));
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: expect.stringMatching(/^no model in service reads lines .*ductus serve reader$/),
    });
    await alone.repository.close();
    const two = new Map(NAMES.map((name) => [name, [{ version: "1", stamp: "", read: async () => tally }]]));
    const both = await serve(() => two);
    expect(await (await both.app.request("/read", post(file))).json()).toEqual({
      error: "say which model, as ?model=NAME: tally, digits",
    });
    await both.repository.close();
  });
});

/** So many numbers, each apart. */
const crowd = (count: number) =>
  Array.from({ length: count }, (_, k) => bars(2, 30 + 110 * (k % 4), 15 + 52 * Math.floor(k / 4), 30)).flat();
