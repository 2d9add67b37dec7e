/**
 * `ductus/serve`: the handler in a server of one's own, and in a service worker of Chromium, where there is nothing of Node.
 * The part in Chromium is skipped, with a line that says so, where there is none.
 */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHandler, DataError, type DecodePicture, UsageError } from "../../src/api/serve.ts";
import { exportWasm } from "../../src/export/wasm.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { bundle } from "../browser/bundle.ts";
import { serve as serveFiles, type TestSite } from "../browser/page.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { digits, json, numbers, post } from "./fixtures.ts";

const QUESTION = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] };
const ADDRESS = "http://127.0.0.1";

/** A dark bar on white paper. */
const drawn = (): Promise<Buffer> =>
  sharp({ create: { width: 60, height: 80, channels: 3, background: "white" } })
    .composite([{ input: { create: { width: 9, height: 50, channels: 3, background: "black" } }, left: 25, top: 15 }])
    .png()
    .toBuffer();

describe("a handler of models in memory", () => {
  it("answers every protocol, counts, and refuses once it is closed", async () => {
    const events: string[] = [];
    const models = { numbers: await encodeModel(numbers()), digits: await encodeModel(digits()) };
    const { fetch, close } = await createHandler(models, { log: (_, event) => events.push(event) });
    const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(new Request(ADDRESS + path, init));
    expect((await ask("/v2/health/ready")).status).toBe(200);
    expect(await (await ask("/v2/models/numbers/infer", json(QUESTION))).json()).toMatchObject({
      outputs: [{ name: "probabilities", shape: [1, 2] }],
    });
    const read = await ask("/recognise?model=digits", post(new Uint8Array(await drawn())));
    expect(read.status).toBe(200);
    expect(await (await ask("/metrics")).text()).toContain('ductus_batch_size_count{model="numbers"} 1');
    await ask("/", { method: "MADEUP" });
    expect(await (await ask("/metrics")).text()).toMatch(/ductus_requests_total\{route="\/",method="other"/);
    expect(events).toContain("request");
    await close();
    expect((await ask("/v2/health/ready")).status).toBe(503);
    expect((await ask("/v2/models/numbers/infer", json(QUESTION))).status).toBe(404);
  });

  it("wants the key that it was given, and keeps to its limits", async () => {
    const models = { numbers: await encodeModel(numbers()) };
    const { fetch, close } = await createHandler(models, { apiKey: "k", limits: { maxBody: 40 }, log: () => {} });
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(new Request(`${ADDRESS}/v2/models/numbers/infer`, post(JSON.stringify(QUESTION), headers)));
    expect((await ask({})).status).toBe(401);
    expect((await ask({ "X-API-Key": "k" })).status).toBe(413);
    await close();
  });

  it("serves exported modules, as bytes or compiled, like the models that they were made of", async () => {
    const { files } = await exportWasm(digits(), "digits");
    const bytes = new Uint8Array(files.get("digits.wasm") as Uint8Array);
    const models = { file: await encodeModel(digits()), bytes, module: await WebAssembly.compile(bytes) };
    const { fetch, close } = await createHandler(models, { log: () => {} });
    const ask = async (path: string, init?: RequestInit) => (await fetch(new Request(ADDRESS + path, init))).json();
    const picture = new Uint8Array(await drawn());
    const samples = Array.from({ length: 3 }, (_, i) => Array.from({ length: 784 }, (_, k) => (k * (i + 7)) % 256));
    const answers = [];
    for (const name of Object.keys(models)) {
      const { ranking } = await ask(`/recognise?model=${name}`, post(picture));
      const { predictions } = await ask(`/v1/models/${name}:predict`, json({ instances: samples }));
      const { metadata } = await ask(`/v1/models/${name}/metadata`);
      answers.push({ ranking, predictions, metadata });
    }
    const [file, ...modules] = answers;
    for (const { ranking, predictions, metadata } of modules) {
      expect(metadata).toEqual(file.metadata);
      expect(ranking.map(({ label }: { label: string }) => label)).toEqual(
        file.ranking.map(({ label }: { label: string }) => label),
      );
      for (const [i, row] of predictions.entries()) {
        for (const [c, value] of row.entries()) expect(value).toBeCloseTo(file.predictions[i][c], 4);
      }
    }
    expect(modules[0].predictions[0]).not.toEqual(modules[0].predictions[1]);
    await close();
    const damaged = createHandler({ digits: bytes.slice(0, -9) }, { log: () => {} });
    await expect(damaged).rejects.toThrow(/^model "digits": recognizer: the module is cut off or damaged/);
  });

  it("decodes pictures with what it is given, and counts their pixels", async () => {
    const bars = { width: 2, height: 2, channels: 1, data: Uint8Array.of(0, 255, 0, 255) } as const;
    const asked: number[] = [];
    const decodePicture: DecodePicture = async (bytes, { maxPixels }) => {
      asked.push(maxPixels);
      if (bytes.length > 60) throw new Error("no such filter");
      return bars;
    };
    const models = { digits: await encodeModel(digits()) };
    const { fetch, close } = await createHandler(models, { decodePicture, limits: { maxPixels: 7 }, log: () => {} });
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const read = (body: Uint8Array<ArrayBuffer>) => fetch(new Request(`${ADDRESS}/recognise`, post(body)));
    expect((await read(new Uint8Array(png))).status).toBe(200);
    const broken = await read(new Uint8Array(Buffer.concat([png, Buffer.alloc(60)])));
    expect([broken.status, await broken.json()]).toEqual([
      400,
      { error: "the picture cannot be decoded: no such filter" },
    ]);
    const two = json({ instances: [{ b64: png.toString("base64") }, { b64: png.toString("base64") }] });
    expect((await fetch(new Request(`${ADDRESS}/v1/models/digits:predict`, two))).status).toBe(413);
    // What says its size is not decoded when that is too much.
    expect((await read(new Uint8Array(await drawn()))).status).toBe(413);
    expect(asked).toEqual([7, 7, 7, 3]);
    await close();
    const wide = { ...bars, data: new Uint16Array(4) as unknown as Uint8Array };
    const other = await createHandler(models, { decodePicture: async () => wide, log: () => {} });
    const answer = await other.fetch(new Request(`${ADDRESS}/recognise`, post(new Uint8Array(png))));
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { error: "decodePicture must give one byte per channel" },
    ]);
    await other.close();
  });

  it("says what is wrong with a model", async () => {
    const model = await encodeModel(numbers());
    await expect(createHandler({ "a/b": model })).rejects.toThrow(UsageError);
    const damaged = createHandler({ numbers: model.slice(0, 200) }, { log: () => {} });
    await expect(damaged).rejects.toThrow(DataError);
    await expect(damaged).rejects.toThrow(/^model "numbers": /);
  });
});

