/**
 * The kinds of data that the verbs `train`, `evaluate` and `finetune` know: what each is for, and how it is opened. Which one a path
 * holds is found out here, from the path, from `--task` and from the model.
 */
import { SOURCES } from "../../data/sources.ts";
import { DataError, UsageError } from "../../engine/errors.ts";
import { type AnyModel, modelName } from "../../models/model.ts";
import { networksFor, purposeOf } from "../../models/networks.ts";
import { pathKind } from "../../platform/node/files.ts";
import { LINES_EXPECTED, textLayoutsAt } from "../../platform/node/text-layout.ts";
import type { InputKind } from "../../task/input.ts";
import type { TaskKind } from "../../task/task.ts";
import type { OpenData, OpenedData } from "./kind.ts";

export type DataKind = "pictures" | "labeledTexts" | "texts" | "lines";

interface KindRecord {
  /** What a model learns from such data, and what it reads. */
  readonly task: TaskKind;
  readonly input: InputKind;
  /** Goes on from "holds". */
  readonly title: string;
  /** The network of who names none. */
  readonly model: string;
  /** What somebody has to give who wants such data. */
  readonly expected?: string | undefined;
  /** What to do with a trained model, as words of the command line behind its name. */
  readonly next: readonly [verb: string, input: string];
  readonly load: () => Promise<{ readonly open: OpenData }>;
}

export const KINDS: Readonly<Record<DataKind, KindRecord>> = {
  pictures: {
    task: "classify",
    input: "numbers",
    title: "pictures with classes",
    model: "cnn-3x3",
    next: ["predict", "picture.png"],
    load: () => import("./pictures.ts"),
  },
  labeledTexts: {
    task: "classify",
    input: "text",
    title: "texts with classes",
    model: "text-cnn",
    next: ["predict", '"a sentence"'],
    load: () => import("./labeled-texts.ts"),
  },
  texts: {
    task: "generate",
    input: "text",
    title: "plain text",
    model: "lstm-lm",
    next: ["generate", '"how it begins"'],
    load: () => import("./texts.ts"),
  },
  lines: {
    task: "transcribe",
    input: "line",
    title: "pictures with strings",
    expected: LINES_EXPECTED,
    model: "reader",
    next: ["predict", "line.png"],
    load: () => import("./lines.ts"),
  },
};

const ALL = Object.keys(KINDS) as DataKind[];

/** The tasks that there are data for, as they are typed. */
export const TASK_NAMES = [...new Set(ALL.map((kind) => KINDS[kind].task))];

/** Options that only some kinds of data have a use for. */
const OPTIONS: Readonly<Record<string, readonly DataKind[]>> = {
  color: ["pictures"],
  stream: ["pictures"],
  shots: ["pictures"],
  tta: ["pictures"],
  teacher: ["pictures"],
  augment: ["pictures", "lines"],
  mosaic: ["pictures", "lines"],
  tokenizer: ["texts", "labeledTexts"],
};

/** Data that are made of others, `WORD:…`, by the word before the colon: of which kind they are, and what makes them. */
export const MADE: Readonly<Record<string, Pick<KindRecord, "load"> & { readonly kind: DataKind }>> = {
  strings: { kind: "lines", load: () => import("./strings.ts") },
};

const madeBy = (spec: string): (typeof MADE)[string] | undefined => {
  const word = spec.slice(0, Math.max(0, spec.indexOf(":")));
  return Object.hasOwn(MADE, word) ? MADE[word] : undefined;
};

/** Opens data of a kind. @throws as {@link OpenData} does */
export const openKind = async (
  kind: DataKind,
  ...[spec, request, terminal]: Parameters<OpenData>
): Promise<OpenedData> => (await (madeBy(spec) ?? KINDS[kind]).load()).open(spec, request, terminal);

/** What is known of the data before they are opened. */
export interface Wanted {
  readonly data: string;
  /** As `--task` says it. */
  readonly task?: string | undefined;
  /** The name of a network. */
  readonly network?: string | undefined;
}

