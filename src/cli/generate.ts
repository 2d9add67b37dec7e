/** `ductus generate`: goes on with a text, by a model that was trained to. */
import { Command } from "commander";
import { UsageError } from "../engine/errors.ts";
import { generate } from "../use/generate.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption, numberOption } from "./options.ts";
import { openTerminal } from "./terminal.ts";

interface GenerateCliOptions extends CommonOptions {
  readonly prompt?: string | undefined;
  readonly count: number;
  readonly tokens?: number | undefined;
  readonly length?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly stop?: string | undefined;
  readonly seed: number;
  readonly context?: number | undefined;
}

const EXAMPLES = `
Examples:
  $ ductus generate poems.safetensors "O Romeo" --tokens 300
  $ ductus generate names.safetensors --prompt $'\\nMa' --stop $'\\n' --count 10     ten names that begin with Ma
  $ ductus generate poems.safetensors "To be" --temperature 0            always the likeliest`;

export function command(): Command {
  return new Command()
    .description("Goes on with a text, token by token, by a model that was trained on texts.")
    .argument("<model>", "model file")
    .argument("[prompt]", "what the text begins with")
    .option("--prompt <text>", "the same")
    .addOption(integerOption("--count <n>", "how many texts, each from another seed", { min: 1 }).default(1))
    .addOption(integerOption("--tokens <n>", "most tokens that are written (default: 200)", { min: 1 }))
    .addOption(integerOption("--length <n>", "the same", { min: 1 }).hideHelp())
    .addOption(
      numberOption("--temperature <t>", "above 1 bolder, below 1 safer, 0 the likeliest (default: 1)", { min: 0 }),
    )
    .addOption(integerOption("--top-k <n>", "draw among so many of the likeliest only", { min: 1 }))
    .addOption(
      numberOption("--top-p <p>", "draw among the likeliest only that have this probability together (default: 1)", {
        above: 0,
        max: 1,
      }),
    )
    .option("--stop <text>", "end before this text")
    .addOption(integerOption("--seed <n>", "the same seed writes the same").default(0))
    .addOption(integerOption("--context <n>", "most of the last tokens that are looked at", { min: 1 }))
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, typed: string | undefined, given: GenerateCliOptions): Promise<void> {
  const { count, seed, json, prompt = typed, tokens, length = tokens, ...options } = given;
  if (prompt === undefined) throw new UsageError('give what the text begins with: ductus generate MODEL "…"');
  if (tokens !== undefined && length !== tokens) throw new UsageError("give --tokens alone; --length is the same");
  if (typed !== undefined && prompt !== typed) throw new UsageError("the beginning is given twice; leave --prompt out");
  const terminal = openTerminal(json === true);
  const model = await openModel(path, terminal);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    terminal.write(terminal.style.dim(prompt));
    texts.push(
      await generate(model, prompt, { ...options, length, seed: seed + i, onText: (piece) => terminal.write(piece) }),
    );
    terminal.write("\n");
  }
  terminal.emit({ model: path, prompt, texts });
}
