/** `ductus evaluate`: measures a model file on one split of a data set, alone or against another model. */
import { Command, Option } from "commander";
import type { Dataset } from "../data/dataset.ts";
import { findDuplicates, type Overlap } from "../data/duplicates.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { describeTrained } from "../data/overlap.ts";
import { nounOf } from "../data/port.ts";
import { lookUp } from "../data/trained-samples.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { type AnyModel, modelName } from "../models/model.ts";
import { describeEnvironment } from "../platform/node/environment.ts";
import { platform } from "../platform/platform.ts";
import { VERSION } from "../platform/version.ts";
import { Evaluation } from "../task/classify/evaluation.ts";
import { comparePaired } from "../task/classify/mcnemar.ts";
import type { Predictions } from "../task/classify/predictions.ts";
import { encodePredictions } from "../task/classify/saved-predictions.ts";
import { formatComparison } from "../task/classify/text.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import { duration, grouped } from "../task/text.ts";
import { ensembleOf } from "../use/ensemble.ts";
import { evaluate } from "../use/evaluate.ts";
import { averagedOver, shifts } from "../use/test-time.ts";
import { DATA_WORDS, type DataOptions, dataOptions, describe, describeAs } from "./cli-data.ts";
import type { OpenedData, PartName } from "./kinds/kind.ts";
import { kindOfModel, openKind, refuseOptions } from "./kinds/kinds.ts";
import { SPLITS } from "./kinds/parts.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface EvaluateCliOptions extends CommonOptions, DataOptions {
  readonly data: string;
  readonly split?: PartName | undefined;
  readonly tta?: number | undefined;
  readonly against?: string | undefined;
  readonly report?: string | undefined;
  readonly predictions?: string | undefined;
  readonly threads?: number | undefined;
  readonly strict?: boolean | undefined;
}

const EXAMPLES = `
By default the test part is measured. A set without one of its own that the
model was not trained on is measured whole.

Examples:
  $ ductus evaluate runs/mnist-cnn-3x3-1/best.safetensors --data mnist
  $ ductus evaluate digits.safetensors --data usps --report usps.html      curves, errors, doubtful labels as one page
  $ ductus evaluate new.safetensors --against old.safetensors              is it really better? McNemar's test
  $ ductus evaluate one.safetensors two.safetensors three.safetensors      what they reach together
  $ ductus evaluate letters.safetensors --data my-letters/ --json
  $ ductus evaluate runs/poems-gpt-s-1 --data others.txt                   loss and perplexity on another text`;

export function command(): Command {
  const all = new Command()
    .description(
      "Measures a model: accuracy with its interval, classes, confusions, calibration, doubtful labels; perplexity; strings.",
    )
    .argument("<models...>", "model file; several answer together, as an ensemble")
    .option("--data <name|path>", DATA_WORDS, "mnist")
    .addOption(new Option("--split <name>", "which part of the data (default: see below)").choices([...SPLITS, "all"]))
    .addOption(
      integerOption("--tta <pixels>", "average over copies shifted by up to so many pixels: 9 copies for 1", {
        min: 1,
        max: 4,
      }),
    )
    .option("--against <model>", "another model file, measured on the same samples and compared")
    .option("--report <file>", "write a report to this .html file")
    .option("--predictions <file>", "write every output to this .safetensors file")
    .addOption(integerOption("--threads <n>", "default: one per core", { min: 1, max: 256 }))
    .option("--strict", "arithmetic that gives the same bits on every machine")
    .addHelpText("after", EXAMPLES)
    .action(run);
  for (const option of dataOptions()) all.addOption(option);
  return all.addOption(jsonOption());
}

