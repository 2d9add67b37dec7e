/** `ductus predict`: reads pictures of any size and polarity, or texts, with a model file. */
import { Command } from "commander";
import { DuctusError, UsageError } from "../engine/errors.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { severalCharacters } from "../picture/characters.ts";
import { platform } from "../platform/platform.ts";
import type { Ranked } from "../task/classify/classify.ts";
import { noneOfThese } from "../task/classify/novelty.ts";
import { displayWidth, duration, grouped, padEnd, percent } from "../task/text.ts";
import { type Likely, VIEWS } from "../task/views.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { OPEN } from "./predict-inputs.ts";
import { type Answer, csvOf } from "./predictions-csv.ts";
import { openTerminal, showNotes, type Terminal } from "./terminal.ts";

interface PredictOptions extends CommonOptions {
  readonly text?: readonly string[] | undefined;
  readonly top: number;
  readonly csv?: string | undefined;
  readonly columns?: string | undefined;
}

const EXAMPLES = `
Pictures may be ${PICTURE_KINDS}, of any size, dark on light or light on dark. A folder stands for
all pictures in it and below. Tables are CSV files of pixels, with labels or without, and IDX files.
A model that reads texts takes a sentence in quotes, --text, files with a text in each line, or - for standard input.

Examples:
  $ ductus predict runs/mnist-cnn-3x3-1/best.safetensors seven.png
  $ ductus predict digits.safetensors "scans/*.png" --top 1 --json
  $ ductus predict digits.safetensors scans/ --csv answers.csv                  columns file,label,probability
  $ ductus predict digits.safetensors test.csv --csv - --columns ImageId,Label  as Kaggle wants it
  $ ductus predict questions.safetensors "Who was Galileo?"`;

const BAR = 24;
/** More pictures than these get a line each, and no bars. */
const FEW = 20;
/** Samples that are read together, where there are many. */
const BATCH = 64;
/** Milliseconds between two lines of progress. */
const BREATH = 100;

export function command(): Command {
  return new Command()
    .description("Reads pictures or texts with a model: what it takes them for, with probabilities.")
    .argument("<model>", "model file")
    .argument("[input...]", "pictures, folders, patterns, CSV or IDX files; sentences, files of texts")
    .option("--text <text...>", "texts to read")
    .addOption(integerOption("--top <n>", "how many answers to show", { min: 1 }).default(3))
    .option("--csv <file>", "write the answers to this CSV file; - is standard output")
    .option("--columns <names>", "other names for the columns of --csv; without the last, no probability")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, words: readonly string[], options: PredictOptions): Promise<void> {
  const { json = false, text: texts = [], top, csv, columns } = options;
  if (columns !== undefined && csv === undefined) throw new UsageError("--columns names the columns of --csv");
  if (json && csv === "-") throw new UsageError("--csv - and --json both want standard output");
  const terminal = openTerminal(json);
  const model = await openModel(path, terminal);
  const { kind, input } = model.task;
  const { ranking } = await VIEWS[kind]();
  const inputs = await OPEN[input.kind]({ words, texts }, model);
  showNotes(terminal, inputs.notes);
  // Names that do not fit are no surprise for the end.
  csvOf([], inputs, columns);
  const answers: Answer[] = [];
  const results: object[] = [];
  const started = performance.now();
  let shown = started;
  const batch = inputs.total < BATCH ? 1 : BATCH;
  for await (const { file, row, place, pages, characters, answer } of inputs.answers(batch)) {
    if (pages !== undefined) terminal.note(`note     ${file}: has ${pages} pages or frames; the first is read`);
    if (answer instanceof DuctusError) {
      terminal.note(`ductus: ${answer.message.includes(file) ? answer.message : `${file}: ${answer.message}`}`);
      answers.push({ file, row });
      results.push({ ...place, error: answer.message });
    } else {
      const first = ranking(answer).slice(0, top);
      const [{ label, name, probability }] = first;
      const title = row === undefined ? file : `${file} ${row}`;
      const { noClass } = answer as Partial<Ranked>;
      const reason = noClass && noneOfThese(noClass);
      if (csv === undefined && inputs.total <= FEW) showPrediction(terminal, title, first, characters, reason);
      else if (csv === undefined) terminal.print(`${title}: ${line(terminal, name, probability, reason)}`);
      if (characters !== undefined && characters > 1 && (csv !== undefined || inputs.total > FEW)) {
        terminal.note(`note     ${title}: ${severalCharacters(characters)}`);
      }
      answers.push({ file, row, label, probability, reason });
      const said = { label: reason === undefined ? label : null, probability, reason, ranking: labeled(first) };
      // `class` and `top` are older names.
      results.push({ ...place, ...said, characters, class: label, top: first });
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

/** The names that answers have over HTTP, too. */
export const labeled = (ranking: readonly Pick<Likely, "label" | "probability">[]): readonly object[] =>
  ranking.map(({ label, probability }) => ({ label, probability }));

/** An answer among many. */
function line({ style }: Terminal, name: string, probability: number, reason: string | undefined): string {
  return reason === undefined
    ? `${style.bold(name)}  ${percent(probability)}`
    : `${style.bold("–")}  ${style.bad(reason)}`;
}

/** The answer, and bars of the likeliest. @param reason why it is none of the classes */
export function showPrediction(
  terminal: Terminal,
  title: string,
  top: readonly Likely[],
  characters = 1,
  reason?: string,
): void {
  const { bold, dim, good, bad } = terminal.style;
  const width = Math.max(...top.map(({ name }) => displayWidth(name)));
  terminal.print(reason === undefined ? `${title}: ${bold(top[0].name)}` : `${title}: ${bad(reason)}`);
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
