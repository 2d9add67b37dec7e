/** `ductus explain`: how a model comes to its answer for one picture, in the terminal and as a page. */
import { resolve } from "node:path";
import { Command } from "commander";
import { DataError, UsageError } from "../engine/errors.ts";
import type { Shape } from "../engine/shape.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { platform } from "../platform/platform.ts";
import { renderExplanation } from "../report/explanation.ts";
import { percent } from "../task/text.ts";
import { Explainer, type Explanation } from "../use/explain.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { labeled, showPrediction } from "./predict.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface ExplainCliOptions extends CommonOptions {
  readonly class?: string | undefined;
  readonly out: string;
  readonly top: number;
}

const EXAMPLES = `
Where a model looks is what each pixel of ink adds to the probability of the class (integrated gradients, arXiv 1703.01365).

Examples:
  $ ductus explain runs/mnist-cnn-3x3-1/best.safetensors seven.png
  $ ductus explain digits.safetensors seven.png --class 1 --out why-not-1.html`;

/** Attention 0 … 1 as characters. */
const SHADES = [" ", "░", "▒", "▓", "█"];
const INK = "·";
/** Bytes above this are ink. */
const INK_LEVEL = 64;
/** What is less than this part of the largest is not worth a sign. */
const LEAST = 0.1;

export function command(): Command {
  return new Command()
    .description("Shows how a model reads a picture: what it sees, where it looks, what every layer makes of it.")
    .argument("<model>", "model file")
    .argument("<picture>", `${PICTURE_KINDS} file`)
    .option("--class <name>", "the class to look for (default: the likeliest)")
    .option("--out <file>", "page to write", "explain.html")
    .addOption(integerOption("--top <n>", "how many of the likeliest to show", { min: 1 }).default(3))
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, name: string, options: ExplainCliOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const { out, top } = options;
  if ([path, name].some((file) => resolve(file) === resolve(out))) {
    throw new UsageError(`${out} would be overwritten; give another name with --out`);
  }
  const model = await openModel(path, terminal);
  const { inputShape } = model;
  const picture = await platform().decodePicture(name);
  const explainer = await Explainer.open(model);
  let explanation: Explanation;
  try {
    explanation = explainer.explain(picture, { class: options.class });
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${name}: ${error.message}`, { cause: error });
  } finally {
    await explainer.close();
  }
  const created = new Date().toISOString();
  await platform().writeFile(
    out,
    await renderExplanation({ explanation, picture, name, model: path, inputShape, created }),
  );

  const { about, ranking, layers, attention } = explanation;
  showPrediction(terminal, name, ranking.slice(0, top), explanation.characters);
  showAttention(terminal, explanation, inputShape);
  terminal.print(`written to ${out}`);
  terminal.emit({
    model: path,
    picture: name,
    label: explanation.name,
    probability: explanation.probability,
    ranking: labeled(ranking.slice(0, top)),
    characters: explanation.characters,
    // Older names.
    class: explanation.name,
    top: ranking.slice(0, top),
    about,
    inputShape,
    attention: Array.from(attention, rounded),
    evidence: Array.from(explanation.evidence, rounded),
    layers: layers.map((layer) => ({ name: layer.name, kind: layer.kind, shape: layer.shape })),
    page: out,
  });
}

const rounded = (value: number): number => Number(value.toPrecision(4));

/** What the network sees and where it looks, side by side: a character is one pixel wide and two high. */
function showAttention(terminal: Terminal, { about, attention, seen }: Explanation, shape: Shape): void {
  const [height, width, channels] = shape;
  const { bold, dim } = terminal.style;
  terminal.print();
  terminal.print(
    `where it looks for ${bold(about.name)} (${percent(about.probability)}), ${dim(`${INK} is other ink`)}`,
  );
  for (let y = 0; y < height; y += 2) {
    let line = "";
    for (let x = 0; x < width; x++) {
      const pixels = [y, y + 1].filter((row) => row < height).map((row) => row * width + x);
      const strength = Math.max(...pixels.map((pixel) => attention[pixel]));
      const ink = Math.max(...pixels.map((pixel) => seen[pixel * channels]));
      const shade = SHADES[Math.ceil(strength * (SHADES.length - 1))];
      line += strength < LEAST ? (ink > INK_LEVEL ? INK : " ") : shade;
    }
    terminal.print(line.trimEnd() === "" ? "" : `  ${line.trimEnd()}`);
  }
}
