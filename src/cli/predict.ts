/** `ductus predict`: reads pictures of any size and polarity with a model file. */
import { Command } from "commander";
import { PICTURE_KINDS } from "../data/picture-formats.ts";
import { DuctusError } from "../engine/errors.ts";
import { platform } from "../platform/platform.ts";
import { type Candidate, type Prediction, Predictor } from "../train/predict.ts";
import { displayWidth, padEnd, percent } from "../train/report.ts";
import { load } from "../train/trained-model.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface PredictOptions extends CommonOptions {
  readonly top: number;
}

const EXAMPLES = `
Pictures may be ${PICTURE_KINDS}, of any size, dark on light or light on dark.

Examples:
  $ ductus predict runs/mnist-cnn-3x3-1/best.safetensors seven.png
  $ ductus predict digits.safetensors scans/*.png --top 1 --json`;

const BAR = 24;

export function command(): Command {
  return new Command()
    .description("Reads pictures with a model: the likeliest classes, with their probabilities.")
    .argument("<model>", "model file")
    .argument("<picture...>", `${PICTURE_KINDS} files`)
    .addOption(integerOption("--top <n>", "how many classes to show", { min: 1 }).default(3))
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, pictures: readonly string[], options: PredictOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const model = await load(path);
  const predictor = await Predictor.open(model);
  const results: object[] = [];
  let failures = 0;
  try {
    for (const picture of pictures) {
      // One bad picture is no reason to leave the others unread.
      try {
        const decoded = await platform().decodePicture(picture);
        const { pages } = decoded;
        if (pages !== undefined) terminal.note(`note     ${picture}: has ${pages} pages or frames; the first is read`);
        const prediction = predictor.predict(decoded);
        const top = prediction.ranking.slice(0, options.top);
        showPrediction(terminal, picture, prediction, top);
        results.push({ picture, class: prediction.name, probability: prediction.probability, top });
      } catch (error) {
        if (!(error instanceof DuctusError)) throw error;
        failures++;
        const message = error.message.includes(picture) ? error.message : `${picture}: ${error.message}`;
        terminal.note(`ductus: ${message}`);
        results.push({ picture, error: message });
      }
    }
  } finally {
    await predictor.close();
  }
  terminal.emit({ model: path, predictions: results });
  if (failures > 0) process.exitCode = 1;
}

/** The answer, and bars of the first classes. */
export function showPrediction(
  terminal: Terminal,
  picture: string,
  prediction: Prediction,
  top: readonly Candidate[],
): void {
  const { bold, dim, good } = terminal.style;
  const width = Math.max(...top.map(({ name }) => displayWidth(name)));
  terminal.print(`${picture}: ${bold(prediction.name)}`);
  for (const [rank, { name, probability }] of top.entries()) {
    const filled = Math.round(probability * BAR);
    const bar = "█".repeat(filled);
    const rest = dim("░".repeat(BAR - filled));
    terminal.print(
      `  ${padEnd(name, width)}  ${rank === 0 ? good(bar) : bar}${rest}  ${percent(probability).padStart(8)}`,
    );
  }
}
