/**
 * The kinds of tasks and of inputs: how each is read from a model file. The lists of what there is; what a page does not use, it
 * does not load.
 */
import { oneOf, record } from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { readClassify } from "./classify/classify.ts";
import { type InputCodec, type InputKind, NumbersInput } from "./input.ts";
import { checkedPart } from "./stored.ts";
import { checkNumbers } from "./stored-numbers.ts";
import type { AnyTask, TaskKind } from "./task.ts";

/** @param name of the file, which starts every message */
type Reader<Result> = (record: JsonRecord, name: string) => Promise<Result>;

const INPUTS: Readonly<Record<InputKind, Reader<InputCodec>>> = {
  numbers: async (stored, name) => new NumbersInput(checkNumbers(stored, name)),
  sequence: async (stored, name) => (await import("./sequence-input.ts")).readSequenceInput(stored, name),
  text: async (stored, name) => (await import("./text-input.ts")).readTextInput(stored, name),
  line: async (stored, name) => (await import("./line-input.ts")).readLineInput(stored, name),
};

const TASKS: Readonly<Record<TaskKind, Reader<AnyTask>>> = {
  classify: async (stored, name) => readClassify(stored, await readInput(stored, name), name),
  transcribe: async (stored, name) =>
    (await import("./transcribe/transcribe.ts")).readTranscribe(stored, await readInput(stored, name), name),
  generate: async (stored, name) =>
    (await import("./generate/generate.ts")).readGenerate(stored, await readInput(stored, name), name),
};

/** The names of a table, for messages and schemas. */
const kindsOf = <Kind extends string>(table: Readonly<Record<Kind, unknown>>): Kind[] => Object.keys(table) as Kind[];

/** The task that a model file describes. @throws DataError when it is damaged, or newer than this version */
export async function readTask(stored: JsonRecord, name: string): Promise<AnyTask> {
  const { kind } = checkedPart(record({ kind: oneOf(...kindsOf(TASKS)) }, {}, "ignored"), stored, name);
  return TASKS[kind](stored, name);
}

async function readInput({ input }: JsonRecord, name: string): Promise<InputCodec> {
  const { kind } = checkedPart(record({ kind: oneOf(...kindsOf(INPUTS)) }, {}, "ignored"), input, name);
  return INPUTS[kind](input as JsonRecord, name);
}
