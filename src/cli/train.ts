/** `ductus train`: data, network, run folder, training with a progress line, and one look at the test split at the end. */
import { Command, Option } from "commander";
import { type AugmentOption, augmentedSize, resolveAugmentations } from "../augment/presets.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { DuctusError, UsageError } from "../engine/errors.ts";
import type { AnyModel, Recipe } from "../models/model.ts";
import { parseNetwork } from "../models/network-options.ts";
import { recipeOf } from "../models/networks.ts";
import { findRecipe, RECIPES } from "../models/recipes.ts";
import { OPTIMIZER_NAMES } from "../optim/registry.ts";
import { describeEnvironment } from "../platform/node/environment.ts";
import { VERSION } from "../platform/version.ts";
import { RunRecords } from "../report/run-records.ts";
import type { AnyTask } from "../task/task.ts";
import { duration, grouped, percent, round } from "../task/text.ts";
import type { Teaching } from "../train/distill.ts";
import { fit, type Run } from "../train/fit.ts";
import { checkNovelty } from "../train/novelty/fit-novelty.ts";
import { plainResult } from "../train/results.ts";
import { type RunEnd, runFiles, runFolder } from "../train/run-folder.ts";
import type { OptimizerSpec } from "../train/settings.ts";
import { DivergedError } from "../train/trainer.ts";
import { checkWeightsFile, loadWeights } from "../train/transfer/weights.ts";
import { ensembleOf } from "../use/ensemble.ts";
import { augmentOption, readAugmentOption } from "./augment.ts";
import { DATA_WORDS, dataOptions, streamOption } from "./cli-data.ts";
import type { Interrupt } from "./interrupt.ts";
import type { NetworkChoice, OpenedData, TrainingParts } from "./kinds/kind.ts";
import { type DataKind, KINDS, kindFor, openKind, refuseOptions, TASK_NAMES } from "./kinds/kinds.ts";
import { checkTokenizer, TOKENIZERS_EXPECTED } from "./kinds/tokenizers.ts";
import { NOVELTY, noveltyOf } from "./novelty.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, integerOption, jsonOption, numberOption } from "./options.ts";
import { progressCallback } from "./progress.ts";
import {
  checkData,
  type OpenedRun,
  openRun,
  RunIsFinished,
  recordedOptions,
  sayFinished,
  unlessFinished,
} from "./resume.ts";
import type { RunClaim, Tools } from "./run-claim.ts";
import { claimRunFolder } from "./run-path.ts";
import { shellWord } from "./shown.ts";
import { noteOf, openTerminal, showNotes, type Terminal } from "./terminal.ts";
import { fitOptions, type LoopOptions, loopOptions, optimizerSpec } from "./training-options.ts";

interface TrainOptions extends CommonOptions, LoopOptions {
  readonly data: string;
  readonly task?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly stream?: boolean | undefined;
  readonly color?: boolean | undefined;
  readonly recipe?: string | undefined;
  readonly model: string;
  readonly optimizer?: string | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly seed: number;
  readonly val?: number | undefined;
  readonly threads?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly init?: string | undefined;
  readonly teacher?: readonly string[] | undefined;
  readonly teacherShare?: number | undefined;
  readonly temperature?: number | undefined;
  readonly augment?: string | undefined;
  readonly out?: string | undefined;
  readonly resume?: string | undefined;
  readonly mlflow?: string | undefined;
  readonly novelty?: boolean | undefined;
}

const DEFAULT_VALIDATION = 0.1;
const EXAMPLES = `
What is not given comes from the recipe ("ductus info fast" shows it), or from the one that the model has of its own
("ductus info MODEL").

Examples:
  $ ductus train
  $ ductus train --recipe fast                                            99 % on MNIST in seconds
  $ ductus train --recipe reader                                          reads whole numbers, from strings made of MNIST
  $ ductus train --model cnn-same --epochs 2 --seed 7
  $ ductus train --augment digits                                         every digit a little different each time
  $ ductus train --data my-letters/ --model lenet5 --out runs/letters     one folder per class, or a CSV file
  $ ductus train --minutes 5 --ema 0.999 --schedule oneCycle              the best of five minutes
  $ ductus train --resume runs/letters                                    go on with a run that was stopped or killed
  $ ductus train --model ductus-s --teacher large.safetensors             a small network that learns from a large one
  $ ductus train --model cnn-3x3 --init weights.pt --lr 1e-4 --epochs 1   start from PyTorch's weights
  $ ductus train --data poems.txt --model gpt-s                           text: learns to go on with it
  $ ductus train --data reviews.csv                                       columns text and label: texts into classes
  $ ductus train --data lines.csv                                         columns file and text: reads lines of writing`;

