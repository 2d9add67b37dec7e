/**
 * From an ONNX file to a model that evaluates, fine-tunes and saves like any other: a classifier of pictures from anywhere, or
 * what Ductus wrote of a model that reads texts or lines of writing.
 */

import { openAxes } from "../data/port.ts";
import { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError, UsageError } from "../engine/errors.ts";
import { spendGraph } from "../engine/passes/cost.ts";
import {
  anything,
  type Checked,
  check,
  either,
  list,
  Mismatch,
  number,
  oneOf,
  record,
  type Schema,
  text,
} from "../engine/schema.ts";
import type { Shape } from "../engine/shape.ts";
import { refuseOtherKinds } from "../formats/kinds.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { decodeOnnx, type OnnxModel, type ReadExternal } from "../formats/onnx.ts";
import { parseStrictJson } from "../formats/text.ts";
import { modelToJson } from "../models/graph-json.ts";
import type { AnyModel, Normalization } from "../models/model.ts";
import { summary } from "../nn/summary.ts";
import { MNIST_PREPROCESSING, type Preprocessing } from "../picture/preprocessing.ts";
import { preprocessingSchema } from "../picture/preprocessing-schema.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { InputKind } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";
import { readTask } from "../task/tasks.ts";
import { inferenceGraph } from "../use/inference.ts";
import { TrainedModel } from "../use/trained-model.ts";
import { classifierOf } from "./onnx-classifier.ts";
import { type OnnxLayout, OnnxNetwork } from "./onnx-network.ts";

/** Keys of the file's metadata in which Ductus says what a graph alone does not; values are JSON. */
export const METADATA = {
  /** What the model is for, as model files have it; of texts with the tokens. Read where it is about texts or lines of writing. */
  task: "task",
  /** Of models that read strings: the symbols, and the place of "nothing" among the outputs, which the symbols follow. */
  alphabet: "alphabet",
  blank: "blank",
  /** From a picture of any size to a sample that is a line of writing (picture/line.ts). */
  line: "line",
  /** What outputs tell apart, in their order. */
  names: "classes",
  /** What pixels 0 … 1 go through before they enter the graph: mean and std; null where the graph does that itself. */
  normalization: "normalization",
  /** "uint8" or "float32": what samples are made of before the normalization. */
  inputType: "input_type",
  layout: "layout",
  /** The name of an output that holds logits, so that it is taken as it is, whatever ops make it. */
  logits: "logits",
  /** From a picture of any size to a sample. */
  preprocessing: "preprocessing",
  /** What the logits, which the graph gives as they are, are to be divided by before a softmax. */
  temperature: "temperature",
} as const;

const numbers = either(number(), list(number()));
const nothing: Schema<null> = (value, path) => {
  if (value !== null) throw new Mismatch(path, "must be null");
  return value;
};
const metadataSchema = record(
  {},
  {
    classes: list(text),
    normalization: either(nothing, record({ mean: numbers, std: numbers })),
    input_type: oneOf("uint8", "float32"),
    layout: oneOf("NCHW", "NHWC"),
    logits: text,
    preprocessing: preprocessingSchema,
    temperature: number(Number.MIN_VALUE),
    // What these say stands in the task's record, too.
    alphabet: anything,
    blank: anything,
    line: anything,
    task: anything,
  },
);

/** What a file from elsewhere does not say. */
export interface ImportOptions {
  /** Default: from the metadata, else "0", "1", … */
  readonly classes?: readonly string[] | undefined;
  /** What pixels 0 … 1 are to go through; default: from the metadata, else nothing. */
  readonly normalization?: Normalization | undefined;
  /** Of the input; default: from the metadata, else by where there are 1 or 3 channels. */
  readonly layout?: OnnxLayout | undefined;
}

