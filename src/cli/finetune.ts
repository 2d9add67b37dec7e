/**
 * `ductus finetune`: goes on from a trained model with other data, often few, and says what that was worth, which
 * finetune-worth.ts finds out.
 */
import { Command, Option } from "commander";
import { augmentedSize, resolveAugmentations } from "../augment/presets.ts";
import { UsageError } from "../engine/errors.ts";
import type { AnyModel } from "../models/model.ts";
import { OPTIMIZER_NAMES } from "../optim/registry.ts";
import { describeEnvironment } from "../platform/node/environment.ts";
import { VERSION } from "../platform/version.ts";
import type { ComparisonTable } from "../report/input.ts";
import { RunRecords } from "../report/run-records.ts";
import { columns, duration, grouped } from "../task/text.ts";
import { fit } from "../train/fit.ts";
import { checkNovelty } from "../train/novelty/fit-novelty.ts";
import { plainResult } from "../train/results.ts";
import { type RunEnd, runFiles, runFolder } from "../train/run-folder.ts";
import type { FitOptions } from "../train/settings.ts";
import {
  FEW,
  FINETUNE_LR,
  FINETUNE_OPTIMIZER,
  FINETUNE_VALIDATION,
  finetuneOptions,
} from "../train/transfer/finetune.ts";
import { augmentOption, readAugmentOption } from "./augment.ts";
import { DATA_WORDS, dataOptions } from "./cli-data.ts";
import { describeWorth, type Experiment, type Worth, weigh } from "./finetune-worth.ts";
import type { TrainingParts } from "./kinds/kind.ts";
import { kindOfModel, openKind, refuseOptions, TASK_NAMES } from "./kinds/kinds.ts";
import { NOVELTY, noveltyOf } from "./novelty.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption, numberOption } from "./options.ts";
import { progressCallback } from "./progress.ts";
import { checkData, openRun, RunIsFinished, recordedOptions, sayFinished, unlessFinished } from "./resume.ts";
import type { Tools } from "./run-claim.ts";
import { claimRunFolder } from "./run-path.ts";
import { shellWord } from "./shown.ts";
import { noteOf, openTerminal, showNotes, type Terminal } from "./terminal.ts";
import { fitOptions, type LoopOptions, loopOptions, optimizerSpec } from "./training-options.ts";

interface FinetuneOptions extends CommonOptions, LoopOptions {
  readonly base?: string | undefined;
  readonly data: string;
  readonly task?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly shots?: number | undefined;
  readonly augment?: string | undefined;
  readonly freeze?: readonly string[] | undefined;
  readonly unfreezeEvery?: number | undefined;
  readonly probeEpochs?: number | undefined;
  readonly lrDecayPerLayer?: number | undefined;
  readonly updateStatistics?: boolean | undefined;
  readonly optimizer?: string | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly seed: number;
  readonly val?: number | undefined;
  readonly check: boolean;
  readonly compare: boolean;
  readonly oldData?: string | undefined;
  readonly threads?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly out?: string | undefined;
  readonly resume?: string | undefined;
  readonly mlflow?: string | undefined;
  readonly novelty?: boolean | undefined;
}

const EXAMPLES = `
Classes that the model knows by name keep their row of the last layer, others get a new one. By default ${FINETUNE_OPTIMIZER}, one cycle of a
small learning rate (${FINETUNE_LR}), augmentation as the model was trained with, and batch-norm statistics as they are; where the last
layer is new, the rate of the model's own recipe, and a third of the epochs for that layer alone. Where the classes are known
and the labels few (--shots below ${FEW}), cross-validation tells whether training makes the model better; if not, it stays as it was.

Examples:
  $ ductus finetune runs/mnist-cnn-3x3-1/best.safetensors --data usps
  $ ductus finetune digits.safetensors --data usps --shots 10
  $ ductus finetune digits.safetensors --data my-letters/ --freeze 'conv*'
  $ ductus finetune digits.safetensors --data telugu-digits --unfreeze-every 2 --lr-decay-per-layer 0.5
  $ ductus finetune runs/poems-gpt-s-1 --data my.txt                       text: goes on with texts as mine`;

