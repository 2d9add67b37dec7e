/** `ductus read`: numbers on photographs of pages, found, read, and left to a person where they are not sure. */
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { columnOf } from "../data/formats/text-table.ts";
import { DataError, DuctusError, UsageError } from "../engine/errors.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { Form } from "../page/form.ts";
import { readFileChecked } from "../platform/node/atomic.ts";
import { platform } from "../platform/platform.ts";
import { MIN_PROBABILITY } from "../read/answer-of.ts";
import { isLeftAlone, type PageAnswer, pageJson, placeOf } from "../read/answers.ts";
import { type FormField, formJson, openForm, type ValuesFile } from "../read/form-file.ts";
import { PageReader } from "../read/page-reader.ts";
import { readingsCsv } from "../read/readings-csv.ts";
import { previewOf, type ReadPage, renderReading } from "../report/page-reading.ts";
import { duration, grouped, padEnd, percent } from "../task/text.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, jsonOption, numberOption } from "./options.ts";
import { filesOf } from "./predict-pictures.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface ReadCliOptions extends CommonOptions {
  readonly model: string;
  readonly minProbability: number;
  readonly fields?: string | undefined;
  readonly csv?: string | undefined;
  readonly out?: string | undefined;
}

const EXAMPLES = `
Pictures may be ${PICTURE_KINDS}: photographs or scans of pages with numbers on them, free, in boxes, combs or grids.
A folder stands for all pictures in it and below. What is not sure is left to a person, with the reason.

Examples:
  $ ductus read page.jpg
  $ ductus read scans/ --csv numbers.csv
  $ ductus read page.jpg --out page.html      the picture, with what was read laid over it
  $ ductus read photos/ --fields form.json    forms that were filled in`;

/** Milliseconds between two lines of progress. */
const BREATH = 100;

export function command(): Command {
  return new Command()
    .description("Reads the numbers on a photographed or scanned page.")
    .argument("<picture...>", "pictures, folders, patterns")
    .option("--model <file>", "model that reads lines of writing; default: the one that comes with Ductus", "reader")
    .addOption(
      numberOption("--min-probability <p>", "answers that are less probable are left to a person", {
        min: 0,
        max: 1,
      }).default(MIN_PROBABILITY),
    )
    .option("--fields <form>", "form.json: the pictures show this form, and its fields are read")
    .option("--csv <file>", "write the answers to this CSV file; - is standard output")
    .option("--out <page>", "write a page that shows the pictures with what was read")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: readonly string[], options: ReadCliOptions): Promise<void> {
  const { json = false, csv, out, minProbability, fields } = options;
  if (json && csv === "-") throw new UsageError("--csv - and --json both want standard output");
  const terminal = openTerminal(json);
  const files = (await Promise.all(words.map(filesOf))).flat();
  for (const file of [out, csv === "-" ? undefined : csv]) {
    if (file !== undefined && [...files, options.model].some((given) => resolve(given) === resolve(file))) {
      throw new UsageError(`${file} would be overwritten; give another name`);
    }
  }
  const form = fields === undefined ? undefined : await formOf(fields);
  const reader = await PageReader.open(await openModel(options.model, terminal));
  if (form !== undefined) reader.check(form.fields);
  const started = performance.now();
  const pages: ReadPage[] = [];
  const results: object[] = [];
  const errors: { readonly file: string; readonly error: string }[] = [];
  try {
    let shown = started;
    for (const file of files) {
      try {
        const picture = await platform().decodePicture(file);
        if (picture.pages !== undefined) {
          terminal.note(`note     ${file}: has ${picture.pages} pages or frames; the first is read`);
        }
        const answer = await (form === undefined
          ? reader.read(picture, { minProbability })
          : reader.readForm(picture, form, { minProbability }));
        pages.push({ name: file, answer, preview: out === undefined ? undefined : previewOf(picture) });
        results.push({ picture: file, ...pageJson(answer) });
        if (csv !== "-") show(terminal, file, answer);
      } catch (error) {
        // One bad picture is no reason to leave the others unread.
        if (!(error instanceof DuctusError)) throw error;
        const message = error.message.includes(file) ? error.message : `${file}: ${error.message}`;
        terminal.note(`ductus: ${message}`);
        errors.push({ file, error: message });
        results.push({ picture: file, error: message });
      }
      if (performance.now() - shown < BREATH) continue;
      terminal.live(`${grouped(results.length)} of ${grouped(files.length)} pages`);
      shown = performance.now();
    }
  } finally {
    await reader.close();
  }
  const table = (): string => readingsCsv(pages.map(({ name, answer: { numbers } }) => ({ name, numbers })));
  if (csv === "-") process.stdout.write(table());
  else if (csv !== undefined) await platform().writeFile(csv, table());
  if (out !== undefined && pages.length > 0) {
    await platform().writeFile(out, await renderReading(pages, options.model, new Date().toISOString()));
  }
  summarize(terminal, pages, errors.length, (performance.now() - started) / 1000);
  for (const file of [out, csv === "-" ? undefined : csv]) {
    if (file !== undefined) terminal.note(terminal.noteStyle.dim(`written to ${file}`));
  }
  terminal.emit({ model: options.model, pages: results });
  if (errors.length > 0) process.exitCode = 1;
  if (pages.length === 0) throw new DataError("no page could be read");
}

