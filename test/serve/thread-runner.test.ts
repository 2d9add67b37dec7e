/** Networks on threads of their own: the same logits, and a thread that dies takes down nothing but its batch. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Samples } from "../../src/serve/batch.ts";
import type { BatchRunner } from "../../src/serve/batcher.ts";
import { EngineRunner } from "../../src/serve/engine-runner.ts";
import type { ThreadRunner as Runner } from "../../src/serve/node/thread-runner.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { ensureBuilt } from "../cli/run-cli.ts";
import { numbers } from "./fixtures.ts";

let ThreadRunner: typeof Runner;
let runner: BatchRunner;
const model = numbers();

beforeAll(async () => {
  ensureBuilt();
  // A thread loads JavaScript: the built package.
  const built: string = "../../dist/serve/node/thread-runner.js";
  await import("../../dist/index.js" as string);
  ({ ThreadRunner } = (await import(built)) as { ThreadRunner: typeof Runner });
  const bytes = await encodeModel(model);
  ({ runner } = await ThreadRunner.open(bytes, "numbers", 4, { threads: 2, timeout: 60_000 }));
}, 60_000);
afterAll(() => runner.close());

const samples = (count: number): Samples => ({
  count,
  sizes: {},
  arrays: { x: Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i)) },
});

it("gives every batch the logits that the calling thread would", async () => {
  const here = await EngineRunner.open(model, 4);
  const counts = [1, 4, 3, 2, 4, 1];
  const wanted = await Promise.all(counts.map((count) => here.run(samples(count))));
  expect(await Promise.all(counts.map((count) => runner.run(samples(count))))).toEqual(wanted);
  await here.close();
});

it("starts another thread after one has died", async () => {
  await expect(runner.run({ ...samples(2), count: -1 })).rejects.toThrow("the thread that ran the network ended");
  for (let i = 0; i < 3; i++) expect((await runner.run(samples(4))).logits).toHaveLength(8);
});

it("gives up a model that is not ready in time, that nobody waits for any more, or that is damaged, and says why", async () => {
  const bytes = await encodeModel(model);
  const open = (file: Uint8Array, options: { timeout: number; signal?: AbortSignal }) =>
    ThreadRunner.open(file, "m.safetensors", 4, { threads: 2, ...options });
  await expect(open(bytes, { timeout: 1 })).rejects.toThrow(
    /^m\.safetensors: the model was not ready within 0\.001 s$/,
  );
  const stop = new AbortController();
  const stopped = open(bytes, { timeout: 60_000, signal: stop.signal });
  stop.abort();
  await expect(stopped).rejects.toThrow("m.safetensors: the server stops");
  await expect(open(bytes.subarray(0, 99), { timeout: 60_000 })).rejects.toThrow(/^m\.safetensors/);
  const { signature, runner: opened } = await open(bytes, { timeout: 60_000 });
  expect(signature).toMatchObject({
    task: { kind: "classify", input: { shape: [1, 1, 3] }, classNames: ["no", "yes"] },
  });
  await opened.close();
});
