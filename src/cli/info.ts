/** `ductus info`: what an architecture or a model file is made of, what it costs, and what was corrected in it. */
import { Command, Option } from "commander";
import { nearest, unknownName } from "../engine/errors.ts";
import type { ArchitectureRecord } from "../models/architecture.ts";
import type { AnyModel, Recipe } from "../models/model.ts";
import { modelOf, type NetworkRecord } from "../models/network.ts";
import { parseNetwork } from "../models/network-options.ts";
import { NETWORKS, networkNamed } from "../models/network-table.ts";
import { PROVENANCE, type Provenance } from "../models/provenance.ts";
import { RECIPES } from "../models/recipes.ts";
import { ARCHITECTURES, create } from "../models/registry.ts";
import { formatSummary } from "../nn/summary.ts";
import { pathKind } from "../platform/node/files.ts";
import { platform } from "../platform/platform.ts";
import { Classify } from "../task/classify/classify.ts";
import { Generate } from "../task/generate/generate.ts";
import { NumbersInput } from "../task/input.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnyTask } from "../task/task.ts";
import { columns, round } from "../task/text.ts";
import { TextInput } from "../task/text-input.ts";
import { Transcribe } from "../task/transcribe/transcribe.ts";
import { INPUT_VIEWS, type InputViews, type TaskViews, VIEWS } from "../task/views.ts";
import { CharacterTokenizer, WordTokenizer } from "../text/tokenizer.ts";
import { listPlan, PLANS, type PlanListing, type PlanName } from "../train/plan-listing.ts";
import { type PlannedMemory, planMemory } from "../train/plan-memory.ts";
import { type DataKind, kindOf } from "./kinds/kinds.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { byteSize, openTerminal, type Terminal } from "./terminal.ts";

const EXAMPLES = `
Architectures: ${ARCHITECTURES.map(({ name }) => name).join(", ")}
For texts and lines: ${Object.keys(NETWORKS).join(", ")}
Recipes: ${RECIPES.map(({ name }) => name).join(", ")}

Examples:
  $ ductus info cnn-3x3
  $ ductus info fast
  $ ductus info runs/mnist-cnn-3x3-1/best.safetensors
  $ ductus info lenet5 --plan read
  $ ductus info separable --json`;

export function command(): Command {
  return new Command()
    .description(
      "Shows layers, shapes, parameters, multiply-adds and memory of an architecture, a recipe or a model file.",
    )
    .argument("<what>", "model file, or name of an architecture or a recipe")
    .addOption(
      new Option(
        "--plan [of]",
        'how it is computed: stages, kernels, memory, and which parameter is which; of a training step, or to "read" one sample',
      )
        .choices(PLANS)
        .preset("train"),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

interface InfoOptions extends CommonOptions {
  readonly plan?: PlanName | undefined;
}

async function run(what: string, options: InfoOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const recipe = RECIPES.find(({ name }) => name === what);
  const architecture = ARCHITECTURES.find(({ name }) => name === (recipe?.model ?? what));
  const { name: network, options: given } = parseNetwork(recipe?.model ?? what);
  const record = architecture === undefined ? await networkNamed(network)?.load() : undefined;
  const model: AnyModel =
    architecture === undefined
      ? record === undefined
        ? await loadFile(what, terminal)
        : modelOf(record, EXAMPLES_OF[kindOf(record) as DataKind](), given, { recipe: recipe?.training, seed: 0 })
      : create(architecture.name, { recipe: recipe?.training ?? architecture.recipe });
  const origin = architecture ?? record ?? ARCHITECTURES.find(({ name }) => name === model.architecture?.name);
  const memory = await memoryOf(model);
  if (recipe !== undefined) terminal.print(terminal.style.bold(`recipe ${recipe.name}: ${recipe.title}`));
  const views = await VIEWS[model.task.kind]();
  const inputViews = await INPUT_VIEWS[model.task.input.kind]();
  const named = architecture ?? record;
  if (named === undefined) showFile(terminal, what, model, views);
  else terminal.print(terminal.style.bold(`${named.name}: ${named.title}`));
  if (record !== undefined) showOptions(terminal, model, record);
  showNetwork(terminal, model, memory, inputViews);
  const provenance = architecture && PROVENANCE[architecture.name];
  if (provenance !== undefined) showProvenance(terminal, provenance);
  const plan = options.plan && (await listPlan(model, options.plan));
  if (plan !== undefined) showPlan(terminal, plan);
  terminal.emit({
    ...describe(what, model, origin, memory),
    ...inputViews.plain(model.task.input),
    ...views.plain(model.task),
    plan,
  });
}

/** Tasks of a usual size, at which networks are shown that are made for any. */
const EXAMPLES_OF: Readonly<Record<DataKind, () => AnyTask>> = {
  pictures: () => new Classify(new NumbersInput({ shape: [28, 28, 1] }), 10),
  labeledTexts: () => new Classify(new TextInput(WordTokenizer.of(WORDS)), 2),
  texts: () => new Generate(CharacterTokenizer.of(LETTERS)),
  lines: () => new Transcribe(new LineInput(), "0123456789"),
};
const WORDS = Array.from({ length: 9999 }, (_, i) => `word${i}`);
const LETTERS = String.fromCharCode(10, ...Array.from({ length: 95 }, (_, i) => 32 + i));

/** What can be set of a network, and what it is shown for. */
function showOptions(terminal: Terminal, { task }: AnyModel, { name, options }: NetworkRecord): void {
  terminal.print(terminal.style.dim(`shown for ${task.names.length} outputs; ${name}:OPTION=NUMBER,… sets`));
  const rows = Object.entries(options).map(([option, { default: value, about }]) => [option, String(value), about]);
  for (const [option, value, about] of rows) terminal.print(`${option.padEnd(14)} ${value.padEnd(6)} ${about}`);
}

/** A name that is neither an architecture nor a file gets the nearest architecture suggested. */
async function loadFile(path: string, terminal: Terminal): Promise<AnyModel> {
  const names = [...ARCHITECTURES.map(({ name }) => name), ...Object.keys(NETWORKS)];
  const looksLikePath = /[\\/]|\.\w+$/.test(path) && nearest(path, names) === undefined;
  if (!looksLikePath && (await pathKind(path)) === "nothing") throw unknownName("model", path, names);
  return openModel(path, terminal);
}

async function memoryOf(model: AnyModel): Promise<PlannedMemory> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    return await planMemory(model, backend);
  } finally {
    await backend.close();
  }
}

