/**
 * What a server meets in the open: mutated bodies of every kind, and headers that lie. Whatever comes, there is an
 * answer, it is no 500, and afterwards a good request is still answered. DUCTUS_ATTACKS sets how many bodies (300).
 */
import { Agent, request } from "node:http";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { encodePng } from "../../src/formats/png.ts";
import { listen } from "../../src/serve/node/serve.ts";
import { digits, json, numbers, post, type Served, serve, stored } from "./fixtures.ts";

const COUNT = Number(process.env.DUCTUS_ATTACKS ?? 300);
const LIMITS = { maxBody: 100_000, maxPixels: 100_000, timeout: 2000 };

let served: Served;
let files: Buffer[];
beforeAll(async () => {
  const versions = new Map([
    ["digits", [await stored("1", digits())]],
    ["numbers", [await stored("1", numbers())]],
  ]);
  served = await serve(() => versions, { limits: LIMITS, maxBatch: 4, maxQueue: 32 });
  const stroke = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i % 120 < 12 ? 0 : 255));
  const picture = sharp(stroke, { raw: { width: 40, height: 30, channels: 3 } });
  files = await Promise.all(
    [picture.clone().png(), picture.clone().jpeg(), picture.clone().webp()].map((p) => p.toBuffer()),
  );
});
afterAll(() => served.repository.close());

/** Another header on a PNG file: it claims a size that it does not have. */
async function claiming(width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  const real = await encodePng({ width: 8, height: 8, channels: 1, data: new Uint8Array(64) });
  const bytes = new Uint8Array(real);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc(bytes.subarray(12, 29)));
  return bytes;
}

