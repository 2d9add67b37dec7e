/** Options of the training loop, the same for every verb that trains, and what they say to `fit`. */
import { Option } from "commander";
import type { ClassWeights } from "../data/sampling.ts";
import { UsageError, unknownName } from "../engine/errors.ts";
import { OPTIMIZER_NAMES, takesOption } from "../optim/registry.ts";
import { SCHEDULE_NAMES, type ScheduleSpec } from "../optim/schedules.ts";
import { earlyStopping, PATIENCE } from "../train/early-stopping.ts";
import { OPTIONS, type OptionRule } from "../train/options.ts";
import type { FitOptions, OptimizerSpec } from "../train/settings.ts";
import { integerOption, rangedOption } from "./options.ts";

/** The options of `fit` that a verb which trains has under the same name; what numbers they take is said there. */
const LOOP = {
  epochs: ["<n>", "times through the data"],
  steps: ["<n>", "end after so many changes of the weights"],
  minutes: ["<m>", "time for training: the schedule is stretched to it"],
  batchSize: ["<n>", "samples that go through the network at a time"],
  accumulate: ["<n>", "batches whose gradients are added for one step"],
  lr: ["<rate>", "learning rate"],
  schedule: ["<name>", `of the rate: ${SCHEDULE_NAMES.join(", ")}; options as in oneCycle:rise=0.4`],
  warmup: ["<epochs>", "let the rate rise in a line before the schedule begins"],
  clipNorm: ["<norm>", "largest norm of all gradients together"],
  ema: ["<decay>", "use a running average of the weights, such as 0.999"],
  plainEpochs: ["<n>", "last epochs in which samples are not augmented"],
  labelSmoothing: ["<share>", "part of the target that is spread over all outputs alike"],
  classWeights: ["<list>", "what each class counts in the loss: balanced, or a number per class: 1,1,2.5"],
  sampling: ["<list>", "draw samples by class: balanced, or a number per class, instead of each once"],
  keep: ["<which>", "weights to end with: the best on validation, or the last ones"],
  overfitBatches: ["<n>", "learn so few batches by heart, to see whether the network can"],
  checkpointSteps: ["<n>", "checkpoints within an epoch too, after so many steps each"],
} as const satisfies Partial<Record<keyof FitOptions, readonly [value: string, about: string]>>;

type LoopName = keyof typeof LOOP;

/** What the options of {@link loopOptions} give. */
export interface LoopOptions extends Pick<FitOptions, LoopName> {
  readonly patience?: number | undefined;
  readonly patienceMetric?: string | undefined;
}

/** How options that are no plain numbers are read. */
const READ: Readonly<Partial<Record<LoopName, (option: Option) => Option>>> = {
  schedule: (option) => option.argParser(parseSchedule),
  classWeights: (option) => option.argParser((text) => parseWeights("--class-weights", text)),
  sampling: (option) => option.argParser((text) => parseWeights("--sampling", text)),
  keep: (option) => option.choices(["best", "last"]),
};

/** The options themselves, in the order of the help text. */
export function loopOptions(): Option[] {
  const options = (Object.entries(LOOP) as [LoopName, readonly [string, string]][]).map(([name, [value, about]]) => {
    const flags = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${value}`;
    const { range }: OptionRule = OPTIONS[name];
    return range === undefined
      ? (READ[name] as (option: Option) => Option)(new Option(flags, about))
      : rangedOption(flags, about, range);
  });
  return [
    ...options,
    integerOption("--patience <epochs>", "stop when the validation has not become better for so long", { min: 1 }),
    new Option("--patience-metric <name>", "by what: loss, or a measure of the task; alone, 3 epochs long").implies({
      patience: PATIENCE,
    }),
  ];
}

/** What the options say to `fit`; callbacks of a verb's own go behind. */
export function fitOptions(options: LoopOptions): FitOptions {
  const { patience, patienceMetric: metric } = options;
  const given = Object.fromEntries((Object.keys(LOOP) as LoopName[]).map((name) => [name, options[name]]));
  return {
    ...given,
    keep: options.keep ?? "best",
    callbacks: patience === undefined ? [] : [earlyStopping({ patience, metric })],
  };
}

/** What says which optimizer to use. */
export interface OptimizerOptions {
  readonly optimizer?: string | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** The optimizer that is asked for, checked before anything is loaded. */
export function optimizerSpec(options: OptimizerOptions, fromRecipe: string): OptimizerSpec {
  const { optimizer: name = fromRecipe, momentum, weightDecay } = options;
  if (!OPTIMIZER_NAMES.includes(name)) throw unknownName("optimizer", name, OPTIMIZER_NAMES);
  if (momentum !== undefined && !takesOption(name, "momentum")) {
    const able = OPTIMIZER_NAMES.filter((other) => takesOption(other, "momentum")).join(" or ");
    throw new UsageError(`${name} takes no --momentum; add --optimizer ${able}, or leave it out`);
  }
  return { name, momentum, weightDecay };
}

/** `name` or `name:option=number,option=number`. */
function parseSchedule(text: string): ScheduleSpec {
  const [name, list = ""] = text.split(":", 2);
  const options = list.split(",").filter((part) => part !== "");
  const pairs = options.map((part) => {
    const [option, value = ""] = part.split("=", 2);
    if (value === "") throw new UsageError(`--schedule: "${part}" is no option=value, as in step:every=500,gamma=0.5`);
    return [option, Number.isNaN(Number(value)) ? value : Number(value)];
  });
  // Checked, with suggestions, where schedules are made.
  return { name, ...Object.fromEntries(pairs) } as ScheduleSpec;
}

function parseWeights(option: string, text: string): ClassWeights {
  if (text === "balanced") return text;
  const weights = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (weights.every((weight) => Number.isFinite(weight) && weight >= 0)) return weights;
  throw new UsageError(`${option} must be balanced, or numbers of at least 0 with commas between, not "${text}"`);
}