async function run(paths: readonly string[], options: EvaluateCliOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const path = paths.join(" + ");
  const models: AnyModel[] = await Promise.all(paths.map((member) => openModel(member, terminal)));
  const model = ensembleOf(models);
  const rival: AnyModel | undefined =
    options.against === undefined ? undefined : await openModel(options.against, terminal);
  const kind = await kindOfModel(model, options.data);
  refuseOptions(kind, options, options.data);
  const data = await openKind(kind, options.data, { ...options, model, toMeasure: true }, terminal);
  const chosen = await choose(data, rival === undefined ? models : [...models, rival], options.split, terminal);
  const backend = await platform().createBackend(options);
  try {
    const first = await measure(model, models, chosen, options, backend, terminal);
    if (models.length > 1) terminal.print(`an ensemble of ${models.length} models`);
    if (options.tta !== undefined) terminal.print(`with test-time augmentation: shifts by up to ${options.tta} px`);
    terminal.print(first.result.text(terminal.style));
    const rate = Math.round(first.result.count / first.result.seconds);
    terminal.note(
      terminal.noteStyle.dim(
        `${duration(first.result.seconds)}, ${grouped(rate)} ${nounOf(first.dataset.inputs)}/s, ${backend.description}`,
      ),
    );
    const second = rival && (await measure(rival, [rival], chosen, options, backend, terminal));
    const comparison = second && compare(path, first.result, options.against as string, second.result, terminal);
    if (options.report !== undefined) await writeReport(options.report, path, model, first, data);
    if (options.predictions !== undefined) await writePredictions(options.predictions, first.result);
    const { split } = chosen;
    const { name } = first.dataset;
    const { origin = data.origin } = first.dataset as { readonly origin?: string };
    terminal.emit({
      ...first.result.toJSON(),
      tta: options.tta,
      model: path,
      dataset: { name, split, origin },
      comparison,
    });
  } finally {
    await backend.close();
  }
}

/** What is measured. */
interface Chosen {
  readonly split: PartName;
  readonly data: OpenedData;
}

/** The part that is asked for, or the one that says most: samples that none of the models has seen. */
async function choose(
  data: OpenedData,
  models: readonly AnyModel[],
  asked: PartName | undefined,
  terminal: Terminal,
): Promise<Chosen> {
  const { name, notes, counts, noun, isTestAside } = data;
  const parts = SPLITS.filter((split) => counts[split] > 0);
  const isWhole = isTestAside && !(await isTrainedOn(models, data));
  const preferred = isWhole ? "all" : "test";
  const hasPreferred = preferred === "all" || parts.includes(preferred);
  const split = asked ?? (hasPreferred ? preferred : parts[0]);
  if (split !== "all") {
    if (!parts.includes(split)) throw new UsageError(`--split ${split}: ${name} has only ${parts.join(" and ")}`);
    describe(data, terminal);
    return { split, data };
  }
  const total = parts.reduce((sum, part) => sum + counts[part], 0);
  const why = asked === undefined ? ": no part is for testing, and the model was not trained on them" : "";
  describeAs(`all ${grouped(total)} ${noun || "samples"}${why}`, { name, notes }, terminal);
  return { split, data };
}

/** From this share of samples on that a model has seen, it was trained on the set. Fewer are told apart when all are measured. */
const SEEN = 0.5;

/** Whether one of the models was trained on these samples, or many of them. */
async function isTrainedOn(models: readonly AnyModel[], data: OpenedData): Promise<boolean> {
  for (const model of models) {
    const samples = await data.samples("train", model);
    const known = model.dataset?.fingerprint;
    if (known !== undefined && known === (await fingerprintIfKnown(samples))) return true;
    const found = lookUp(model.trainedOn, samples);
    if (found !== undefined && found.trained > SEEN * found.checked) return true;
  }
  return false;
}

interface Measured {
  readonly result: AnyEvaluation;
  readonly dataset: Dataset;
  readonly overlap: Overlap | undefined;
}

/** @param members what the model is made of, each perhaps trained on other samples */
async function measure(
  model: AnyModel,
  members: readonly AnyModel[],
  { split, data }: Chosen,
  { tta }: EvaluateCliOptions,
  backend: Backend,
  terminal: Terminal,
): Promise<Measured> {
  const dataset = await data.judged(split, model);
  const overlap = await overlapWithTraining(members, data, split, dataset);
  const result: AnyEvaluation = await evaluate(tta === undefined ? model : averagedOver(model, shifts(tta)), dataset, {
    backend,
    trainedOn: overlap,
    onProgress: (done, total) => terminal.live(`${grouped(done)} of ${grouped(total)}`),
  });
  return { result, dataset, overlap };
}