export function command(): Command {
  const all = new Command()
    .description("Trains a network, validates it after every epoch and tests it once at the end.")
    .option("--data <name|path>", `${DATA_WORDS} (default: the recipe's, or mnist)`)
    .addOption(new Option("--task <name>", "what to learn (default: what the data are for)").choices(TASK_NAMES))
    .addOption(
      new Option(
        "--tokenizer <name|file>",
        `what texts are cut into: ${TOKENIZERS_EXPECTED} (default: chars, or words where texts have classes)`,
      ).argParser((text: string) => {
        checkTokenizer(text);
        return text;
      }),
    )
    .addOption(streamOption())
    .option("--color", "keep the color of pictures: whole pictures in three channels, instead of their ink in gray")
    .option("--recipe <name>", `what is not given otherwise: ${RECIPES.map(({ name }) => name).join(", ")}`)
    .option(
      "--model <name>",
      `architecture (default: the recipe's, or ${Object.values(KINDS)[0].model} for pictures); of texts and lines also NAME:option=number,…`,
    )
    .option("--optimizer <name>", OPTIMIZER_NAMES.join(", "))
    .addOption(numberOption("--momentum <share>", "of muon, sgd and rmsprop", { min: 0, below: 1 }))
    .addOption(numberOption("--weight-decay <rate>", "pull of the weights towards zero", { min: 0 }))
    .addOption(integerOption("--seed <n>", "of weights, order and split").default(0))
    .addOption(
      numberOption(
        "--val <share>",
        `part of the training data put aside for validation (default: the data's own part, the recipe's, or ${DEFAULT_VALIDATION})`,
        { min: 0, max: 0.9 },
      ),
    )
    .addOption(
      integerOption("--threads <n>", "default: one per core; results do not depend on it", { min: 1, max: 256 }),
    )
    .option("--strict", "arithmetic that gives the same bits on every machine")
    .addOption(augmentOption())
    .option("--init <file>", "start from these weights (.safetensors, .pt, .pth)")
    .option("--teacher <files...>", "learn from what these models say of each sample too, and not from labels alone")
    .addOption(
      numberOption("--teacher-share <share>", "part of the loss that is the teacher's (default: 0.9)", {
        above: 0,
        max: 1,
      }),
    )
    .addOption(numberOption("--temperature <t>", "of the teacher's answers (default: 4)", { above: 0 }))
    .option("--novelty", NOVELTY)
    .option("--out <folder>", "run folder (default: runs/DATA-MODEL-N)")
    .option("--mlflow <url>", "report to the MLflow server at this address too")
    .option("--resume <run>", "go on with the run in this folder, as if it had never stopped")
    .addHelpText("after", EXAMPLES)
    .action((options: TypedOptions, command: Command) => train(options, command));
  for (const option of [...dataOptions(), ...loopOptions()]) all.addOption(option);
  return all.addOption(jsonOption());
}

/** What was typed: a recipe may decide the rest. */
type TypedOptions = Omit<TrainOptions, "model" | "data"> & Partial<Pick<TrainOptions, "model" | "data">>;
type GivenOptions = TypedOptions & Pick<TrainOptions, "data">;

const withData = (typed: TypedOptions): GivenOptions => {
  const named = typed.recipe === undefined ? undefined : findRecipe(typed.recipe);
  return { ...typed, data: typed.data ?? named?.data ?? "mnist" };
};

/** What is given wins, then the named recipe, then the model's own. */
async function decide(given: GivenOptions): Promise<Decided> {
  const named = given.recipe === undefined ? undefined : findRecipe(given.recipe);
  const asked = given.model ?? named?.model;
  const network = asked === undefined ? undefined : parseNetwork(asked);
  const kind = await kindFor({ data: given.data, task: given.task, network: network?.name });
  refuseOptions(kind, given, given.data);
  const { name, options } = network ?? { name: KINDS[kind].model, options: {} };
  const recipe = named?.training ?? (await recipeOf(name));
  const validation = named?.validation ?? DEFAULT_VALIDATION;
  return { options: { ...given, model: asked ?? name }, kind, network: { name, options }, recipe, validation };
}

