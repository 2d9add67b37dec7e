/**
 * The run folder, as a callback of `fit`: what was asked for, on which machine, a line of results per epoch, and two
 * checkpoints. `best.safetensors` is a model file to use; `last.safetensors` also holds the optimiser's state. Every
 * file is replaced as a whole, so a crash leaves the state after the last complete epoch.
 */
import type { Backend } from "../engine/backends/backend.ts";
import type { NamedTensor } from "../formats/tensor-data.ts";
import { platform } from "../platform/platform.ts";
import type { Callback, EpochResult, TrainingControl } from "./callbacks.ts";
import { encodeModel } from "./trained-model.ts";

export interface RunFolderOptions {
  /** An existing folder. */
  readonly path: string;
  /** Written to `args.json`. */
  readonly args: object;
  /** Written to `environment.json`. */
  readonly environment: object;
  /** Runs the example that each model file holds; default: a new one each time. */
  readonly backend?: Backend;
}

/** Paths inside a run folder. */
export function runFiles(path: string): Readonly<Record<"args" | "environment" | "metrics" | "best" | "last", string>> {
  const folder = path.replace(/[\\/]+$/, "");
  return {
    args: `${folder}/args.json`,
    environment: `${folder}/environment.json`,
    metrics: `${folder}/metrics.jsonl`,
    best: `${folder}/best.safetensors`,
    last: `${folder}/last.safetensors`,
  };
}

/** Keeps a run folder while training. */
export function runFolder({ path, args, environment, backend }: RunFolderOptions): Callback {
  const files = runFiles(path);
  const { writeFile } = platform();
  const lines: string[] = [];
  let savedStep = 0;
  const saveLast = async (control: TrainingControl, epoch: number, step: number): Promise<void> => {
    await writeFile(files.last, await encodeModel(control.model, trainingState(control, epoch, step), backend));
    savedStep = step;
  };
  return {
    onStart: async ({ epochs, batchSize, seed, samples, validationSamples, backend: description, memory }) => {
      const run = { epochs, batchSize, seed, samples, validationSamples };
      await writeFile(files.args, json({ ...args, run }));
      await writeFile(files.environment, json({ ...environment, backend: description, memory }));
    },
    onEpoch: async (info) => {
      lines.push(`${JSON.stringify(plainResult(info))}\n`);
      await writeFile(files.metrics, lines.join(""));
      await saveLast(info, info.epoch, info.step);
      if (info.isBest) await writeFile(files.best, await encodeModel(info.model, undefined, backend));
    },
    onEnd: async (run, control) => {
      // Ended within an epoch: what it did so far is worth keeping too.
      if (run.steps > savedStep) await saveLast(control, run.history.length, run.steps);
    },
  };
}

/** The results of an epoch as plain data, without confusion matrix. */
export function plainResult(result: EpochResult): Record<string, unknown> {
  const { epoch, step, trainingLoss, trainingAccuracy, lr, seconds, imagesPerSecond, validation } = result;
  const measured = validation && {
    samples: validation.count,
    loss: validation.loss,
    accuracy: validation.accuracy,
    ...validation.metrics,
  };
  return { epoch, step, trainingLoss, trainingAccuracy, validation: measured, lr, seconds, imagesPerSecond };
}

/** Optimiser state and counters, under the names that a checkpoint keeps them by. */
function trainingState(control: TrainingControl, epoch: number, step: number): Map<string, NamedTensor> {
  const state = new Map<string, NamedTensor>([
    ["epoch", { shape: [], data: Int32Array.of(epoch) }],
    ["step", { shape: [], data: Int32Array.of(step) }],
  ]);
  for (const [name, { shape, data }] of control.optimizerState()) {
    const copy = data instanceof Float32Array ? new Float32Array(data) : new Int32Array(data);
    state.set(`optimizer.${name}`, { shape, data: copy } as NamedTensor);
  }
  return state;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
