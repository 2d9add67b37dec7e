/** `ductus predict`: reads pictures of any size and polarity with a model file. */
import { Command } from "commander";
import { DuctusError, UsageError } from "../engine/errors.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import type { Model } from "../models/model.ts";
import { severalCharacters } from "../picture/characters.ts";
import { platform } from "../platform/platform.ts";
import { displayWidth, duration, grouped, padEnd, percent } from "../task/text.ts";
import { type Candidate, type Prediction, Predictor } from "../use/predict.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { type Inputs, openInputs, type Sample } from "./predict-inputs.ts";
import { type Answer, csvOf } from "./predictions-csv.ts";
import { openTerminal, showNotes, type Terminal } from "./terminal.ts";

interface PredictOptions extends CommonOptions {
  readonly top: number;
  readonly csv?: string | undefined;
  readonly columns?: string | undefined;
}

const EXAMPLES = `
Pictures may be ${PICTURE_KINDS}, of any size, dark on light or light on dark. A folder stands for
all pictures in it and below. Tables are CSV files of pixels, with labels or without, and IDX files.

Examples:
  $ ductus predict runs/mnist-cnn-3x3-1/best.safetensors seven.png
  $ ductus predict digits.safetensors "scans/*.png" --top 1 --json
  $ ductus predict digits.safetensors scans/ --csv answers.csv                  columns file,label,probability
  $ ductus predict digits.safetensors test.csv --csv - --columns ImageId,Label  as Kaggle wants it`;

const BAR = 24;
/** More pictures than these get a line each, and no bars. */
const FEW = 20;
/** Samples that are read together, where there are many. */
const BATCH = 64;
/** Milliseconds between two lines of progress. */
const BREATH = 100;

export function command(): Command {
  return new Command()
    .description("Reads pictures with a model: the likeliest classes, with their probabilities.")
    .argument("<model>", "model file")
    .argument("<input...>", "pictures, folders, patterns, CSV or IDX files")
    .addOption(integerOption("--top <n>", "how many classes to show", { min: 1 }).default(3))
    .option("--csv <file>", "write the answers to this CSV file; - is standard output")
    .option("--columns <names>", "other names for the columns of --csv; without the last, no probability")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, words: readonly string[], options: PredictOptions): Promise<void> {
  const { json = false, top, csv, columns } = options;
  if (columns !== undefined && csv === undefined) throw new UsageError("--columns names the columns of --csv");
  if (json && csv === "-") throw new UsageError("--csv - and --json both want standard output");
  const terminal = openTerminal(json);
  const model = await openModel(path, terminal);
  const inputs = await openInputs(words, model);
  showNotes(terminal, inputs.notes);
  // Names that do not fit are no surprise for the end.
  csvOf([], inputs, columns);
  const answers: Answer[] = [];
  const results: object[] = [];
  const started = performance.now();
  let shown = started;
  for await (const { file, row, pages, answer } of answersTo(inputs, model)) {
    if (pages !== undefined) terminal.note(`note     ${file}: has ${pages} pages or frames; the first is read`);
    const place = row === undefined ? { picture: file } : { file, row };
    if (answer instanceof DuctusError) {
      terminal.note(`ductus: ${answer.message.includes(file) ? answer.message : `${file}: ${answer.message}`}`);
      answers.push({ file, row });
      results.push({ ...place, error: answer.message });
    } else {
      const { name, probability, ranking, characters } = answer;
      const first = ranking.slice(0, top);
      const title = row === undefined ? file : `${file} ${row}`;
      if (csv === undefined && inputs.total <= FEW) showPrediction(terminal, title, answer, first);
      else if (csv === undefined) terminal.print(`${title}: ${terminal.style.bold(name)}  ${percent(probability)}`);
      if (characters !== undefined && characters > 1 && (csv !== undefined || inputs.total > FEW)) {
        terminal.note(`note     ${title}: ${severalCharacters(characters)}`);
      }
      answers.push({ file, row, label: name, probability });
      results.push({ ...place, class: name, probability, characters, top: first });
    }
    if (performance.now() - shown < BREATH) continue;
    terminal.live(`${grouped(answers.length)} of ${grouped(inputs.total)}`);
    shown = performance.now();
  }
  const failures = answers.filter(({ label }) => label === undefined).length;
  if (csv === "-") process.stdout.write(csvOf(answers, inputs, columns));
  else if (csv !== undefined) await platform().writeFile(csv, csvOf(answers, inputs, columns));
  if (inputs.total > 1) {
    const seconds = (performance.now() - started) / 1000;
    const failed = failures > 0 ? `, ${grouped(failures)} could not be read` : "";
    const where = csv === undefined || csv === "-" ? "" : ` to ${csv}`;
    terminal.note(
      terminal.noteStyle.dim(`${grouped(answers.length - failures)} answers${where} in ${duration(seconds)}${failed}`),
    );
  }
  terminal.emit({ model: path, predictions: results });
  if (failures > 0) process.exitCode = 1;
}

type Answered = Omit<Sample, "pixels"> & { readonly answer: Prediction | DuctusError };

/** Reads everything in its order, several samples together where there are many. */
async function* answersTo(inputs: Inputs, model: Model): AsyncIterable<Answered> {
  const batch = inputs.total < BATCH ? 1 : BATCH;
  const predictor = await Predictor.open(model, { batch });
  try {
    let waiting: Sample[] = [];
    const answered = (): Answered[] => {
      const readable = waiting.flatMap(({ pixels }) => (pixels instanceof DuctusError ? [] : [pixels]));
      const read = readable.length > 0 ? predictor.read(readable) : [];
      const all = waiting.map(({ pixels, ...sample }) => {
        const answer = pixels instanceof DuctusError ? pixels : (read.shift() as Prediction | DuctusError);
        return { ...sample, answer };
      });
      waiting = [];
      return all;
    };
    for await (const sample of inputs.samples((picture) => predictor.prepare(picture))) {
      waiting.push(sample);
      if (waiting.length === batch) yield* answered();
    }
    yield* answered();
  } finally {
    await predictor.close();
  }
}

/** The answer, and bars of the first classes. */
export function showPrediction(
  terminal: Terminal,
  picture: string,
  prediction: Prediction,
  top: readonly Candidate[],
): void {
  const { bold, dim, good, bad } = terminal.style;
  const width = Math.max(...top.map(({ name }) => displayWidth(name)));
  terminal.print(`${picture}: ${bold(prediction.name)}`);
  const { characters = 1 } = prediction;
  if (characters > 1) terminal.print(`  ${bad(severalCharacters(characters))}`);
  for (const [rank, { name, probability }] of top.entries()) {
    const filled = Math.round(probability * BAR);
    const bar = "█".repeat(filled);
    const rest = dim("░".repeat(BAR - filled));
    terminal.print(
      `  ${padEnd(name, width)}  ${rank === 0 ? good(bar) : bar}${rest}  ${percent(probability).padStart(8)}`,
    );
  }
}