/** What the samples share with those that a model was trained on, where these are the training split of the same data. */
async function overlapWithTraining(
  models: readonly AnyModel[],
  data: OpenedData,
  split: PartName,
  dataset: Dataset,
): Promise<Overlap | undefined> {
  if (split === "train" || split === "all" || data.counts.train === 0) return undefined;
  const known = models.flatMap((model) => model.dataset?.fingerprint ?? []);
  const train = await data.samples("train", models[0]);
  if (!known.includes((await fingerprintIfKnown(train)) ?? "")) return undefined;
  const [overlap] = findDuplicates([
    { name: "training", dataset: train },
    { name: split, dataset },
  ]);
  return overlap;
}

function compare(
  firstPath: string,
  first: AnyEvaluation,
  secondPath: string,
  second: AnyEvaluation,
  terminal: Terminal,
): object {
  const [predictions, others] = [first, second].map(predictionsOf);
  if (predictions === undefined || others === undefined) {
    throw new UsageError("--against compares models of classes; these data have none");
  }
  const comparison = comparePaired(predictions, others);
  terminal.print();
  terminal.print(formatComparison([firstPath, secondPath], comparison, terminal.style));
  for (const [path, { isTrainingData, trainedOn, count }] of [
    [firstPath, first] as const,
    [secondPath, second] as const,
  ]) {
    if (!isTrainingData && (trainedOn === undefined || trainedOn.trained === 0)) continue;
    const whose = trainedOn === undefined ? "all samples were trained on" : describeTrained(trainedOn, count);
    terminal.print(terminal.style.bad(`${path}: ${whose}; what is learned by heart is no fair comparison`));
  }
  const { accuracy, trainingAccuracy, isTrainingData, trainedOn } = second.toJSON();
  return { against: secondPath, accuracy, trainingAccuracy, isTrainingData, trainedOn, ...comparison };
}

/** The outputs for all samples, where they are of a classifier. */
const predictionsOf = (evaluation: AnyEvaluation): Predictions | undefined =>
  evaluation instanceof Evaluation ? evaluation.predictions : undefined;

async function writePredictions(path: string, evaluation: AnyEvaluation): Promise<void> {
  const { dataset } = evaluation;
  const predictions = predictionsOf(evaluation);
  if (predictions === undefined) throw new UsageError("--predictions needs data with classes");
  await platform().writeFile(path, encodePredictions({ predictions, dataset }));
}

async function writeReport(
  path: string,
  modelPath: string,
  model: AnyModel,
  { result, dataset, overlap }: Measured,
  data: OpenedData,
): Promise<void> {
  const { renderReport } = await import("../report/report.ts");
  const parameters = [...model.network.namedParameters()].reduce((sum, [, parameter]) => sum + parameter.size, 0);
  const { metrics, recipe, task, dataset: trainedOn } = model;
  const { preprocessing } = task.input as { readonly preprocessing?: object };
  const page = await renderReport({
    title: `${modelName(model)} on ${result.dataset}`,
    subtitle: `${modelPath}, measured on ${grouped(result.count)} samples.`,
    created: new Date().toISOString(),
    facts: [
      ["network", modelName(model)],
      ["parameters", grouped(parameters)],
      ["trained on", trainedOn?.name ?? "unknown"],
      ["time", duration(result.seconds)],
    ],
    history: [],
    steps: [],
    measured: { evaluation: result, dataset },
    model,
    parts: [{ name: "measured", dataset }],
    overlaps: overlap === undefined ? [] : [overlap],
    records: [
      ["Model", { file: modelPath, trainedOn, recipe, preprocessing, metrics }],
      ["Data", { name: result.dataset, origin: data.origin, fingerprint: data.fingerprint }],
      ["Environment", describeEnvironment(VERSION)],
    ],
  });
  await platform().writeFile(path, page);
}