/** What a path may be taken for, the likeliest first; undefined where nothing is there. */
async function kindsAt(spec: string): Promise<readonly DataKind[] | undefined> {
  const made = madeBy(spec);
  if (made !== undefined) return [made.kind];
  if (Object.hasOwn(SOURCES, spec)) return ["pictures"];
  const layouts = await textLayoutsAt(spec);
  const found = (["lines", "labeledTexts", "texts"] as const).filter((kind) => layouts[kind] !== undefined);
  // Strings in a table may be meant as classes, too.
  if (found.length > 0) return layouts.lines === undefined ? found : [...found, "pictures"];
  return (await pathKind(spec)) === "nothing" ? undefined : ["pictures"];
}

/** The kind of some data for a new model. @throws UsageError where what is asked for does not go together */
export async function kindFor({ data, task, network }: Wanted): Promise<DataKind> {
  const found = await kindsAt(data);
  const purpose = network === undefined ? undefined : purposeOf(network);
  // Names of data sets are of pictures; what else is not there is said by who opens it.
  const possible = found ?? (task === undefined ? ["pictures" as const] : ALL);
  const ofTask = possible.filter((kind) => task === undefined || KINDS[kind].task === task);
  if (ofTask.length === 0) {
    const { title, task: natural } = KINDS[possible[0]];
    const asked = ALL.filter((kind) => KINDS[kind].task === task);
    const wanted = asked.map((kind) => KINDS[kind].title);
    // What nothing else fits is taken for pictures by class.
    const expected = possible[0] === "pictures" ? asked.find((kind) => KINDS[kind].expected !== undefined) : undefined;
    if (expected !== undefined) {
      throw new DataError(`${data}: no ${KINDS[expected].title} there; expected ${KINDS[expected].expected}`);
    }
    throw new UsageError(
      `--task ${task} takes ${wanted.join(" or ")}; ${data} holds ${title}, which a model learns to ${natural}`,
    );
  }
  const chosen = ofTask.find((kind) => purpose === undefined || isFor(kind, purpose));
  if (chosen !== undefined) return chosen;
  const { title, task: natural, input } = KINDS[ofTask[0]];
  throw new UsageError(
    `${network} is a network to ${purpose?.task} from ${purpose?.input}; ${data} holds ${title}: take ${networksFor(natural, input).join(", ")}`,
  );
}

type Purpose = Pick<KindRecord, "task" | "input">;

const isFor = (kind: DataKind, { task, input }: Purpose): boolean =>
  KINDS[kind].task === task && KINDS[kind].input === input;

/** The kind of data that is for a task and an input; undefined where there is none. */
export const kindOf = (purpose: Purpose): DataKind | undefined => ALL.find((kind) => isFor(kind, purpose));

/** The kind of data that a model reads. @throws UsageError where these are something else */
export async function kindOfModel({ task, ...model }: AnyModel, data: string, asked?: string): Promise<DataKind> {
  const purpose = { task: task.kind, input: task.input.kind };
  const kind = kindOf(purpose);
  const name = modelName({ task, ...model } as AnyModel);
  if (kind === undefined) {
    throw new UsageError(
      `${name} is to ${purpose.task} from ${purpose.input}, for which no data can be read; use the API`,
    );
  }
  if (asked !== undefined && asked !== purpose.task) {
    throw new UsageError(`--task ${asked}: ${name} is a model to ${purpose.task}; leave --task out`);
  }
  const found = await kindsAt(data);
  if (found === undefined || found.includes(kind)) return kind;
  throw new UsageError(
    `${name} is a model to ${purpose.task} and needs ${KINDS[kind].title}; ${data} holds ${KINDS[found[0]].title}`,
  );
}

/** @throws UsageError for an option that has no meaning for such data */
export function refuseOptions(kind: DataKind, options: object, data: string): void {
  for (const [name, kinds] of Object.entries(OPTIONS)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined || kinds.includes(kind)) continue;
    throw new UsageError(
      (option) =>
        `${option(name)} is for ${kinds.map((each) => KINDS[each].title).join(" and ")}; ${data} holds ${KINDS[kind].title}`,
    );
  }
}
