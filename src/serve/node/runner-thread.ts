/** The thread of a {@link ThreadRunner}: opens a model, says what it is, and answers messages with outputs until it is ended. */
import { parentPort, workerData } from "node:worker_threads";
import { nodePlatform } from "../../platform/node/platform.ts";
import { setPlatform } from "../../platform/platform.ts";
import { readTask } from "../../task/tasks.ts";
import { buffersOf } from "../batch.ts";
import type { BatchRunner } from "../batcher.ts";
import { firstSamples } from "../engine-runner.ts";
import { openModel } from "../open-model.ts";
import { reasonOf } from "../repository.ts";
import type { Order, Started, ThreadData } from "./thread-runner.ts";

setPlatform(nodePlatform);

async function start({ bytes, file, maxBatch }: ThreadData): Promise<BatchRunner> {
  const began = performance.now();
  const { signature, runner } = await openModel(bytes, file);
  const single = await runner(1);
  const opened = performance.now();
  await single.run(firstSamples((await readTask(signature.task, file)).input.ports, 1));
  const costs = { opening: opened - began, running: performance.now() - opened };
  const batches = await runner(maxBatch);
  parentPort?.postMessage({ signature, ...costs } satisfies Started);
  return batches;
}

try {
  const runner = await start(workerData as ThreadData);
  parentPort?.on("message", async ({ id, samples }: Order) => {
    const outputs = await runner.run(samples);
    parentPort?.postMessage({ id, outputs }, buffersOf(outputs));
  });
} catch (error) {
  parentPort?.postMessage({ reason: reasonOf(error) } satisfies Started);
}