function showFile(terminal: Terminal, path: string, model: AnyModel, views: TaskViews): void {
  const { architecture, dataset, task, temperature } = model;
  terminal.print(terminal.style.bold(path));
  terminal.print(`architecture   ${architecture?.name ?? "a user's own (rebuilt from its graph)"}`);
  if (dataset !== undefined) terminal.print(`trained on     ${dataset.name} (${dataset.fingerprint.slice(0, 12)})`);
  const [names, value] = views.facts(task);
  terminal.print(`task           ${task.kind}`);
  terminal.print(`${names.padEnd(14)} ${value}`);
  terminal.print(
    `temperature    ${temperature === undefined ? "none fitted: answers are the plain softmax" : `${round(temperature)}, fitted on samples not trained on`}`,
  );
  for (const name of SHOWN_METRICS) {
    const value = model.metrics[name];
    if (value !== undefined && value !== null) terminal.print(`${name.padEnd(14)} ${metricText(value)}`);
  }
}

/** What was measured, in the order of importance; the rest is in the run folder and in --json. */
const SHOWN_METRICS = ["test", "validation", "epoch"] as const;

function metricText(value: unknown): string {
  if (typeof value === "number") return round(value);
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${metricText(inner)}`)
    .join(", ");
}

function showNetwork(terminal: Terminal, model: AnyModel, memory: PlannedMemory, views: InputViews): void {
  const { task, recipe } = model;
  terminal.print();
  terminal.print(formatSummary(model.summary()));
  terminal.print();
  terminal.print(`input          ${views.facts(task.input)}`);
  terminal.print(`recipe         ${recipeText(recipe)}`);
  terminal.print(
    `memory         ${memoryText(memory.training)} to train (batches of ${memory.batchSize}${lengthText(memory)}), ${memoryText(memory.inference)} to read one`,
  );
}

const PLAN_TITLES: Readonly<Record<PlanName, string>> = { train: "a training step", read: "reading one sample" };

/** Words for how threads divide a group. */
const SPLITS: Readonly<Record<PlanListing["groups"][number]["split"], (tile: number) => string>> = {
  samples: (tile) => `samples by ${tile}`,
  partial: (tile) => `samples by ${tile}, added up`,
  range: () => "ranges",
};

function showPlan(terminal: Terminal, plan: PlanListing): void {
  const { of, batch, stages, kernels, memory, groups, parameters } = plan;
  const { style } = terminal;
  const shape = (dims: readonly number[]): string => (dims.length === 0 ? "1" : dims.join("×"));
  terminal.print();
  terminal.print(
    style.bold(
      `plan of ${PLAN_TITLES[of]}, batch ${batch}: ${groups.length} groups, ${stages} stages, ${kernels} kernels`,
    ),
  );
  terminal.print(
    `memory         parameters ${byteSize(memory.parameters)}, arena ${byteSize(memory.arena)}, ${byteSize(memory.perThread)} more for each thread`,
  );
  terminal.print();
  const numbers = columns(
    ["group", "stage", "divided into", "kernel", "result"],
    groups.map(({ number, stage, split, tile = 0, kernel, shape: dims }) => [
      `%${number}`,
      stage,
      SPLITS[split](tile),
      `${kernel}`,
      shape(dims),
    ]),
  );
  for (const [i, line] of numbers.entries()) {
    terminal.print(i === 0 ? `${line}  ops (what they read) → what is stored` : `${line}  ${workText(groups[i - 1])}`);
  }
  terminal.print();
  const list = (numbers: readonly number[]): string => numbers.map((number) => `%${number}`).join(" ");
  const owners = parameters.map(({ name, shape: dims, bytes, readBy, writtenBy }) => [
    name,
    shape(dims),
    byteSize(bytes),
    `${list(readBy) || "–"}${writtenBy.length > 0 ? ` → ${list(writtenBy)}` : ""}`,
  ]);
  for (const line of columns(["parameter", "shape", "size", "read → written by"], owners)) terminal.print(line);
}

/** `conv2d·add (%4, conv1.bias) → arena 18.8 kB`; long chains of ops keep their beginning. */
function workText({ number, ops, reads, stores }: PlanListing["groups"][number]): string {
  const stored = stores.map(({ name, place, bytes }) => {
    if (place === "parameter") return name;
    return `${name === `%${number}` ? "" : `${name} `}${place} ${byteSize(bytes)}`;
  });
  return `${ops.length > 60 ? `${ops.slice(0, 59)}…` : ops} (${reads.join(", ")}) → ${stored.join(", ")}`;
}

/** How long samples are taken to be, where they differ. */
function lengthText({ sizes }: PlannedMemory): string {
  return Object.entries(sizes)
    .map(([axis, length]) => `, ${axis} ${length}`)
    .join("");
}

function memoryText({ parameters, arena }: PlannedMemory["training"]): string {
  return `${byteSize(parameters + arena)} (weights and state ${byteSize(parameters)})`;
}

function recipeText(recipe: Recipe): string {
  const { optimizer, lr, betas, momentum, weightDecay, schedule, batchSize, epochs } = recipe;
  const { labelSmoothing, augment, plainEpochs } = recipe;
  const own = [
    `${optimizer}, learning rate ${lr}${schedule === undefined ? "" : ` (${Object.values(schedule).join(" ")})`}`,
    betas === undefined ? "" : `betas ${betas.join(" and ")}`,
    momentum === undefined ? "" : `momentum ${momentum}`,
    weightDecay === undefined ? "" : `weight decay ${weightDecay}`,
    labelSmoothing === undefined ? "" : `label smoothing ${labelSmoothing}`,
    augment === undefined ? "" : `augmentation ${augment}`,
    `batches of ${batchSize}`,
    `${epochs} epochs${plainEpochs === undefined ? "" : `, the last ${plainEpochs === 1 ? "" : `${plainEpochs} `}not augmented`}`,
  ];
  return own.filter((part) => part !== "").join(", ");
}

function showProvenance(terminal: Terminal, { claimed, corrected }: Provenance): void {
  terminal.print(`claimed        ${claimed}`);
  terminal.print(`corrected      ${corrected}`);
}

function describe(
  what: string,
  model: AnyModel,
  source: ArchitectureRecord | NetworkRecord | undefined,
  memory: PlannedMemory,
): Record<string, unknown> {
  const { architecture, recipe, dataset, metrics, temperature, task } = model;
  return {
    name: what,
    title: source?.title,
    architecture,
    ...model.summary(),
    task: { kind: task.kind, inputs: task.input.ports, outputs: task.outputs, primary: task.primary },
    recipe,
    memory,
    ...(source && PROVENANCE[source.name]),
    dataset,
    temperature,
    metrics,
  };
}