describe.skipIf(chromiumPath === undefined)("in a service worker", () => {
  let site: TestSite;
  beforeAll(async () => {
    const worker = await bundle(`import { createHandler } from "ductus/serve";
const handler = fetch("digits.safetensors")
  .then((response) => response.arrayBuffer())
  .then((bytes) => createHandler({ digits: new Uint8Array(bytes) }, { limits: { maxPixels: 10_000 }, log: () => {} }));
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (new URL(event.request.url).pathname !== "/digits.safetensors") event.respondWith(handler.then((own) => own.fetch(event.request)));
});`);
    expect(worker.ofNode).toEqual([]);
    site = await serveFiles(
      new Map<string, string | Uint8Array>([
        ...worker.files,
        ["worker.js", [...worker.files.values()][0]],
        ["digits.safetensors", await encodeModel(digits())],
      ]),
    );
  }, 60_000);
  afterAll(() => site?.close());

  it("the bundled handler reads pictures, and refuses large ones", async () => {
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(site.address);
      const large = await sharp({ create: { width: 200, height: 200, channels: 3, background: "white" } })
        .png()
        .toBuffer();
      // As text: what is written here would go through a compiler that has its own ideas.
      const answers = (await page.evaluate(`(async () => {
        const claimed = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
        await navigator.serviceWorker.register("worker.js", { type: "module" });
        if (navigator.serviceWorker.controller === null) await claimed;
        const answers = [];
        const packed = (body) => new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
        for (const file of ${JSON.stringify([(await drawn()).toString("base64"), large.toString("base64")])}) {
          const body = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
          const response = await fetch("/recognise", { method: "POST", body });
          answers.push({ status: response.status, body: await response.json() });
          const headers = { "Content-Encoding": "gzip" };
          const same = await fetch("/recognise", { method: "POST", body: await packed(body), headers });
          answers.push({ status: same.status, body: await same.json() });
        }
        return answers;
      })()`)) as { readonly status: number; readonly body: { readonly label: string; readonly error?: string } }[];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 413, 413]);
      expect(answers[1]).toEqual(answers[0]);
      const { fetch, close } = await createHandler({ digits: await encodeModel(digits()) }, { log: () => {} });
      const here = await fetch(new Request(`${ADDRESS}/recognise`, post(new Uint8Array(await drawn()))));
      expect(answers[0].body.label).toBe(((await here.json()) as { label: string }).label);
      await close();
    } finally {
      await browser.close();
    }
  }, 60_000);
});