export interface Imported<T extends AnyTask = Classify> {
  readonly model: TrainedModel<T>;
  readonly file: OnnxModel;
  /** What the user should know of how the file was read, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Reads an ONNX file.
 * @param name the file's, which starts every message
 * @param readExternal gives files of weights beside it
 * @typeParam T of the model: what a file that Ductus wrote for texts or lines says; all others are classifiers of pictures
 * @throws DataError in one line where it is damaged, is neither, or has an operator that Ductus lacks
 */
export async function importOnnx<T extends AnyTask = Classify>(
  bytes: Uint8Array,
  name: string,
  readExternal: ReadExternal,
  options: ImportOptions = {},
): Promise<Imported<T>> {
  refuseOtherKinds(bytes, name, "import");
  const budget = new Budget(name, bytes.length);
  const file = await decodeOnnx(bytes, name, readExternal, budget);
  const known = readMetadata(file, name);
  try {
    const { model, notes } = await READERS[inputKindOf(known.task)]({ file, name, known, options, budget });
    // Traced at several batch sizes, so that what cannot be saved is found here, under the file's name.
    modelToJson(model);
    return { model: model as AnyModel as TrainedModel<T>, file, notes };
  } catch (error) {
    if (!(error instanceof DuctusError) || error instanceof UsageError) throw error;
    if (error instanceof TooLargeError) throw error;
    throw error.message.startsWith(`${name}: `) ? error : new DataError(`${name}: ${error.message}`, { cause: error });
  }
}

/** A file, what its metadata and its user say of it, and what reading it may cost. */
interface Source {
  readonly file: OnnxModel;
  readonly name: string;
  readonly known: Checked<typeof metadataSchema>;
  readonly options: ImportOptions;
  readonly budget: Budget;
}

/** A model, and what the user should know of how it was read. */
type Read = Promise<{ readonly model: TrainedModel<AnyTask>; readonly notes: readonly string[] }>;

const READERS: Readonly<Record<InputKind, (source: Source) => Read>> = {
  numbers: readPictures,
  // Sequences are as long as they are, which the reader of pictures refuses in its own words.
  sequence: readPictures,
  text: (source) => readSequences(source, "text"),
  line: (source) => readSequences(source, "line"),
};

/** What a task's record says of its inputs; numbers where there is none, or one that is not Ductus's. */
function inputKindOf(task: unknown): InputKind {
  const kind = (task as { readonly input?: { readonly kind?: unknown } } | null | undefined)?.input?.kind;
  return Object.hasOwn(READERS, String(kind)) ? (kind as InputKind) : "numbers";
}

async function readPictures({ file, name, known, options, budget }: Source): Read {
  const network = new OnnxNetwork(file, options.layout ?? known.layout, budget);
  const { inputShape } = network;
  // Bytes that the graph takes as they are it normalizes itself.
  const takesBytes = file.inputs.some(({ name: input, dtype }) => dtype === "U8" && !file.initializers.has(input));
  const { classifier, notes } = await classifierOf(network, {
    budget,
    inputType: takesBytes ? "uint8" : "float32",
    givesLogits: known.logits === file.outputs[0].name,
    namesTwo: (options.classes ?? known.classes)?.length === 2,
  });
  const normalization = options.normalization ?? (takesBytes ? null : known.normalization);
  const inputType = known.input_type ?? "uint8";
  const [count] = summary(classifier, inputShape, takesBytes ? "uint8" : "float32").outputShape;
  const classes = options.classes ?? known.classes ?? count;
  if (typeof classes !== "number" && classes.length !== count) {
    throw new UsageError(`${name} tells ${count} classes apart but ${classes.length} are named`);
  }
  const preprocessing = { ...(known.preprocessing ?? defaultPreprocessing(inputShape)) };
  const { temperature } = known;
  const about = { inputShape, inputType, normalization, classes, preprocessing, temperature };
  return { model: new TrainedModel(classifier, about), notes: [...network.notes, ...notes] };
}

/** Length of the text or line by which the cost of a network is told. */
const EXAMPLE_LENGTH = 16;

/** Its task, tokens or symbols included, is in the file; nothing else is to be said. */
async function readSequences({ file, name, known, options, budget }: Source, kind: "text" | "line"): Read {
  const given = Object.entries(options).find(([, value]) => value !== undefined);
  if (given !== undefined) {
    throw new UsageError(`${name} reads ${kind}s and says itself what its outputs are; leave out ${given[0]}`);
  }
  const task: AnyTask = await readTask(known.task as JsonRecord, name);
  const { ports } = task.input;
  const { OnnxSequences } = await import("./onnx-sequences.ts");
  const network = new OnnxSequences(file, ports, kind, known.logits, budget);
  const model = new TrainedModel<AnyTask>(network, { task, temperature: known.temperature });
  const { outputs } = inferenceGraph(
    model,
    1,
    Object.fromEntries(openAxes(ports).map((axis) => [axis, EXAMPLE_LENGTH])),
  );
  spendGraph(budget, Object.values(outputs), "its network");
  return { model, notes: network.notes };
}

/** What the metadata says under Ductus's keys. What is there but means something else is not Ductus's, and left alone. */
function readMetadata({ metadata }: OnnxModel, name: string): Checked<typeof metadataSchema> {
  const found: Record<string, unknown> = {};
  for (const key of Object.values(METADATA)) {
    if (!Object.hasOwn(metadata, key)) continue;
    try {
      found[key] = parseStrictJson(metadata[key], name);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  const checked = check(metadataSchema, found);
  return checked instanceof Mismatch ? {} : checked;
}

/** As MNIST's for gray pictures, in proportion; others are resized. */
function defaultPreprocessing([height, width, channels]: Shape): Preprocessing | undefined {
  if (channels === 1) {
    const box = Math.max(
      1,
      Math.round((Math.min(height, width) * MNIST_PREPROCESSING.box) / MNIST_PREPROCESSING.height),
    );
    return { ...MNIST_PREPROCESSING, height, width, box };
  }
  return channels === 3 ? { kind: "resize", height, width, channels, invert: false } : undefined;
}
