/** `ductus lr-find`: a learning rate for a network and data, found in some seconds, with the curve that it rests on. */
import { Command } from "commander";
import { stratifiedSplit } from "../data/split.ts";
import { create, findArchitecture } from "../models/registry.ts";
import { OPTIMIZER_NAMES } from "../optim/registry.ts";
import { preprocessedShape } from "../picture/preprocessing.ts";
import { platform } from "../platform/platform.ts";
import { formatRate } from "../task/text.ts";
import { highestDrawn, type LrCurve } from "../train/lr-curve.ts";
import { findLr } from "../train/lr-find.ts";
import { loadWeights } from "../train/transfer/weights.ts";
import { conformTo } from "../use/predict.ts";
import { dataOptions, openForTraining } from "./cli-data.ts";
import { type CommonOptions, integerOption, jsonOption, numberOption } from "./options.ts";
import { plot } from "./plot.ts";
import { openTerminal, showNotes, type Terminal } from "./terminal.ts";
import { optimizerSpec } from "./training-options.ts";

interface LrFindCliOptions extends CommonOptions {
  readonly data: string;
  readonly dataDir?: string | undefined;
  readonly model: string;
  readonly init?: string | undefined;
  readonly batchSize?: number | undefined;
  readonly optimizer?: string | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly seed: number;
  readonly val: number;
  readonly threads?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly out?: string | undefined;
}

const EXAMPLES = `
The rate grows from step to step; the suggestion is where the loss falls fastest. Nothing is kept of the training.

Examples:
  $ ductus lr-find --model cnn-3x3
  $ ductus lr-find --model lenet5 --optimizer sgd --momentum 0.9 --batch-size 128
  $ ductus lr-find --data my-letters/ --out curve.html          the curve as a page
  $ ductus lr-find --data my-letters/ --json`;

export function command(): Command {
  const all = new Command()
    .description("Finds a learning rate: trains for some steps while the rate grows, and shows the loss over it.")
    .option("--data <name|path>", "mnist, fashion-mnist …, a folder of pictures by class, or a CSV file", "mnist")
    .option("--model <name>", "architecture", "cnn-3x3")
    .option("--init <file>", "start from these weights (.safetensors, .pt, .pth)")
    .addOption(integerOption("--batch-size <n>", "samples per step (default: the model's recipe)", { min: 1 }))
    .option("--optimizer <name>", OPTIMIZER_NAMES.join(", "))
    .addOption(numberOption("--momentum <share>", "of muon, sgd and rmsprop", { min: 0, below: 1 }))
    .addOption(numberOption("--weight-decay <rate>", "pull of the weights towards zero", { min: 0 }))
    .addOption(numberOption("--from <rate>", "first learning rate", { above: 0 }).default(1e-6))
    .addOption(numberOption("--to <rate>", "last learning rate", { above: 0 }).default(10))
    .addOption(integerOption("--steps <n>", "steps between them", { min: 20 }).default(200))
    .addOption(integerOption("--seed <n>", "of weights and order").default(0))
    .addOption(
      numberOption("--val <share>", "part that training puts aside, and this does too", { min: 0, max: 0.9 }).default(
        0.1,
      ),
    )
    .addOption(integerOption("--threads <n>", "default: one per core", { min: 1, max: 256 }))
    .option("--strict", "arithmetic that gives the same bits on every machine")
    .option("--out <file>", "write the curve as a page, too")
    .addHelpText("after", EXAMPLES)
    .action(run);
  for (const option of dataOptions()) all.addOption(option);
  return all.addOption(jsonOption());
}

async function run(options: LrFindCliOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const { recipe } = findArchitecture(options.model);
  const optimizer = optimizerSpec(options, recipe.optimizer);
  const { train, validation, preprocessing } = await openForTraining(options.data, options, terminal);
  const { seed, from, to, steps, batchSize } = options;
  const model = create(options.model, { classes: train.classes, inputShape: preprocessedShape(preprocessing), seed });
  model.preprocessing = { ...preprocessing };
  if (options.init !== undefined) showNotes(terminal, (await loadWeights(model, options.init)).notes);
  const samples = conformTo(model, train);
  const part =
    validation !== undefined || options.val === 0 ? samples : stratifiedSplit(samples, options.val, seed).train;
  const backend = await platform().createBackend(options);
  try {
    const onStep = (step: number): void => terminal.live(`step ${step} of ${steps}`);
    const curve = await findLr(model, part, { optimizer, batchSize, seed, from, to, steps, backend, onStep });
    show(terminal, curve, options.model);
    if (options.out !== undefined) {
      const how = `${optimizer.name}, batches of ${batchSize ?? recipe.batchSize}`;
      const { renderLrCurve } = await import("../report/lr-curve.ts");
      const page = { curve, model: options.model, data: train.name, how, created: new Date().toISOString() };
      await platform().writeFile(options.out, renderLrCurve(page));
      terminal.print(terminal.style.dim(`the curve as a page:     ${options.out}`));
    }
    terminal.emit({ model: options.model, data: train.name, optimizer, page: options.out, ...curve });
  } finally {
    await backend.close();
  }
}

function show(terminal: Terminal, curve: LrCurve, model: string): void {
  const { points, suggestion, tenthOfLeast, exploded } = curve;
  const highest = highestDrawn(curve);
  const columns = process.stdout.isTTY ? process.stdout.columns : 80;
  const drawn = plot({
    xs: points.map(({ lr }) => lr),
    ys: points.map(({ smoothed }) => Math.min(smoothed, highest)),
    width: Math.max(20, Math.min(72, columns - 12)),
    height: 12,
    isLogarithmic: true,
    mark: suggestion,
  });
  terminal.print();
  terminal.print(terminal.style.dim("training loss (smoothed) over learning rate"));
  for (const line of drawn) terminal.print(line);
  terminal.print();
  if (suggestion === undefined || tenthOfLeast === undefined) {
    terminal.print("The loss never fell: no learning rate to suggest. Is --from too large, or are the samples no use?");
    return;
  }
  terminal.print(
    `${terminal.style.bold(`suggested learning rate  ${formatRate(suggestion)}`)} ▲ where the loss falls fastest`,
  );
  terminal.print(`by another rule          ${formatRate(tenthOfLeast)}   a tenth of where it is least`);
  if (exploded) terminal.print(`the loss explodes at     ${formatRate(points[points.length - 1].lr)}`);
  terminal.print(
    terminal.style.dim(`try it:                  ductus train --model ${model} --lr ${formatRate(suggestion)}`),
  );
}