interface Decided {
  readonly options: TrainOptions;
  readonly kind: DataKind;
  readonly network: Pick<NetworkChoice, "name" | "options">;
  readonly recipe: Recipe;
  /** Share that is put aside where neither the options nor the data have anything for validation. */
  readonly validation: number;
}

async function train(typed: TypedOptions, command: Command): Promise<void> {
  const terminal = openTerminal(typed.json === true);
  const resumed =
    typed.resume === undefined ? undefined : await openRun(typed.resume, "train", typed, command, terminal);
  if (resumed?.isFinished && !resumed.isTyped) return sayFinished(resumed, terminal);
  const given = withData(resumed?.options ?? typed);
  const { options, kind, network, recipe, validation: share } = await decide(given);
  const optimizer = optimizerSpec(options, recipe.optimizer);
  const augment = await readAugmentOption(options.augment ?? recipe.augment);
  const teacher = await readTeacher(options, terminal);

  // Before the data, which may take long to read.
  const init = resumed?.checkpoint === undefined ? options.init : undefined;
  if (init !== undefined) await checkWeightsFile(init);

  const data = await openKind(kind, options.data, { ...options, model: undefined }, terminal);
  checkData(resumed, data);
  const { seed, val } = options;
  const model = await data.newModel({ ...network, recipe, seed });
  const parts = await data.training(model, { val, share, seed });
  if (options.novelty === true) checkNovelty(model, parts.train);
  if (init !== undefined) showNotes(terminal, (await loadWeights(model, init)).notes);

  const claim = resumed?.claim ?? claimRunFolder(options.out, options.data, network.name);
  const { folder } = claim;
  const work = async ({ backend, interrupt }: Tools): Promise<RunEnd> => {
    const recorded = recordedOptions(given);
    const args = {
      verb: "train",
      ...options,
      options: recorded,
      optimizer,
      augmentations: resolveAugmentations(augment, augmentedSize(model.task.input.ports)),
      recipe: { name: options.recipe, ...model.recipe },
      dataset: { name: data.name, origin: data.origin, fingerprint: data.fingerprint },
    };
    const environment = describeEnvironment(VERSION);
    const test = await data.samples("test", model);
    sayUnused(data, val, terminal);
    const note = noteOf(terminal);
    const records = new RunRecords({ folder, args, environment, test, note, mlflow: options.mlflow });
    const described = { args, environment, records };
    const job = {
      options,
      ...described,
      resumed,
      optimizer,
      augment,
      teacher,
      kind,
      data,
      parts,
      model,
      folder,
      claim,
      backend,
      terminal,
      interrupt,
    };
    const run = await runTraining(job);
    if (interrupt.status !== 0) {
      const { last } = runFiles(folder);
      terminal.note(`stopped at step ${grouped(run.steps)}; last checkpoint: ${last}`);
      terminal.note(terminal.noteStyle.dim(`go on:    ductus train --resume ${shellWord(folder)}`));
      terminal.emit({ ...summary(run, data, folder), ended: "aborted", model: last });
      process.exitCode = interrupt.status;
      return "interrupted";
    }
    if (options.overfitBatches === undefined) await finish(run, job);
    else finishOverfit(run, job);
    return "done";
  };
  await unlessFinished(resumed, terminal, () => claim.while(terminal, options, work));
}

interface Job {
  readonly options: TrainOptions;
  readonly args: object;
  readonly environment: object;
  readonly records: RunRecords;
  readonly resumed: OpenedRun<object> | undefined;
  readonly optimizer: OptimizerSpec;
  readonly augment: AugmentOption;
  readonly teacher: Teaching | undefined;
  readonly kind: DataKind;
  readonly data: OpenedData;
  readonly parts: TrainingParts;
  readonly model: AnyModel;
  readonly folder: string;
  readonly claim: RunClaim;
  readonly backend: Backend;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
}

/** What is typed goes before the data's own part, and that before a share. */
function sayUnused(
  { counts: { validation: own }, noun }: OpenedData,
  val: number | undefined,
  terminal: Terminal,
): void {
  if (own === 0 || val === undefined) return;
  terminal.note(
    `note     --val ${val}: the ${grouped(own)} ${noun || "samples"} that the data have for validation are not used`,
  );
}

