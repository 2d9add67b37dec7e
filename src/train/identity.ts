/** What a run is, as a resume compares it: everything that its weights depend on, and nothing else. */
import type { AugmentationList } from "../augment/records.ts";
import { asDataset, type Dataset } from "../data/dataset.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import type { Complete } from "../engine/options.ts";
import { type AnyModel, modelName } from "../models/model.ts";
import { VERSION } from "../platform/version.ts";
import type { Identity } from "./checkpoint.ts";
import { type Teaching, teachingIdentity } from "./distill.ts";
import type { FitOptions, Settings } from "./settings.ts";

/** What options have been made into. */
export interface Made {
  readonly list: AugmentationList;
  readonly teacher: Complete<Teaching> | undefined;
  /** {@link Backend.description} without its number of threads, which changes nothing. */
  readonly arithmetic: string;
}

export async function identify(
  model: AnyModel,
  dataset: Dataset,
  options: FitOptions,
  settings: Settings,
  { list, teacher, arithmetic }: Made,
): Promise<Identity> {
  const { validation = 0 } = options;
  const { optimizer, schedule } = settings;
  return {
    version: VERSION,
    model: modelName(model),
    weights: [...model.network.namedParameters()].reduce((sum, [, { size }]) => sum + size, 0),
    data: await dataIdentity(dataset, model.dataset?.fingerprint),
    dataForValidation: typeof validation === "number" ? null : await dataIdentity(asDataset(validation)),
    validation: typeof validation === "number" ? validation : null,
    epochs: settings.epochs,
    steps: settings.steps ?? null,
    minutes: settings.minutes ?? null,
    batchSize: settings.batchSize,
    accumulate: settings.accumulate,
    seed: settings.seed,
    optimizer: `${optimizer.name} ${JSON.stringify(optimizer.options)}`,
    lr: settings.lr,
    schedule: JSON.stringify(schedule.spec),
    warmup: settings.warmup,
    loss: typeof options.loss === "function" ? "own" : (options.loss ?? model.recipe.loss),
    labelSmoothing: settings.labelSmoothing,
    teacher: teacher === undefined ? null : await teachingIdentity(teacher),
    classWeights: text(options.classWeights),
    sampling: text(options.sampling),
    ema: settings.ema ?? null,
    clipNorm: settings.clipNorm ?? null,
    augment: text(list),
    plainEpochs: settings.plainEpochs,
    overfitBatches: options.overfitBatches ?? null,
    transfer: text(options.transfer),
    keep: options.keep ?? "last",
    arithmetic,
  };
}

function text(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

async function dataIdentity(dataset: Dataset, known?: string): Promise<string> {
  if (known !== undefined && known !== "none") return known;
  return (await fingerprintIfKnown(dataset)) ?? `${dataset.name}, ${dataset.length} samples`;
}

/** What a backend's description says beside the number of threads: `wasm, fused multiply-add`. */
export function arithmeticOf(description: string): string {
  return description.replace(/, \d+ threads?\b/, "");
}
