/**
 * `ductus import`: brings what was made elsewhere into a model file: a classifier of pictures in ONNX, an ONNX file that Ductus wrote,
 * a folder of Hugging Face's with a language model, or one of llama2.c.
 */
import { basename, dirname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { DataError, DuctusError, UsageError } from "../engine/errors.ts";
import { refuseOtherKinds } from "../formats/kinds.ts";
import { looksLikeLlama2c } from "../formats/llama2c.ts";
import { importHuggingFace, isHuggingFace } from "../import/hugging-face.ts";
import { importLlama2c } from "../import/llama2c.ts";
import { importOnnx } from "../import/onnx.ts";
import type { OnnxLayout } from "../import/onnx-network.ts";
import type { Normalization } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { Generate } from "../task/generate/generate.ts";
import type { AnyTask } from "../task/task.ts";
import { grouped } from "../task/text.ts";
import { INPUT_VIEWS, VIEWS } from "../task/views.ts";
import { locate } from "../use/locate.ts";
import { encodeModel, load, type TrainedModel } from "../use/trained-model.ts";
import { filesBelow } from "./files-below.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { openTerminal, showNotes, type Terminal } from "./terminal.ts";

interface ImportOptions extends CommonOptions {
  readonly out?: string | undefined;
  readonly classes?: string | undefined;
  readonly mean?: string | undefined;
  readonly std?: string | undefined;
  readonly layout?: OnnxLayout | undefined;
  readonly tokenizer?: string | undefined;
}

const EXAMPLES = `
Examples:
  $ ductus import digits.onnx --mean 0.1307 --std 0.3081     digits.safetensors: normalized as PyTorch's examples do
  $ ductus import letters.onnx --classes a,b,c --out models/letters.safetensors
  $ ductus evaluate digits.safetensors --data mnist
  $ ductus import tales/ --out tales.safetensors             config.json, *.safetensors and tokenizer.json
  $ ductus generate tales.safetensors "Once upon a time"
  $ ductus import stories15M.bin --tokenizer tokenizer.bin   of llama2.c`;

export function command(): Command {
  return new Command()
    .description(
      "Brings a classifier of pictures made elsewhere, an ONNX file that Ductus wrote, or a language model of Llama's shape into a model file that evaluates and fine-tunes.",
    )
    .argument(
      "<file|folder>",
      "ONNX file, as PyTorch and Keras (tf2onnx) write it; a folder of Hugging Face's, with config.json; or a .bin of llama2.c",
    )
    .option("--out <file>", "model file to write (default: the file's name, here)")
    .option("--classes <names>", "names of the classes in the order of the outputs, with commas between")
    .option("--mean <numbers>", "subtracted from pixels 0 … 1, one number or one for each channel (default: 0)")
    .option("--std <numbers>", "what they are then divided by (default: 1)")
    .addOption(
      new Option("--layout <axes>", "of the input (default: by where there are 1 or 3 channels)").choices([
        "NCHW",
        "NHWC",
      ]),
    )
    .option("--tokenizer <file>", "of a .bin of llama2.c (default: tokenizer.bin beside it)")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, options: ImportOptions): Promise<void> {
  const { out, classes, mean, std, layout, tokenizer, json } = options;
  const terminal = openTerminal(json === true);
  const target = out ?? `${basename(path).replace(/\.[^.]+$/, "")}.safetensors`;
  const files = await platform().listFolder(path);
  if (files !== undefined && isHuggingFace(files)) {
    refuseOptions({ classes, mean, std, layout, tokenizer });
    keepSources(
      target,
      files.map((file) => join(path, file)),
    );
    const folder = path.replace(/[\\/]+$/, "");
    const read = (file: string): Promise<Uint8Array> => platform().readFile(join(folder, file));
    return writeLanguageModel(folder, await importHuggingFace({ name: folder, files, read }), target, terminal);
  }
  const bytes = await platform().readFile((await locate(path, "import")).path);
  if (looksLikeLlama2c(bytes)) {
    refuseOptions({ classes, mean, std, layout });
    const tokens = tokenizer ?? join(dirname(path), "tokenizer.bin");
    keepSources(target, [path, tokens]);
    const model = importLlama2c({ name: path, bytes }, { name: tokens, bytes: await tokenizerOf(tokens) });
    return writeLanguageModel(path, model, target, terminal);
  }
  refuseOptions({ tokenizer });
  refuseOtherKinds(bytes, path, "import");
  keepSources(target, [path]);
  const names = classes?.split(",").map((name) => name.trim());
  const normalization = normalizationOf(mean, std);
  const { model, file, notes } = await importOnnx<AnyTask>(bytes, path, filesBelow(path), {
    classes: names,
    normalization,
    layout,
  });
  // Read back, so that what is written is known to load and to compute the same.
  const encoded = await encodeModel(model);
  await load(encoded);
  await platform().writeFile(target, encoded);
  const { parameters, multiplyAdds } = model.summary();
  const { task } = model;
  const [views, inputViews] = await Promise.all([VIEWS[task.kind](), INPUT_VIEWS[task.input.kind]()]);
  const producer = [file.producer, file.producerVersion].filter(Boolean).join(" ") || "unknown";
  terminal.print(`${path}: opset ${file.opset}, ${grouped(file.nodes.length)} nodes, from ${producer}`);
  terminal.print(`input: ${inputViews.facts(task.input)}`);
  terminal.print(views.facts(task).join(": "));
  terminal.print(`${grouped(parameters)} weights, ${grouped(multiplyAdds)} multiply-adds`);
  showNotes(terminal, notes);
  terminal.print(`written to ${target}`);
  terminal.emit({
    file: path,
    model: target,
    opset: file.opset,
    nodes: file.nodes.length,
    ...inputViews.plain(task.input),
    labels: task.names,
    // Once the name of labels, of classifiers.
    ...views.plain(task),
    weights: parameters,
    multiplyAdds,
    notes,
  });
}

async function tokenizerOf(file: string): Promise<Uint8Array> {
  try {
    return await platform().readFile(file);
  } catch (cause) {
    if (!(cause instanceof DuctusError)) throw cause;
    throw new DataError(`${cause.message}; give the model's tokenizer: --tokenizer FILE`, { cause });
  }
}

async function writeLanguageModel(
  source: string,
  model: TrainedModel<Generate>,
  target: string,
  terminal: Terminal,
): Promise<void> {
  const encoded = await encodeModel(model);
  await load(encoded);
  await platform().writeFile(target, encoded);
  const { task, architecture } = model;
  const { parameters } = model.summary();
  terminal.print(`${source}: a language model of Llama's shape, as ${architecture?.name}`);
  terminal.print(`input: ${(await INPUT_VIEWS[task.input.kind]()).facts(task.input)}`);
  terminal.print(`${grouped(parameters)} weights`);
  terminal.print(`written to ${target}`);
  terminal.emit({ file: source, model: target, ...architecture, weights: parameters });
}

/** @throws UsageError where what is read would be written over */
function keepSources(target: string, sources: readonly string[]): void {
  const lost = sources.find((source) => resolve(source) === resolve(target));
  if (lost !== undefined) throw new UsageError(`${lost} would be overwritten; give another name with --out`);
}

/** For whom options are that have a meaning for some files only. */
const MEANT: Readonly<Record<string, string>> = {
  classes: "ONNX files of pictures",
  mean: "ONNX files of pictures",
  std: "ONNX files of pictures",
  layout: "ONNX files of pictures",
  tokenizer: "files of llama2.c",
};

/** @throws UsageError naming the first that is given */
function refuseOptions(options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).find((name) => options[name] !== undefined);
  if (given !== undefined) throw new UsageError((option) => `${option(given)} is for ${MEANT[given]}; leave it out`);
}

/** undefined when neither is given: then the file may say. */
function normalizationOf(mean: string | undefined, std: string | undefined): Normalization | undefined {
  if (mean === undefined && std === undefined) return undefined;
  return { mean: numbers("--mean", mean ?? "0"), std: numbers("--std", std ?? "1") };
}

function numbers(option: string, text: string): number | readonly number[] {
  const list = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite))
    throw new UsageError(`${option} must be numbers with commas between, not "${text}"`);
  return list.length === 1 ? list[0] : list;
}
