/**
 * What is known of each option of `fit`: the numbers that it takes, and what of it must be the same in a run that goes on. One
 * table for all: an option that is added to {@link FitOptions} and not here is a type error, so none can be forgotten.
 */
import type { AugmentationList } from "../augment/records.ts";
import { UsageError } from "../engine/errors.ts";
import type { Recipe } from "../models/model.ts";
import type { Identity } from "./checkpoint.ts";
import type { Teacher } from "./distill.ts";
import { isInRange, type Range, rangeInWords } from "./range.ts";
import type { FitOptions, Settings } from "./settings.ts";

/** What a run's options have been made into. */
export interface Decided {
  readonly options: FitOptions;
  readonly settings: Settings;
  readonly recipe: Recipe;
  readonly list: AugmentationList;
  readonly teacher: Teacher | undefined;
}

type Same = Identity[string] | undefined;

export interface OptionRule {
  /** Of options that are numbers. */
  readonly range?: Range | undefined;
  /** What the weights depend on; null where they do not. Undefined is written as null: not set. */
  readonly same: ((decided: Decided) => Same | Promise<Same>) | null;
}

const COUNT: Range = { whole: true, min: 1 };
const POSITIVE: Range = { above: 0 };
/** Options on which the weights do not depend. */
const FREE: OptionRule = { same: null };

export const OPTIONS = {
  validation: { same: ({ options: { validation = 0 } }) => (typeof validation === "number" ? validation : null) },
  epochs: { range: COUNT, same: ({ settings }) => settings.epochs },
  steps: { range: COUNT, same: ({ settings }) => settings.steps },
  minutes: { range: POSITIVE, same: ({ settings }) => settings.minutes },
  batchSize: { range: COUNT, same: ({ settings }) => settings.batchSize },
  accumulate: { range: COUNT, same: ({ settings }) => settings.accumulate },
  seed: { range: { whole: true }, same: ({ settings }) => settings.seed },
  optimizer: { same: ({ settings: { optimizer } }) => `${optimizer.name} ${JSON.stringify(optimizer.options)}` },
  lr: { range: POSITIVE, same: ({ settings }) => settings.lr },
  schedule: { same: ({ settings }) => JSON.stringify(settings.schedule.spec) },
  warmup: { range: { min: 0 }, same: ({ settings }) => settings.warmup },
  loss: { same: ({ options: { loss }, recipe }) => (typeof loss === "function" ? "own" : (loss ?? recipe.loss)) },
  labelSmoothing: { range: { min: 0, below: 1 }, same: ({ settings }) => settings.labelSmoothing },
  teacher: { same: ({ teacher }) => teacher?.identity() },
  classWeights: { same: ({ options }) => text(options.classWeights) },
  sampling: { same: ({ options }) => text(options.sampling) },
  ema: { range: { above: 0, below: 1 }, same: ({ settings }) => settings.ema },
  clipNorm: { range: POSITIVE, same: ({ settings }) => settings.clipNorm },
  augment: { same: ({ list }) => text(list) },
  plainEpochs: { range: { whole: true, min: 0 }, same: ({ settings }) => settings.plainEpochs },
  overfitBatches: { range: COUNT, same: ({ options }) => options.overfitBatches },
  transfer: { same: ({ options }) => text(options.transfer) },
  keep: { same: ({ options }) => options.keep ?? "last" },
  checkpointSteps: { range: COUNT, same: null },
  // What the model file says, the callbacks hear or the folder gets, not what is computed.
  preprocessing: FREE,
  metrics: FREE,
  callbacks: FREE,
  onWarning: FREE,
  signal: FREE,
  resume: FREE,
  // Of the backend the kind of arithmetic alone matters, see identity.ts.
  backend: FREE,
  threads: FREE,
  strict: FREE,
  profile: FREE,
} as const satisfies Readonly<Record<keyof FitOptions, OptionRule>>;

const RULES = Object.entries(OPTIONS) as [keyof FitOptions, OptionRule][];

/** @throws UsageError when an option that is a number is out of its range */
export function checkRanges(options: Pick<FitOptions, keyof FitOptions>): void {
  for (const [name, { range }] of RULES) {
    const value = options[name];
    if (range === undefined || value === undefined || isInRange(value as number, range)) continue;
    throw new UsageError((option) => `${option(name)} is ${value}; expected ${rangeInWords(range)}`);
  }
}

/** Everything about the options that a run which goes on must have the same. */
export async function optionsIdentity(decided: Decided): Promise<Identity> {
  const identity: Record<string, Identity[string]> = {};
  for (const [name, { same }] of RULES) if (same !== null) identity[name] = (await same(decided)) ?? null;
  return identity;
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