/** The form that a file describes; its picture and files of values lie beside it. @throws DataError naming what is wrong */
async function formOf(file: string): Promise<Form<FormField>> {
  const beside = (name: string): string => join(dirname(file), name);
  const valuesOf = async (values: ValuesFile): Promise<readonly string[]> => {
    const bytes = await readFileChecked(beside(values.file));
    try {
      return columnOf(new TextDecoder().decode(bytes), values.column);
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      throw new DataError(`${values.file}: ${cause.message}`, { cause });
    }
  };
  const { picture, fields } = await openForm(formJson(await readFileChecked(file), file), file, valuesOf);
  try {
    return new Form(await platform().decodePicture(beside(picture)), fields);
  } catch (cause) {
    if (!(cause instanceof DataError) || cause.message.includes(picture)) throw cause;
    throw new DataError(`${file}: ${cause.message}`, { cause });
  }
}

/** A line for each number; grids as they stand. */
function show(terminal: Terminal, file: string, { numbers, problem }: PageAnswer): void {
  const { bold, dim, bad } = terminal.style;
  terminal.print(bold(file));
  if (problem !== undefined) terminal.print(`  ${bad(problem)}`);
  const shown = numbers.map((number, i) => ({ ...number, title: placeOf(number, i) }));
  const free = shown.filter(
    (number) => !isLeftAlone(number) && (number.place === undefined || number.refused !== "nothing there"),
  );
  const width = Math.max(0, ...free.map(({ title }) => title.length));
  const widest = Math.max(0, ...free.map(({ text }) => text.length));
  for (const { title, text, probability, refused } of free) {
    const reason = refused === undefined ? "" : `  ${bad(refused)}`;
    terminal.print(
      `  ${dim(padEnd(title, width))}  ${bold(padEnd(text, widest))}  ${percent(probability).padStart(8)}${reason}`,
    );
  }
  if (free.length === 0 && problem === undefined) terminal.print("  no numbers on this page");
}

function summarize(terminal: Terminal, pages: readonly ReadPage[], failed: number, seconds: number): void {
  const numbers = pages.flatMap(({ answer }) => answer.numbers);
  const empty = numbers.filter(({ refused }) => refused === "nothing there").length;
  const sure = numbers.filter(({ refused }) => refused === undefined).length;
  const words = numbers.filter(isLeftAlone).length;
  const parts = [
    `${grouped(sure)} numbers read`,
    `${grouped(numbers.length - sure - empty - words)} for a person to look at`,
    `${grouped(empty)} places empty`,
    ...(words > 0 ? [`${grouped(words)} left alone, such as words`] : []),
    ...(failed > 0 ? [`${grouped(failed)} pictures could not be read`] : []),
  ];
  terminal.note(terminal.noteStyle.dim(`${parts.join(", ")}; ${duration(seconds)}`));
}
