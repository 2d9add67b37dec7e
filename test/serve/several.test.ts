/** Several pictures in one form, and the addresses that SageMaker asks. */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digits, json, post, type Served, serve, stored } from "./fixtures.ts";

let served: Served;
let bars: readonly Uint8Array<ArrayBuffer>[];

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field, and a missing one fails the test.
const ask = async (path: string, init?: RequestInit): Promise<{ status: number; body: any }> => {
  const response = await served.app.request(path, init);
  return { status: response.status, body: await response.json() };
};

beforeAll(async () => {
  const versions = new Map([["digits", [await stored("1", digits())]]]);
  served = await serve(() => versions, { limits: { maxPixels: 20_000 }, maxQueue: 8 });
  bars = await Promise.all(
    [20, 60].map(async (width) => {
      const input = { create: { width, height: 10, channels: 3, background: "black" } } as const;
      const file = await sharp({ create: { width: 80, height: 90, channels: 3, background: "white" } })
        .composite([{ input, left: 8, top: 20 }])
        .png()
        .toBuffer();
      return new Uint8Array(file);
    }),
  );
});
afterAll(() => served.repository.close());

function form(files: readonly (readonly [name: string, bytes: BlobPart])[], field = "picture"): RequestInit {
  const body = new FormData();
  for (const [i, [name, bytes]] of files.entries()) body.append(i === 1 ? `${field}2` : field, new Blob([bytes]), name);
  return { method: "POST", body };
}

describe("several pictures in a form", () => {
  it("are answered each, in order, by their names, and bad ones do not spoil the others", async () => {
    const [one, two] = await Promise.all(bars.map((bar) => ask("/recognise", post(bar))));
    const large = await sharp({ create: { width: 200, height: 200, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    const { status, body } = await ask(
      "/recognise?top=3",
      form([
        ["two.png", bars[1]],
        ["notes.txt", "no picture"],
        ["cut.png", bars[0].subarray(0, 60)],
        ["one.png", bars[0]],
        ["large.png", new Uint8Array(large)],
        ["empty.png", ""],
      ]),
    );
    expect(status).toBe(200);
    const { ranking: first, ...reading } = two.body;
    expect(body).toEqual({
      format: 1,
      model: "digits",
      version: "1",
      results: [
        {
          file: "two.png",
          label: reading.label,
          probability: reading.probability,
          characters: 1,
          ranking: first.slice(0, 3),
        },
        { file: "notes.txt", status: 415, error: expect.stringContaining("expected a picture") },
        { file: "cut.png", status: 400, error: expect.any(String) },
        expect.objectContaining({ file: "one.png", label: one.body.label, probability: one.body.probability }),
        { file: "large.png", status: 413, error: expect.any(String) },
        { file: "empty.png", status: 415, error: expect.any(String) },
      ],
    });
  });

  it("share the limits of a request", async () => {
    const same = (count: number) => form(Array.from({ length: count }, (_, i) => [`${i}.png`, bars[0]] as const));
    const { body } = await ask("/recognise", same(4));
    expect(body.results.map(({ status }: { status?: number }) => status)).toEqual([undefined, undefined, 413, 413]);
    expect((await ask("/recognise", same(9))).status).toBe(413);
  });

  it("one alone is answered as one, and a field left empty is none", async () => {
    const body = new FormData();
    body.append("picture", new Blob([bars[0]]), "one.png");
    body.append("more", new Blob([]), "");
    expect((await ask("/recognise", { method: "POST", body })).body).toEqual(
      (await ask("/recognise", post(bars[0]))).body,
    );
    expect((await ask("/recognise", form([["a.txt", "no picture"]]))).status).toBe(415);
  });

  it("a request of other samples names the one that is wrong", async () => {
    const instances = [bars[0], bars[0].subarray(0, 60)].map((file) => ({ b64: Buffer.from(file).toString("base64") }));
    const { status, body } = await ask("/v1/models/digits:predict", json({ instances }));
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^sample 1: /)]);
  });
});

describe("SageMaker", () => {
  it("asks whether it is well, without a key", async () => {
    expect(await ask("/ping")).toEqual({ status: 200, body: { ready: true } });
    const versions = new Map([["digits", [await stored("1", digits())]]]);
    const guarded = await serve(() => versions, { apiKey: "k", isReady: () => false });
    expect((await guarded.app.request("/ping")).status).toBe(503);
    expect((await guarded.app.request("/invocations", post(bars[0]))).status).toBe(401);
    await guarded.repository.close();
  });

  it("sends pictures, forms and JSON, whether it says so or not", async () => {
    const reading = (await ask("/recognise", post(bars[0]))).body;
    for (const type of ["image/png", "application/x-image", "application/octet-stream", undefined]) {
      const headers = type === undefined ? {} : { "Content-Type": type };
      expect((await ask("/invocations", post(bars[0], headers))).body).toEqual(reading);
    }
    const files = form([
      ["one.png", bars[0]],
      ["two.png", bars[1]],
    ]);
    expect((await ask("/invocations", files)).body.results).toHaveLength(2);
    const question = { instances: [{ b64: Buffer.from(bars[0]).toString("base64") }] };
    const answer = (await ask("/v1/models/digits:predict", json(question))).body;
    for (const type of ["application/json; charset=utf-8", "application/octet-stream", "text/plain"]) {
      const init = post(JSON.stringify(question), { "Content-Type": type });
      expect((await ask("/invocations", init)).body).toEqual(answer);
    }
    expect((await ask("/invocations?min_probability=1", post(bars[0]))).body).toMatchObject({ refused: true });
    expect((await ask("/invocations?min_probability=1", json(question))).body).toMatchObject({ refused: [true] });
    expect((await ask("/invocations", post("a,b"))).status).toBe(415);
    expect((await ask("/invocations", post("{", { "Content-Type": "application/json" }))).status).toBe(400);
    expect((await ask("/invocations")).status).toBe(405);
  });
});
