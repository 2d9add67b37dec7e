/**
 * What fine-tuning was worth: the experiment around a run of `ductus finetune`. Beside the fine-tuned model stand the base as it
 * was and a network trained from scratch on the same samples, on the new data and on the old; where labels are few,
 * cross-validation tells whether training makes the model better at all.
 */
import { basename } from "node:path";
import { relabeled } from "../data/conform.ts";
import type { Dataset, ImageDataset } from "../data/dataset.ts";
import { SOURCES } from "../data/sources.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { DuctusError } from "../engine/errors.ts";
import type { AnyModel, Model } from "../models/model.ts";
import type { ComparisonTable } from "../report/input.ts";
import type { Classify } from "../task/classify/classify.ts";
import { comparePaired, type PairedComparison } from "../task/classify/mcnemar.ts";
import type { Predictions } from "../task/classify/predictions.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import { measureText, measureTitle } from "../task/measures.ts";
import type { AnyTask } from "../task/task.ts";
import { crossValidate } from "../train/cross-validation.ts";
import { fit, type Run } from "../train/fit.ts";
import type { FitOptions } from "../train/settings.ts";
import { FOLDS } from "../train/transfer/finetune.ts";
import { adapt, fresh } from "../train/transfer/transfer.ts";
import { evaluate } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import type { OpenedData } from "./kinds/kind.ts";
import { type DataKind, openKind } from "./kinds/kinds.ts";
import { progressCallback } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** A difference that chance makes as often as this or more is none. */
const SIGNIFICANT = 0.05;

/** A run that is over, and what is to be found out about it. */
export interface Experiment {
  readonly options: ExperimentOptions;
  readonly kind: DataKind;
  readonly data: OpenedData;
  readonly base: AnyModel;
  readonly run: Run<AnyTask>;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly how: FitOptions;
  readonly backend: Backend;
  readonly terminal: Terminal;
}

interface ExperimentOptions {
  readonly seed: number;
  /** Whether cross-validation may keep the base model. */
  readonly check: boolean;
  /** Whether another network is trained from scratch. */
  readonly compare: boolean;
  readonly oldData?: string | undefined;
  readonly dataDir?: string | undefined;
}

/** Each model on the new data and on the old; undefined where there is nothing to measure. */
interface Compared {
  readonly name: string;
  readonly key: "base" | "finetuned" | "scratch";
  readonly test?: number | undefined;
  readonly old?: number | undefined;
}

/** What was found out. */
export interface Findings {
  /** The model to keep: fine-tuned, or the base as it was. */
  readonly kept: TrainedModel<AnyTask>;
  readonly isBetter: boolean;
  /** Of cross-validation, where labels are few. */
  readonly worth: Worth | undefined;
  /** All models beside each other, as plain data and as a table. */
  readonly comparison: Record<string, { test?: number | undefined; old?: number | undefined }>;
  readonly table: ComparisonTable;
}

/** Compares a fine-tuned model with the base and with scratch, and says which to keep. */
export async function weigh(experiment: Experiment): Promise<Findings> {
  const { options, data, base, run, train, test, backend } = experiment;
  const { name } = run.model.task.primary;
  const measured = async (model: AnyModel, samples: Dataset): Promise<number | undefined> =>
    measureIn(await evaluate(model, samples, { backend }), name);
  const images = data.images(train);
  const isKnown = data.isKnown(base, train);
  const worth =
    isKnown && experiment.how.validation === 0 && options.check && images !== undefined
      ? await crossValidated(experiment, images)
      : undefined;
  const isBetter = worth === undefined || (worth.difference > 0 && worth.pValue < SIGNIFICANT);
  if (worth !== undefined) run.model.temperature = worth.temperature;
  const old = await openOld(experiment);
  const rows: Compared[] = [
    {
      key: "base",
      name: "base model, untouched",
      test: isKnown ? await measured(base, await data.judged("test", base)) : undefined,
      old: old && (await measured(base, old)),
    },
    {
      key: "finetuned",
      name: "fine-tuned",
      test: await measured(run.model, test),
      old: old && (await measured(data.onOld(base, run.model), old)),
    },
    ...(options.compare ? await fromScratch(experiment, measured) : []),
  ];
  return {
    kept: isBetter ? run.model : data.adapt(base, train, options.seed).model,
    isBetter,
    worth,
    comparison: plain(rows),
    table: comparisonTable(rows, name, test.name, old?.name),
  };
}

/** A measure over all samples, those included that a model has seen. */
const measureIn = ({ metrics, accuracy }: AnyEvaluation, name: string): number | undefined => metrics[name] ?? accuracy;

/** What cross-validation tells of a fine-tuned model: whether it is better, and its temperature. */
export interface Worth extends PairedComparison {
  readonly temperature: number | undefined;
}

