/** The thread of a {@link ThreadRunner}: opens a model, says what it is, and answers messages with logits until it is ended. */
import { parentPort, workerData } from "node:worker_threads";
import { sizeOf } from "../../engine/shape.ts";
import { nodePlatform } from "../../platform/node/platform.ts";
import { setPlatform } from "../../platform/platform.ts";
import type { BatchRunner, Samples } from "../batcher.ts";
import { openModel } from "../open-model.ts";
import { reasonOf } from "../repository.ts";
import type { Order, Started, ThreadData } from "./thread-runner.ts";

setPlatform(nodePlatform);

async function start({ bytes, file, maxBatch }: ThreadData): Promise<BatchRunner> {
  const began = performance.now();
  const { signature, runner } = await openModel(bytes, file);
  const single = await runner(1);
  const opened = performance.now();
  const { inputType, inputShape } = signature;
  const sample: Samples =
    inputType === "uint8" ? new Uint8Array(sizeOf(inputShape)) : new Float32Array(sizeOf(inputShape));
  await single.run(sample, 1);
  const costs = { opening: opened - began, running: performance.now() - opened };
  const batches = await runner(maxBatch);
  parentPort?.postMessage({ signature, ...costs } satisfies Started);
  return batches;
}

try {
  const runner = await start(workerData as ThreadData);
  parentPort?.on("message", async ({ id, samples, count }: Order) => {
    const logits = (await runner.run(samples, count)) as Float32Array<ArrayBuffer>;
    parentPort?.postMessage({ id, logits }, [logits.buffer]);
  });
} catch (error) {
  parentPort?.postMessage({ reason: reasonOf(error) } satisfies Started);
}