export function command(): Command {
  const all = new Command()
    .description("Goes on from a trained model with other data, and compares with the base model and with scratch.")
    .argument("[model]", "model file to start from")
    .option("--data <name|path>", DATA_WORDS, "usps")
    .addOption(new Option("--task <name>", "what to learn: the task of the model").choices(TASK_NAMES))
    .addOption(integerOption("--shots <n>", "train on so many samples of each class only", { min: 1 }))
    .addOption(augmentOption())
    .option("--freeze <pattern...>", "weights that stay as they are: conv1, 'conv*', fc1.bias")
    .addOption(
      integerOption("--unfreeze-every <epochs>", "train the last layer first, then one more each time", { min: 1 }),
    )
    .addOption(integerOption("--probe-epochs <n>", "train the last layer alone for so long, then all", { min: 0 }))
    .addOption(
      numberOption("--lr-decay-per-layer <factor>", "the rate of each layer, of that after it", { min: 0.001, max: 1 }),
    )
    .option("--update-statistics", "let batch-norm learn the statistics of the new data")
    .option("--optimizer <name>", OPTIMIZER_NAMES.join(", "))
    .addOption(numberOption("--momentum <share>", "of muon, sgd and rmsprop", { min: 0, below: 1 }))
    .addOption(numberOption("--weight-decay <rate>", "pull of the weights towards zero", { min: 0 }))
    .addOption(integerOption("--seed <n>", "of shots, order, split and new weights").default(0))
    .addOption(
      numberOption(
        "--val <share>",
        `put aside for validation (default: the data's own part, or ${FINETUNE_VALIDATION}; 0 with few shots)`,
        {
          min: 0,
          max: 0.9,
        },
      ),
    )
    .option("--no-check", "keep what was trained on few labels, whether it is better or not")
    .option("--no-compare", "train no other network from scratch beside it")
    .option("--old-data <name|path>", "what the base model was trained on (default: as its file says)")
    .addOption(integerOption("--threads <n>", "default: one per core", { min: 1, max: 256 }))
    .option("--strict", "arithmetic that gives the same bits on every machine")
    .option("--novelty", NOVELTY)
    .option("--out <folder>", "run folder (default: runs/DATA-MODEL-N)")
    .option("--mlflow <url>", "report to the MLflow server at this address too")
    .option("--resume <run>", "go on with the run in this folder, as if it had never stopped")
    .addHelpText("after", EXAMPLES)
    .action((base: string | undefined, options: FinetuneOptions, own: Command) =>
      finetune({ ...options, ...(base !== undefined && { base }) }, own),
    );
  for (const option of [...dataOptions(), ...loopOptions()]) all.addOption(option);
  return all.addOption(jsonOption());
}

async function finetune(typed: FinetuneOptions, own: Command): Promise<void> {
  const terminal = openTerminal(typed.json === true);
  const resumed =
    typed.resume === undefined ? undefined : await openRun(typed.resume, "finetune", typed, own, terminal);
  if (resumed?.isFinished && !resumed.isTyped) return sayFinished(resumed, terminal);
  const options = resumed?.options ?? typed;
  if (options.base === undefined) throw new UsageError("give the model to start from: ductus finetune MODEL --data …");
  const optimizer = optimizerSpec(options, FINETUNE_OPTIMIZER);

  const base: AnyModel = await openModel(options.base, terminal);
  const kind = await kindOfModel(base, options.data, options.task);
  refuseOptions(kind, options, options.data);
  const augment = await readAugmentOption(options.augment ?? base.recipe.augment);
  const data = await openKind(kind, options.data, { ...options, model: base }, terminal);
  checkData(resumed, data);
  const { shots, seed, val } = options;
  const isFew = shots !== undefined && shots < FEW;
  const asked = { val, share: isFew ? 0 : FINETUNE_VALIDATION, usesOwn: !isFew, shots, seed };
  const parts = await data.training(base, asked);
  const { train } = parts;
  const test = await data.samples("test", base);
  const { model, isNew, head } = data.adapt(base, train, seed);
  if (options.novelty === true) checkNovelty(model, train);
  terminal.note(terminal.noteStyle.dim(`head     ${head}`));

  const loop = decide(options, base, parts, isNew);
  const claim = resumed?.claim ?? claimRunFolder(options.out, options.data, `${stem(base)}-finetuned`);
  const { folder } = claim;
  const work = async ({ backend, interrupt }: Tools): Promise<RunEnd> => {
    const args = {
      ...{ verb: "finetune", ...options, options: recordedOptions(options), optimizer },
      model: `${stem(base)}-finetuned`,
      augmentations: resolveAugmentations(augment, augmentedSize(base.task.input.ports)),
      base: { path: options.base, dataset: base.dataset },
      dataset: { name: train.name, origin: parts.origin, fingerprint: data.fingerprint },
    };
    const environment = describeEnvironment(VERSION);
    const note = noteOf(terminal);
    const records = new RunRecords({ folder, args, environment, test, note, mlflow: options.mlflow });
    const keeper = runFolder({
      path: folder,
      args,
      environment,
      backend,
      hasLast: resumed?.hasLast,
      endedBy: "caller",
    });
    const { callbacks = [], ...rest } = loop;
    const onWarning = (message: string): void => showNotes(terminal, [message]);
    const how: FitOptions = { ...rest, seed, optimizer, augment, backend, onWarning, signal: interrupt.signal };
    const run = await fit(model, train, {
      ...how,
      callbacks: resumed?.isFinished
        ? [RunIsFinished.callback]
        : [keeper, progressCallback(terminal), ...records.callbacks, ...callbacks, claim.callback],
      resume: resumed?.checkpoint,
    });
    if (interrupt.status !== 0) {
      terminal.note(`stopped at step ${grouped(run.steps)}; go on: ductus finetune --resume ${shellWord(folder)}`);
      process.exitCode = interrupt.status;
      return "interrupted";
    }
    await report({ options, kind, data, base, run, records, train, test, how, folder, backend, terminal });
    return "done";
  };
  await unlessFinished(resumed, terminal, () => claim.while(terminal, options, work));
}

