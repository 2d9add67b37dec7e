/** `ductus train --stream`: what is read from the disk while training gives what the same data in memory give. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { Random } from "../../src/engine/random.ts";
import { ductus, ensureBuilt, finish, start } from "./run-cli.ts";

let cwd: string;
const SIDE = 10;

/** Dark bars on light ground, upright or level, as IDX files. */
function idx(count: number, seed: number): { images: Uint8Array; labels: Uint8Array } {
  const random = new Random(seed, "user");
  const data = new Uint8Array(count * SIDE * SIDE);
  for (let i = 0; i < data.length; i++) {
    const [n, p] = [Math.floor(i / (SIDE * SIDE)), i % (SIDE * SIDE)];
    const place = n % 2 === 0 ? p % SIDE : Math.floor(p / SIDE);
    data[i] = (Math.abs(place - 4) < 2 ? 0 : 200) + random.integer(50);
  }
  return {
    images: writeIdx({ type: "uint8", dims: [count, SIDE, SIDE], data }),
    labels: writeIdx({ type: "uint8", dims: [count], data: Uint8Array.from({ length: count }, (_, i) => i % 2) }),
  };
}

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-stream-"));
  const [train, test] = [idx(60, 1), idx(20, 2)];
  for (const [folder, pack] of [
    ["plain", (bytes: Uint8Array) => bytes],
    ["packed", (bytes: Uint8Array) => gzipSync(bytes)],
  ] as const) {
    await mkdir(join(cwd, folder));
    const write = (name: string, bytes: Uint8Array): Promise<void> => writeFile(join(cwd, folder, name), pack(bytes));
    await write("train-images-idx3-ubyte", train.images);
    await write("train-labels-idx1-ubyte", train.labels);
    await write("t10k-images-idx3-ubyte", test.images);
    await write("t10k-labels-idx1-ubyte", test.labels);
  }
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

const how = ["--data", "plain", "--model", "mlp", "--epochs", "2", "--batch-size", "16", "--augment", "digits"];

it("learns the same, goes on where it was stopped, and knows the data by the same fingerprint", async () => {
  const long = how.map((word) => (word === "2" ? "20" : word));
  const found = async (out: string): Promise<{ loss: number[]; fingerprint: string }> => {
    const lines = (await readFile(join(cwd, out, "metrics.jsonl"), "utf8")).trim().split("\n");
    const { dataset } = JSON.parse(await readFile(join(cwd, out, "args.json"), "utf8"));
    return { loss: lines.map((line) => JSON.parse(line).trainingLoss), fingerprint: dataset.fingerprint };
  };
  const memory = await ductus(cwd, "train", ...long, "--out", "memory");
  expect(memory.status, memory.err).toBe(0);

  const child = start(cwd, ["train", ...long, "--stream", "--out", "streamed"]);
  child.stderr?.on("data", (chunk: Buffer) => {
    if (String(chunk).includes("epoch ")) child.kill("SIGINT");
  });
  expect((await finish(child)).status).toBe(130);
  const { loss } = await found("streamed");
  expect(loss.length).toBeGreaterThan(0);
  expect(loss.length).toBeLessThan(20);
  const again = await ductus(cwd, "train", "--resume", "streamed");
  expect(again.status, again.err).toBe(0);
  expect(again.err).toContain("read while it is used");
  expect(await found("streamed")).toEqual(await found("memory"));
}, 120_000);

it("packs what is not plain IDX files once, and goes on with that", async () => {
  const packed = how.map((word) => (word === "plain" ? "packed" : word));
  const first = await ductus(cwd, "train", ...packed, "--stream", "--out", "from-packed");
  expect(first.status, first.err).toBe(0);
  expect(first.err).toMatch(/^packing {2}packed into .*cache\/ductus\/packed\/[0-9a-f]{16}, once$/m);
  const again = await ductus(cwd, "train", ...packed, "--stream", "--out", "from-packed-2");
  expect(again.err).not.toContain("packing");
  const place = /into (.*cache\/ductus\/packed\/[0-9a-f]{16})/.exec(first.err)?.[1] ?? "";
  const images = join(place, "train-images-idx3-ubyte");
  await writeFile(images, (await readFile(images)).fill(7, 100, 2100));
  const mended = await ductus(cwd, "train", ...packed, "--stream", "--out", "from-packed-3");
  expect(mended.status, mended.err).toBe(0);
  expect(mended.err).toMatch(/^packing {2}packed again, as .*: bytes of the train part have changed$/m);
  const weights = (run: string): Promise<Buffer> => readFile(join(cwd, run, "test-predictions.safetensors"));
  expect(await weights("from-packed-2")).toEqual(await weights("from-packed"));
  expect(await weights("from-packed-3")).toEqual(await weights("from-packed"));
}, 60_000);

it("says what cannot be streamed", async () => {
  const { status, err } = await ductus(cwd, "train", "--data", "no/where", "--stream", "--out", "none");
  expect(err).toMatch(/no\/where: no such file or folder/);
  expect(status).not.toBe(0);
});
