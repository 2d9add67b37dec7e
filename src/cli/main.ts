#!/usr/bin/env node
/**
 * The command line. Knows the verbs by name only and imports the one that is called, so that `--help` and a typing
 * mistake answer at once. Errors end here, as one line and an exit status: 1 = it failed, 2 = it was called wrongly.
 */
import type { Command, CommanderError } from "commander";
import { setBudget } from "../engine/budget.ts";
import { DuctusError, UsageError, unknownName } from "../engine/errors.ts";
import { VERSION } from "../platform/version.ts";
import { FORMAT } from "../serve/answer-format.ts";
import { shown, shownJson } from "./shown.ts";

interface Verb {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: () => Command }>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  train: { summary: "train a network and test it", load: () => import("./train.ts") },
  finetune: { summary: "go on from a trained model, for other data", load: () => import("./finetune.ts") },
  "lr-find": { summary: "find a learning rate", load: () => import("./lr-find.ts") },
  evaluate: { summary: "measure a model on a data set", load: () => import("./evaluate.ts") },
  compare: { summary: "compare runs, and tell chance from progress", load: () => import("./compare.ts") },
  runs: { summary: "list runs and what they reached", load: () => import("./runs.ts") },
  predict: { summary: "read pictures or texts with a model", load: () => import("./predict.ts") },
  read: { summary: "read the numbers on a photographed page", load: () => import("./read.ts") },
  generate: { summary: "go on with a text", load: () => import("./generate.ts") },
  explain: { summary: "see where a model looks, and what its layers make of it", load: () => import("./explain.ts") },
  export: { summary: "write a model as something to ship", load: () => import("./export.ts") },
  import: { summary: "bring a network made elsewhere (ONNX) into a model file", load: () => import("./import.ts") },
  serve: { summary: "serve models over HTTP", load: () => import("./serve.ts") },
  studio: { summary: "open a page to draw, train and make recognizers in", load: () => import("./studio.ts") },
  info: { summary: "show what a model or an architecture is made of", load: () => import("./info.ts") },
  data: { summary: "list, fetch and inspect data sets", load: () => import("./data.ts") },
  doctor: { summary: "show what this machine offers and what is missing", load: () => import("./doctor.ts") },
};

const EXAMPLES = `
Examples:
  $ ductus train                                     cnn-3x3 on MNIST, with its published recipe
  $ ductus train --recipe fast                       99 % of the full MNIST in seconds
  $ ductus train --data my-letters/ --model lenet5   pictures of your own, one folder per class
  $ ductus predict runs/mnist-cnn-3x3-1/best.safetensors seven.png
  $ ductus info cnn-same

Run "ductus VERB --help" for the options of a verb.`;