function crc(bytes: Uint8Array): number {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

const STRANGE = ["NaN", "-0", "1e999", "null", "[]", "{}", '"\\u0000"', "true", "9007199254740993", "[[[[]]]]", "-1"];

/** Changes, cuts, doubles and drops parts of a body. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let body = Array.from(bytes);
  for (let n = 1 + random.integer(4); n > 0; n--) {
    const at = random.integer(body.length + 1);
    const length = random.integer(20);
    const change = random.integer(6);
    if (change === 0) body[at] = random.integer(256);
    else if (change === 1) body.splice(at, length);
    else if (change === 2) body.splice(at, 0, ...body.slice(at, at + length));
    else if (change === 3) body.splice(at, 0, ...Array.from({ length }, () => random.integer(256)));
    else if (change === 4)
      body.splice(at, length, ...new TextEncoder().encode(STRANGE[random.integer(STRANGE.length)]));
    else body = body.slice(0, at);
  }
  return Uint8Array.from(body, (byte) => byte ?? 0);
}

it(`answers ${COUNT} mutated bodies, and is well afterwards`, { timeout: 10_000 + COUNT * 100 }, async () => {
  const random = new Random(11, "user");
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const tensor = { name: "x", datatype: "FP32", shape: [2, 1, 1, 3] };
  const head = text({
    inputs: [{ ...tensor, parameters: { binary_data_size: 24 } }],
    parameters: { binary_data_output: true },
  });
  const binary = new Uint8Array(await new Blob([head, Float32Array.of(1, 2, 3, 4, 5, 6)]).arrayBuffer());
  const boundary = "b0undary";
  const form = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="f.png"\r\n\r\n`),
    files[0],
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const instance = { b64: files[0].toString("base64") };
  const seeds: readonly (readonly [path: string, body: Uint8Array, headers: Record<string, string>])[] = [
    ...files.map((file) => ["/recognise?model=digits", file, {}] as const),
    ["/recognise?model=digits", form, { "Content-Type": `multipart/form-data; boundary=${boundary}` }],
    ["/v1/models/numbers:predict", text({ instances: [[1, 2, 3], { x: [[[4, 5, 6]]] }] }), {}],
    ["/v1/models/numbers:predict", text({ inputs: { x: [[1, 2, 3]] }, signature_name: "serving_default" }), {}],
    ["/v1/models/digits:classify", text({ examples: [{ x: instance }, Array(784).fill(3)] }), {}],
    [
      "/v2/models/numbers/infer",
      text({ id: "1", inputs: [{ ...tensor, data: [1, 2, 3, 4, 5, 6] }], outputs: [{ name: "logits" }] }),
      {},
    ],
    ["/v1/models/numbers:predict", gzipSync(text({ instances: [[1, 2, 3]] })), { "Content-Encoding": "gzip" }],
    ["/v2/models/numbers/infer", binary, { "Inference-Header-Content-Length": String(head.length) }],
  ];
  const statuses = new Map<number, number>();
  for (let i = 0; i < COUNT; i++) {
    const [path, body, headers] = seeds[i % seeds.length];
    const response = await served.app.request(path, post(mutate(body, random), headers));
    await response.arrayBuffer();
    const { status } = response;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect([200, 400, 404, 413, 415], `body ${i} to ${path}`).toContain(status);
  }
  expect(statuses.get(400)).toBeGreaterThan(COUNT / 4);
  for (const [path, body, headers] of seeds) {
    expect((await served.app.request(path, post(Uint8Array.from(body), headers))).status).toBe(200);
  }
});

it.each([
  [65_535, 65_535],
  [2 ** 31 - 1, 2 ** 31 - 1],
  [1, 100_001],
])("refuses a picture that claims %i×%i pixels before it decodes it", async (width, height) => {
  const response = await served.app.request("/recognise?model=digits", post(await claiming(width, height)));
  expect([400, 413]).toContain(response.status);
});

it("refuses many small files that are large together", async () => {
  const bomb = await sharp({ create: { width: 250, height: 200, channels: 3, background: "white" } })
    .composite([{ input: Buffer.from('<svg width="50" height="50"><path d="M9 9 L40 40" stroke="black"/></svg>') }])
    .png({ compressionLevel: 9 })
    .toBuffer();
  const instances = Array(3).fill({ b64: bomb.toString("base64") });
  const ask = (count: number) =>
    served.app.request("/v1/models/digits:predict", json({ instances: instances.slice(0, count) }));
  expect((await ask(1)).status).toBe(200);
  expect((await ask(3)).status).toBe(413);
});

it("does not unpack more of a bomb than it may read", async () => {
  // Zeros without end, as one packed file after the other, fed as they are asked for.
  const part = gzipSync(Buffer.alloc(30_000_000));
  let fed = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const from = fed % part.length;
    const chunk = new Uint8Array(part.subarray(from, from + 500));
    fed += chunk.length;
    controller.enqueue(chunk);
  };
  const init = { method: "POST", body: new ReadableStream({ pull }), duplex: "half" };
  const headers = { "Content-Encoding": "gzip" };
  const response = await served.app.request("/recognise?model=digits", { ...init, headers } as RequestInit);
  expect(response.status).toBe(413);
  // The limit is about 100 bytes, packed; beside that there is what buffers hold.
  expect(fed).toBeLessThan(100_000);
});

it("keeps the connection of a client whose body was too large, and reads nothing of it as a request", async () => {
  const server = await listen(served.app.fetch, { host: "127.0.0.1", port: 0, timeout: 5000 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (body: Uint8Array, headers: Record<string, string>) =>
    new Promise<readonly [status: number | undefined, port: number | undefined]>((resolve, reject) => {
      const url = `${server.url}/v1/models/numbers:predict`;
      const asked = request(url, { method: "POST", agent, headers }, (response) => {
        const { localPort } = response.socket;
        response.resume().on("end", () => resolve([response.statusCode, localPort]));
      });
      asked.on("error", reject).end(body);
    });
  const good = new TextEncoder().encode(JSON.stringify({ instances: [[1, 2, 3]] }));
  const [, port] = await send(good, {});
  // The first requests are refused while the rest of their bodies, requests in themselves, is on its way.
  const hidden = Buffer.from("POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".repeat(2000));
  for (const [body, headers] of [
    [hidden, {}],
    [hidden, { "Transfer-Encoding": "chunked" }],
    [Buffer.concat([gzipSync(Buffer.alloc(1_000_000)), hidden]), { "Content-Encoding": "gzip" }],
    [good, { "Content-Encoding": "br" }],
    [hidden, { Origin: "https://page.example" }],
  ] as const) {
    const [status, at] = await send(body, headers);
    expect([413, 415, 403]).toContain(status);
    expect(at).toBe(port);
    // Longer than what listens waits for the rest of a body.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await send(good, {})).toEqual([200, port]);
  }
  agent.destroy();
  await server.stop(100);
});

it("gives up a body that does not come, and one that breaks off", async () => {
  const versions = new Map([["numbers", [await stored("1", numbers())]]]);
  const { app, repository } = await serve(() => versions, { limits: { ...LIMITS, timeout: 50 } });
  const send = (source: UnderlyingDefaultSource<Uint8Array>) => {
    const init = { method: "POST", body: new ReadableStream(source), duplex: "half" };
    return app.request("/v1/models/numbers:predict", init as RequestInit);
  };
  const start = (controller: ReadableStreamDefaultController<Uint8Array>) => controller.enqueue(new Uint8Array(3));
  expect((await send({ start })).status).toBe(408);
  expect((await send({ start, pull: (c) => c.error(new Error("gone")) })).status).toBe(400);
  let sent = 0;
  const endless = await send({ pull: (c) => c.enqueue(new Uint8Array((sent += 10_000) && 10_000)) });
  expect(endless.status).toBe(413);
  expect(sent).toBeLessThan(2 * LIMITS.maxBody);
  await repository.close();
});
