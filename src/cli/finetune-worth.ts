/**
 * What fine-tuning was worth: the experiment around a run of `ductus finetune`. Beside the fine-tuned model stand the base as it
 * was and a network trained from scratch on the same samples, on the new data and on the old; where labels are few,
 * cross-validation tells whether training makes the model better at all.
 */
import { basename } from "node:path";
import { relabeled } from "../data/conform.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { SOURCES } from "../data/sources.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { DuctusError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { openData } from "../platform/node/open-data.ts";
import type { ComparisonTable } from "../report/input.ts";
import { comparePaired, type PairedComparison } from "../task/classify/mcnemar.ts";
import type { Predictions } from "../task/classify/predictions.ts";
import { percent } from "../task/text.ts";
import { crossValidate } from "../train/cross-validation.ts";
import { fit, type Run } from "../train/fit.ts";
import type { FitOptions } from "../train/settings.ts";
import { FOLDS } from "../train/transfer/finetune.ts";
import { adapt, fresh, withOldHead } from "../train/transfer/transfer.ts";
import { evaluate } from "../use/evaluate.ts";
import { conformTo, preprocessingOf } from "../use/predict.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { progressCallback } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** A difference that chance makes as often as this or more is none. */
const SIGNIFICANT = 0.05;

/** A run that is over, and what is to be found out about it. */
export interface Experiment {
  readonly options: ExperimentOptions;
  readonly base: Model;
  readonly run: Run;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
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
  readonly kept: TrainedModel;
  readonly isBetter: boolean;
  /** Of cross-validation, where labels are few. */
  readonly worth: Worth | undefined;
  /** All models beside each other, as plain data and as a table. */
  readonly comparison: Record<string, { test?: number | undefined; old?: number | undefined }>;
  readonly table: ComparisonTable;
}

/** Compares a fine-tuned model with the base and with scratch, and says which to keep. */
export async function weigh(experiment: Experiment): Promise<Findings> {
  const { options, base, run, train, test, backend } = experiment;
  const knowsAll = train.classes.every((name) => base.classes.includes(name));
  const worth =
    knowsAll && experiment.how.validation === 0 && options.check ? await crossValidated(experiment) : undefined;
  const isBetter = worth === undefined || (worth.difference > 0 && worth.pValue < SIGNIFICANT);
  if (worth !== undefined) run.model.temperature = worth.temperature;
  const old = await openOld(experiment);
  const rows: Compared[] = [
    {
      key: "base",
      name: "base model, untouched",
      test: knowsAll ? (await evaluate(base, relabeled(test, base.classes), { backend })).accuracy : undefined,
      old: old && (await evaluate(base, old, { backend })).accuracy,
    },
    {
      key: "finetuned",
      name: "fine-tuned",
      test: (await evaluate(run.model, test, { backend })).accuracy,
      old: old && (await evaluate(withOldHead(base, run.model), old, { backend })).accuracy,
    },
    ...(options.compare ? await fromScratch(experiment) : []),
  ];
  return {
    kept: isBetter ? run.model : adapt(base, train.classes, options.seed).model,
    isBetter,
    worth,
    comparison: plain(rows),
    table: comparisonTable(rows, test.name, old?.name),
  };
}

/** What cross-validation tells of a fine-tuned model: whether it is better, and its temperature. */
export interface Worth extends PairedComparison {
  readonly temperature: number | undefined;
}

/** What training does to samples that it has not seen, beside the model as it was. */
async function crossValidated({ base, train, how, options, backend, terminal }: Experiment): Promise<Worth> {
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
function comparisonTable(rows: readonly Compared[], name: string, oldName: string | undefined): ComparisonTable {
  const cell = (share: number | undefined): string => (share === undefined ? "–" : percent(share));
  const isOldKnown = oldName !== undefined;
  return {
    title: "What fine-tuning was worth",
    head: ["accuracy on the test split of", basename(name), ...(isOldKnown ? [basename(oldName)] : [])],
    rows: rows.map((row) => [row.name, cell(row.test), ...(isOldKnown ? [cell(row.old)] : [])]),
    caption: forgetting(rows),
  };
}

/** What the old task has lost, in words. */
function forgetting(rows: readonly Compared[]): string | undefined {
  const [before, after] = rows.map(({ old }) => old);
  if (before === undefined || after === undefined) return undefined;
  const lost = 100 * (before - after);
  const words = lost > 0 ? `lost ${lost.toFixed(2)}` : `gained ${(-lost).toFixed(2)}`;
  return `the old task has ${words} points, with the old last layer on the new network where it was replaced`;
}

/** The same number of steps from fresh weights, by the recipe of the network. */
async function fromScratch({
  base,
  run,
  train,
  test,
  how,
  options,
  backend,
  terminal,
}: Experiment): Promise<Compared[]> {
  const model = fresh(base, train.classes, options.seed);
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
  return [{ key: "scratch", name: "from scratch", test: (await evaluate(scratch.model, test, { backend })).accuracy }];
}

/** The test split of what the base was trained on, where it can be had. */
async function openOld({ base, options, terminal }: Experiment): Promise<ImageDataset | undefined> {
  const name = options.oldData ?? base.dataset?.name;
  if (name === undefined || (options.oldData === undefined && !(name in SOURCES) && !/[\\/.]/.test(name)))
    return undefined;
  try {
    const { dataDir } = options;
    const { test } = await openData(name, {
      dataDir,
      preprocessing: preprocessingOf(base),
      trainedSpan: base.dataset?.valueSpan,
    });
    return relabeled(conformTo(base, test), base.classes);
  } catch (error) {
    if (!(error instanceof DuctusError) || options.oldData !== undefined) throw error;
    terminal.note(`what the old task has lost is not measured: ${error.message}`);
    return undefined;
  }
}
