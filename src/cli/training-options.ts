/** Options of the training loop, the same for every verb that trains, and what they say to `fit`. */
import { Option } from "commander";
import { UsageError, unknownName } from "../engine/errors.ts";
import { OPTIMIZER_NAMES, takesOption } from "../optim/registry.ts";
import { SCHEDULE_NAMES, type ScheduleSpec } from "../optim/schedules.ts";
import { earlyStopping } from "../train/callbacks.ts";
import type { ClassWeights, FitOptions, OptimizerSpec } from "../train/settings.ts";
import { integerOption, numberOption } from "./options.ts";

/** What the options of {@link loopOptions} give. */
export interface LoopOptions {
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly minutes?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly lr?: number | undefined;
  readonly schedule?: ScheduleSpec | undefined;
  readonly warmup?: number | undefined;
  readonly clipNorm?: number | undefined;
  readonly ema?: number | undefined;
  readonly plainEpochs?: number | undefined;
  readonly labelSmoothing?: number | undefined;
  readonly classWeights?: ClassWeights | undefined;
  readonly sampling?: ClassWeights | undefined;
  readonly patience?: number | undefined;
  readonly keep?: "best" | "last" | undefined;
  readonly overfitBatches?: number | undefined;
  readonly checkpointSteps?: number | undefined;
}

/** The options themselves, in the order of the help text. */
export function loopOptions(): Option[] {
  const atLeast1 = { min: 1 };
  const above0 = { above: 0 };
  const [weightsOption, samplingOption] = [
    new Option(
      "--class-weights <list>",
      "what each class counts in the loss: balanced, or a number per class: 1,1,2.5",
    ),
    new Option("--sampling <list>", "draw samples by class: balanced, or a number per class, instead of each once"),
  ];
  return [
    integerOption("--epochs <n>", "times through the data", atLeast1),
    integerOption("--steps <n>", "end after so many changes of the weights", atLeast1),
    numberOption("--minutes <m>", "time for training: the schedule is stretched to it", above0),
    integerOption("--batch-size <n>", "samples that go through the network at a time", atLeast1),
    integerOption("--accumulate <n>", "batches whose gradients are added for one step", atLeast1),
    numberOption("--lr <rate>", "learning rate", above0),
    new Option(
      "--schedule <name>",
      `of the rate: ${SCHEDULE_NAMES.join(", ")}; options as in oneCycle:rise=0.4`,
    ).argParser(parseSchedule),
    numberOption("--warmup <epochs>", "let the rate rise in a line before the schedule begins", { min: 0 }),
    numberOption("--clip-norm <norm>", "largest norm of all gradients together", above0),
    numberOption("--ema <decay>", "use a running average of the weights, such as 0.999", {
      above: 0,
      below: 1,
    }),
    integerOption("--plain-epochs <n>", "last epochs in which samples are not augmented", { min: 0 }),
    numberOption("--label-smoothing <share>", "part of the target that is spread over all classes", {
      min: 0,
      below: 1,
    }),
    weightsOption.argParser((text: string) => parseWeights("--class-weights", text)),
    samplingOption.argParser((text: string) => parseWeights("--sampling", text)),
    integerOption("--patience <epochs>", "stop when the validation loss has not fallen for so long", atLeast1),
    new Option("--keep <which>", "weights to end with: the best on validation, or the last ones").choices([
      "best",
      "last",
    ]),
    integerOption("--overfit-batches <n>", "learn so few batches by heart, to see whether the network can", atLeast1),
    integerOption("--checkpoint-steps <n>", "checkpoints within an epoch too, after so many steps each", atLeast1),
  ];
}

/** What the options say to `fit`; callbacks of a verb's own go behind. */
export function fitOptions(options: LoopOptions): FitOptions {
  const { epochs, steps, minutes, batchSize, accumulate, lr, schedule, warmup, clipNorm, ema } = options;
  const { plainEpochs, labelSmoothing, classWeights, sampling } = options;
  const { overfitBatches, checkpointSteps, patience, keep = "best" } = options;
  return {
    ...{ epochs, steps, minutes, batchSize, accumulate, lr, schedule, warmup, clipNorm, ema },
    ...{ plainEpochs, labelSmoothing, classWeights, sampling, overfitBatches, checkpointSteps, keep },
    callbacks: patience === undefined ? [] : [earlyStopping(patience)],
  };
}

/** What says which optimiser to use. */
export interface OptimizerOptions {
  readonly optimizer?: string | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** The optimiser that is asked for, checked before anything is loaded. */
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