/** Several models teach as one. */
async function readTeacher(
  { teacher, teacherShare: share, temperature }: TrainOptions,
  terminal: Terminal,
): Promise<Teaching | undefined> {
  if (teacher !== undefined) {
    return {
      model: ensembleOf(await Promise.all(teacher.map((file) => openModel(file, terminal)))),
      share,
      temperature,
    };
  }
  if (share === undefined && temperature === undefined) return undefined;
  const option = share === undefined ? "--temperature" : "--teacher-share";
  throw new UsageError(`${option} says how a teacher is learned from; add --teacher FILE, or leave it out`);
}

async function runTraining(job: Job): Promise<Run<AnyTask>> {
  const { options, args, environment, records, resumed, optimizer, augment, teacher, model } = job;
  const { train, validation } = job.parts;
  const { folder, claim } = job;
  const { backend, terminal, interrupt } = job;
  const keeper = runFolder({ path: folder, args, environment, backend, hasLast: resumed?.hasLast, endedBy: "caller" });
  const { callbacks = [], ...loop } = fitOptions(options);
  try {
    return await fit(model, train, {
      ...loop,
      seed: options.seed,
      optimizer,
      augment,
      teacher,
      validation,
      onWarning: (message) => showNotes(terminal, [message]),
      callbacks: resumed?.isFinished
        ? [RunIsFinished.callback]
        : [keeper, progressCallback(terminal), ...records.callbacks, ...callbacks, claim.callback],
      resume: resumed?.checkpoint,
      backend,
      signal: interrupt.signal,
    });
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    const { best, last } = runFiles(folder);
    const kept = error.epoch > 1 ? `best so far: ${best}, last good checkpoint: ${last}` : "no epoch was completed";
    throw new DuctusError((option) => `${error.messageWith(option)}; ${kept}`, { cause: error });
  }
}

/** The only look at the test split, with the weights that the model file has. */
async function finish(
  run: Run<AnyTask>,
  { kind, options, data, parts, folder, backend, records, terminal }: Job,
): Promise<void> {
  const { best } = runFiles(folder);
  const [verb, input] = KINDS[kind].next;
  if (options.novelty === true) await noveltyOf(run.model, parts.train, options.seed, terminal);
  const test = await records.measure(run.model, backend);
  run.model.metrics = { ...run.model.metrics, test: test.summary };
  await run.model.save(best);
  const report = await records.write(run, test);

  const epochs = run.history.length;
  const isChosen = run.best?.validation !== undefined && options.keep !== "last";
  const epoch = isChosen ? `${run.best?.epoch}, the best of ${epochs} on validation` : `${epochs}, the last`;
  terminal.print();
  if (run.reason !== undefined) terminal.print(`stopped: ${run.reason}`);
  terminal.print(terminal.style.bold(`Test of the weights after epoch ${epoch}`));
  terminal.print(test.text(terminal.style));
  terminal.print();
  terminal.print(`trained in  ${duration(run.seconds)}, ${duration(process.uptime())} from the start of the command`);
  terminal.print(`run folder  ${folder}`);
  terminal.print(`model file  ${best}`);
  terminal.print(`report      ${report}`);
  terminal.print(terminal.style.dim(`try it:     ductus ${verb} ${shellWord(best)} ${input}`));
  terminal.emit({ ...summary(run, data, folder), totalSeconds: process.uptime(), model: best, report, test });
}

/** Nothing is measured: the samples were learned by heart, or not. */
function finishOverfit(run: Run<AnyTask>, { data, folder, terminal }: Job): void {
  const last = run.history.at(-1);
  const share = last?.trainingAccuracy === undefined ? "" : `, ${percent(last.trainingAccuracy)} of them recognized`;
  terminal.print();
  terminal.print(`training loss ${round(last?.trainingLoss ?? Number.NaN)} on the samples of a few batches${share}`);
  terminal.print("This shows whether the network can learn them by heart; it says nothing about new samples.");
  terminal.emit({ ...summary(run, data, folder), overfit: true });
}

function summary(run: Run<AnyTask>, data: OpenedData, folder: string): Record<string, unknown> {
  const { ended, reason, steps, seconds, best, history } = run;
  const dataset = { name: data.name, origin: data.origin, fingerprint: data.fingerprint };
  const epochs = history.map(plainResult);
  return { run: folder, dataset, ended, reason, steps, seconds, bestEpoch: best?.epoch, epochs };
}
