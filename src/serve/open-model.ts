/**
 * Opens what is served: a model file, read and checked, or an exported module. What opens it need not be what runs it: a thread
 * that does both tells the server only what the model is (serve/node/thread-runner.ts).
 */
import { looksCompiled } from "../export/standalone/module.ts";
import type { AnyModel } from "../models/model.ts";
import { load } from "../use/trained-model.ts";
import type { BatchRunner } from "./batcher.ts";
import { EngineRunner } from "./engine-runner.ts";
import { ModuleRunner } from "./module-runner.ts";
import type { Signature } from "./served-model.ts";

/** What a model is opened from: the bytes of its file or of an exported module, or that module compiled. */
export type ModelSource = Uint8Array | WebAssembly.Module;

/** A model that was read and found right. */
export interface OpenModel {
  readonly signature: Signature;
  /** Compiles it for batches up to `maxBatch`, on the thread that calls. */
  runner(maxBatch: number): Promise<BatchRunner>;
}

/** @throws DataError when the file is damaged, is something else, or would cost too much */
export async function openModel(source: ModelSource, file: string): Promise<OpenModel> {
  if (source instanceof WebAssembly.Module || looksCompiled(source)) {
    const runner = await ModuleRunner.open(source);
    return { signature: runner.signature, runner: async () => runner };
  }
  const model: AnyModel = await load(source, { name: file });
  const { task, temperature, architecture, dataset, metrics } = model;
  return {
    signature: { task: task.record(), temperature, architecture, dataset, metrics },
    runner: (maxBatch) => EngineRunner.open(model, maxBatch),
  };
}