/** What is not given is chosen for the task. */
function decide(
  options: FinetuneOptions,
  base: AnyModel,
  { train, validation }: TrainingParts,
  hasNewHead: boolean,
): FitOptions {
  const { freeze, unfreezeEvery, probeEpochs, lrDecayPerLayer, updateStatistics = false } = options;
  const transfer = { freeze, unfreezeEvery, probeEpochs, lrDecayPerLayer, freezeStatistics: !updateStatistics };
  // Where labels are few, cross-validation tells what they are worth.
  const isFew = options.shots !== undefined && options.shots < FEW;
  const task = { samples: train.length, hasNewHead, isFew };
  return finetuneOptions(base, task, { ...fitOptions(options), validation, transfer });
}

interface Job extends Experiment {
  readonly options: FinetuneOptions;
  readonly records: RunRecords;
  readonly folder: string;
}

/** Says what was reached and what that was worth, and leaves it in the folder. */
async function report(job: Job): Promise<void> {
  const { base, run, records, train, options, folder, backend, terminal } = job;
  const { best } = runFiles(folder);
  const { kept, isBetter, worth, comparison, table } = await weigh(job);
  if (options.novelty === true) await noveltyOf(kept, train, options.seed, terminal);
  const result = await records.measure(kept, backend);
  kept.metrics = { ...(isBetter ? run.model : base).metrics, test: result.summary, comparison };
  await kept.save(best);
  const page = await records.write(run, result, {
    comparison: worth === undefined ? table : { ...table, caption: captionWith(table, worth, isBetter) },
    kept: isBetter ? undefined : "the base model's",
  });

  terminal.print();
  if (run.reason !== undefined) terminal.print(`stopped: ${run.reason}`);
  if (worth !== undefined) terminal.print(describeWorth(worth, isBetter));
  const steps = isBetter
    ? `after ${grouped(run.steps)} steps on ${grouped(train.length)} samples`
    : "of the base model";
  terminal.print(terminal.style.bold(`Test ${steps}`));
  terminal.print(result.text(terminal.style));
  terminal.print();
  showComparison(terminal, table);
  terminal.print();
  terminal.print(`trained in  ${duration(run.seconds)}`);
  terminal.print(`run folder  ${folder}`);
  terminal.print(`model file  ${best}`);
  terminal.print(`report      ${page}`);
  const epochs = run.history.map(plainResult);
  const { ended, reason, seconds } = run;
  terminal.emit({
    run: folder,
    model: best,
    report: page,
    ended,
    reason,
    steps: run.steps,
    seconds,
    epochs,
    crossValidation: worth,
    kept: isBetter ? "finetuned" : "base",
    test: result,
    comparison,
  });
}

/** The caption of the report says why which model was kept. */
function captionWith({ caption }: ComparisonTable, worth: Worth, isBetter: boolean): string {
  return [describeWorth(worth, isBetter), ...(caption === undefined ? [] : [caption])].join("; ");
}

function showComparison(terminal: Terminal, { head, rows, caption }: ComparisonTable): void {
  const [first, ...lines] = columns(head, rows);
  terminal.print(terminal.style.dim(first));
  for (const line of lines) terminal.print(line);
  if (caption !== undefined) terminal.print(terminal.style.dim(caption));
}

function stem(base: AnyModel): string {
  return base.architecture?.name ?? "model";
}
