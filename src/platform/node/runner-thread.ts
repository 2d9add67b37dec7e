/** The thread of a {@link ThreadRunner}: loads a model file, and answers messages with logits until it is ended. */
import { parentPort, workerData } from "node:worker_threads";
import { EngineRunner } from "../../serve/engine-runner.ts";
import { load } from "../../train/trained-model.ts";
import { setPlatform } from "../platform.ts";
import { nodePlatform } from "./platform.ts";
import type { Order, ThreadData } from "./thread-runner.ts";

setPlatform(nodePlatform);
const { bytes, maxBatch } = workerData as ThreadData;
const runner = await EngineRunner.open(await load(bytes), maxBatch);
parentPort?.on("message", async ({ id, samples, count }: Order) => {
  const logits = (await runner.run(samples, count)) as Float32Array<ArrayBuffer>;
  parentPort?.postMessage({ id, logits }, [logits.buffer]);
});
parentPort?.postMessage("ready");