function overview(): string {
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  const lines = Object.entries(VERBS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: ductus VERB [options]

Trains, evaluates and ships recognizers of handwriting.

Verbs:
${lines.join("\n")}

Options:
  --version  print the version
  --help     print this text
${EXAMPLES}
`;
}

async function main(words: readonly string[]): Promise<void> {
  const [first, ...rest] = words;
  if (first === undefined || first === "--help" || first === "-h") return write(overview());
  if (first === "help") return rest.length === 0 ? write(overview()) : main([rest[0], "--help"]);
  if (first === "--version" || first === "-V") return write(`${VERSION}\n`);
  if (first.startsWith("-")) {
    throw new UsageError(`the verb comes first: ductus VERB [options]; verbs: ${Object.keys(VERBS).join(", ")}`);
  }
  if (!Object.hasOwn(VERBS, first)) throw unknownName("verb", first, Object.keys(VERBS));
  const [{ command }, { nodePlatform }, { setPlatform }] = await Promise.all([
    VERBS[first].load(),
    import("../platform/node/platform.ts"),
    import("../platform/platform.ts"),
  ]);
  setPlatform(nodePlatform);
  const verb = prepare(command(), `ductus ${first}`);
  options = optionNames(verb);
  await verb.parseAsync(rest, { from: "user" });
}

/** For every verb: what files may cost is the same for all that opens them. */
function takeBudget(times: string): void {
  setBudget(Number(times));
}

/** Makes commander throw instead of printing and leaving, in a command and in those below it. @param path as it is called */
function prepare(command: Command, name: string, path = name): Command {
  command
    .name(name)
    .option("--budget <times>", "let files that you trust cost so many times as much to open (default: 1)", takeBudget)
    .exitOverride((error) => {
      if (!error.message.includes("Did you mean"))
        error.message = `${error.message.replace(/\.$/, "")}; see ${path} --help`;
      throw error;
    })
    .configureOutput({ outputError: () => {} })
    .showHelpAfterError(false);
  for (const inner of command.commands) prepare(inner, inner.name(), `${path} ${inner.name()}`);
  return command;
}

/** What options of the API are called that the command line has under another name. */
const OTHERWISE: Readonly<Record<string, string>> = {
  validation: "val",
  "teacher: share": "teacherShare",
  "teacher: temperature": "temperature",
};

/** How an option of the API is typed with a verb; those that it lacks keep their name. */
function optionNames(command: Command): ReadonlyMap<string, string> {
  const all = [command, ...command.commands].flatMap((each) => each.options);
  const typed = new Map(all.map((option) => [option.attributeName(), option.long ?? option.flags]));
  const renamed = Object.entries(OTHERWISE).flatMap(([name, attribute]) => {
    const flag = typed.get(attribute);
    return flag === undefined ? [] : [[name, flag] as const];
  });
  return new Map([...typed, ...renamed]);
}

function write(text: string): void {
  process.stdout.write(text);
}

/** By its code: commander itself is not loaded before a verb is. */
const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error && String((error as { code?: unknown }).code).startsWith("commander.");

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : "");

/** What runs out, by what V8 and Node say of it, and what to do then. */
const SCARCE: readonly { readonly is: RegExp; readonly message: string }[] = [
  {
    is: /^RangeError.*(?:memory|allocation|buffer|array length|string length|maximum size)|ERR_STRING_TOO_LONG|ERR_(?:WORKER_)?OUT_OF_MEMORY/i,
    message: "not enough memory; try a smaller --batch-size, fewer --threads or less data at a time",
  },
  {
    is: /^RangeError.*call stack/,
    message: "something is nested too deeply to be worked through; where a file was made by others, do not trust it",
  },
  {
    is: /\b(?:EMFILE|ENFILE)\b/,
    message: "too many files are open; raise the limit (ulimit -n) or close other programs",
  },
];

/** One line for what went wrong, and the exit status. */
function describe(error: unknown): { readonly message: string; readonly status: number } {
  if (error instanceof DuctusError) {
    return { message: error.messageWith((name) => options.get(name) ?? name), status: error.exitCode };
  }
  if (isCommanderError(error)) {
    if (error.code === "commander.help") return { message: "a further word is missing, see above", status: 2 };
    const message = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
    return { message, status: error.exitCode === 0 ? 0 : 2 };
  }
  const scarce = SCARCE.find(
    ({ is }) => error instanceof Error && is.test(`${error.name} ${codeOf(error)} ${error.message}`),
  );
  if (scarce !== undefined) return { message: scarce.message, status: 1 };
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { message: `unexpected ${text} (set DUCTUS_DEBUG=1 for the place)`, status: 1 };
}

// `ductus … | head` closes the pipe early; that is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

// Filled in by the verb that is called.
let options: ReadonlyMap<string, string> = new Map();
const words = process.argv.slice(2);

/** Says what went wrong. @returns the exit status */
function report(error: unknown): number {
  const { message, status } = describe(error);
  if (status !== 0) {
    const line = message.replace(/\s*[\r\n]+\s*/g, " ");
    process.stderr.write(`ductus: ${shown(line)}\n`);
    if (process.env.DUCTUS_DEBUG && error instanceof Error) process.stderr.write(`${shown(String(error.stack))}\n`);
    if (words.includes("--json")) write(`${shownJson(JSON.stringify({ format: FORMAT, error: line, status }))}\n`);
  }
  return status;
}

// What fails where nobody waits for it, in a timer or inside Node; nothing that a verb has begun can be relied upon then.
process.on("uncaughtException", (error) => process.exit(report(error)));
try {
  await main(words);
} catch (error) {
  process.exitCode = report(error);
}