/** What training does to samples that it has not seen, beside the model as it was. */
async function crossValidated(
  { base: model, how, options, backend, terminal }: Experiment,
  train: ImageDataset,
): Promise<Worth> {
  // Pictures in memory are of classes.
  const base = model as AnyModel as Model<Classify>;
  const { seed } = options;
  const folds = Math.min(FOLDS, train.length);
  terminal.note(
    terminal.noteStyle.dim(`is that better? ${folds} trainings on parts of the ${train.length} samples tell`),
  );
  const tuned = await crossValidate(train, { folds, seed, backend }, async (part) => {
    const run = await fit(adapt(base, train.classes, seed).model, part, how);
    if (run.ended === "aborted") throw new DuctusError("stopped while checking; --no-check leaves that out");
    return run.model;
  });
  const { predictions } = await evaluate(base, relabeled(train, base.classes), { backend });
  return { ...comparePaired(tuned, predictions as Predictions), temperature: tuned.temperature };
}

/** What cross-validation says, in words. */
export function describeWorth(
  { samples, bothRight, onlyFirst, onlySecond }: PairedComparison,
  isBetter: boolean,
): string {
  const counts = `of ${samples} samples not trained on, fine-tuned models had ${bothRight + onlyFirst} right, the base model ${bothRight + onlySecond}`;
  return isBetter
    ? `${counts}: better`
    : `${counts}: not enough to tell them apart, so the base model is kept as it was (--no-check keeps the other)`;
}

function plain(rows: readonly Compared[]): Record<string, { test?: number | undefined; old?: number | undefined }> {
  return Object.fromEntries(rows.map(({ key, test, old }) => [key, { test, old }]));
}

/** The models beside each other, as the terminal and the report show them. */
function comparisonTable(
  rows: readonly Compared[],
  measure: string,
  name: string,
  oldName: string | undefined,
): ComparisonTable {
  const cell = (value: number | undefined): string => (value === undefined ? "–" : measureText(measure, value));
  const isOldKnown = oldName !== undefined;
  return {
    title: "What fine-tuning was worth",
    head: [`${measureTitle(measure)} on the test split of`, basename(name), ...(isOldKnown ? [basename(oldName)] : [])],
    rows: rows.map((row) => [row.name, cell(row.test), ...(isOldKnown ? [cell(row.old)] : [])]),
    caption: forgetting(rows, measure),
  };
}

/** What has become of the old task, by the measure that tells: in words that go on from its name. */
const FORGOTTEN: Readonly<Record<string, (before: number, after: number) => string>> = {
  accuracy: (before, after) => {
    const lost = 100 * (before - after);
    const words = lost > 0 ? `lost ${lost.toFixed(2)}` : `gained ${(-lost).toFixed(2)}`;
    return `the old task has ${words} points, with the old last layer on the new network where it was replaced`;
  },
};

/** What the old task has lost, in words. */
function forgetting(rows: readonly Compared[], measure: string): string | undefined {
  const [before, after] = rows.map(({ old }) => old);
  if (before === undefined || after === undefined) return undefined;
  const known = FORGOTTEN[measure]?.(before, after);
  return (
    known ??
    `on the old data, ${measureTitle(measure)} was ${measureText(measure, before)} and is ${measureText(measure, after)}`
  );
}

/** The same number of steps from fresh weights, by the recipe of the network. */
async function fromScratch(
  { base, run, train, test, how, options, backend, terminal }: Experiment,
  measured: (model: AnyModel, samples: Dataset) => Promise<number | undefined>,
): Promise<Compared[]> {
  const model = fresh(base, run.model.task, options.seed);
  if (model === undefined) {
    terminal.note("no comparison with scratch: a network of one's own class cannot be made anew from its file");
    return [];
  }
  terminal.note(terminal.noteStyle.dim("and from scratch, on the same samples, for as many steps:"));
  const { batchSize, validation, keep, seed, augment, signal } = how;
  const { optimizer, lr } = model.recipe;
  const shared = { batchSize, validation, keep, seed, augment, signal, backend };
  const scratch = await fit(model, train, {
    ...shared,
    ...{ optimizer, lr, schedule: "oneCycle", steps: run.steps },
    callbacks: [progressCallback(terminal)],
  });
  if (scratch.ended === "aborted")
    throw new DuctusError("stopped while training from scratch; the fine-tuned model is kept");
  return [{ key: "scratch", name: "from scratch", test: await measured(scratch.model, test) }];
}

/** The test split of what the base was trained on, where it can be had. */
async function openOld({ kind, base, options, terminal }: Experiment): Promise<Dataset | undefined> {
  const name = options.oldData ?? base.dataset?.name;
  if (name === undefined || (options.oldData === undefined && !(name in SOURCES) && !/[\\/.]/.test(name)))
    return undefined;
  try {
    const { dataDir } = options;
    const old = await openKind(kind, name, { dataDir, model: base, toMeasure: true }, terminal);
    return old.counts.test === 0 ? undefined : await old.judged("test", base);
  } catch (error) {
    if (!(error instanceof DuctusError) || options.oldData !== undefined) throw error;
    terminal.note(`what the old task has lost is not measured: ${error.message}`);
    return undefined;
  }
}
