/** `ductus evaluate`: measures a model file on one split of a data set. */
import { Command, Option } from "commander";
import { platform } from "../platform/platform.ts";
import { evaluate } from "../train/evaluate.ts";
import { conformTo } from "../train/predict.ts";
import { formatEvaluation, grouped } from "../train/report.ts";
import { averagedOver, shifts } from "../train/test-time.ts";
import { load } from "../train/trained-model.ts";
import { dataDirOption, openForCli } from "./cli-data.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { duration, openTerminal } from "./terminal.ts";

interface EvaluateCliOptions extends CommonOptions {
  readonly data: string;
  readonly dataDir?: string;
  readonly split: "train" | "test";
  readonly tta?: number;
  readonly threads?: number;
  readonly strict?: boolean;
}

const EXAMPLES = `
Examples:
  $ ductus evaluate runs/mnist-cnn-3x3-1/best.safetensors --data mnist
  $ ductus evaluate digits.safetensors --data usps --split train
  $ ductus evaluate letters.safetensors --data my-letters/ --json`;

export function command(): Command {
  return new Command()
    .description("Measures a model: accuracy, precision, recall and F1 of each class, confusion matrix.")
    .argument("<model>", "model file")
    .option("--data <name|path>", "mnist, fashion-mnist …, a folder of pictures by class, or a CSV file", "mnist")
    .addOption(dataDirOption())
    .addOption(new Option("--split <name>", "which part of the data").choices(["train", "test"]).default("test"))
    .addOption(
      integerOption("--tta <pixels>", "average over copies shifted by up to so many pixels: 9 copies for 1", {
        min: 1,
        max: 4,
      }),
    )
    .addOption(integerOption("--threads <n>", "default: one per core", { min: 1, max: 256 }))
    .option("--strict", "arithmetic that gives the same bits on every machine")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, options: EvaluateCliOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const model = await load(path);
  const data = await openForCli(options.data, options, terminal);
  const backend = await platform().createBackend(options);
  try {
    const dataset = conformTo(model, data[options.split]);
    const views = options.tta === undefined ? undefined : shifts(options.tta);
    const result = await evaluate(views === undefined ? model : averagedOver(model, views), dataset, {
      backend,
      onProgress: (done, total) => terminal.live(`${grouped(done)} of ${grouped(total)}`),
    });
    if (views !== undefined)
      terminal.print(`with test-time augmentation: the mean over ${views.length} shifted copies`);
    terminal.print(formatEvaluation(result, terminal.style));
    const rate = Math.round(result.count / result.seconds);
    terminal.note(
      terminal.noteStyle.dim(`${duration(result.seconds)}, ${grouped(rate)} images/s, ${backend.description}`),
    );
    const { name, origin } = dataset;
    terminal.emit({
      ...result.toJSON(),
      views: views?.length,
      model: path,
      dataset: { name, split: options.split, origin },
    });
  } finally {
    await backend.close();
  }
}
