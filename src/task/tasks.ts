/**
 * The kinds of tasks and of inputs: how each is read from a model file. The lists of what there is; what a page does not use, it
 * does not load.
 */
import { DataError } from "../engine/errors.ts";
import { check, list, Mismatch, oneOf, record, type Schema } from "../engine/schema.ts";
import { type JsonRecord, printable } from "../formats/model-file.ts";
import { Classify } from "./classify/classify.ts";
import { type InputCodec, type InputKind, NumbersInput } from "./input.ts";
import { checkNumbers } from "./stored-numbers.ts";
import type { AnyTask, TaskKind } from "./task.ts";

/** @param name of the file, which starts every message */
type Reader<Result> = (record: JsonRecord, name: string) => Promise<Result>;

const INPUTS: Readonly<Record<InputKind, Reader<InputCodec>>> = {
  numbers: async (stored, name) => new NumbersInput(checkNumbers(stored, name)),
  text: async (stored, name) => (await import("./text-input.ts")).readTextInput(stored, name),
};

const TASKS: Readonly<Record<TaskKind, Reader<AnyTask>>> = {
  classify: async (stored, name) => {
    const { classNames } = checked(record({ classNames: list(printable, 1) }, {}, "ignored"), stored, name);
    return new Classify(await readInput(stored, name), classNames);
  },
  transcribe: async (stored, name) =>
    (await import("./transcribe/transcribe.ts")).readTranscribe(stored, await readInput(stored, name), name),
  generate: async (stored, name) =>
    (await import("./generate/generate.ts")).readGenerate(stored, await readInput(stored, name), name),
};

/** The names of a table, for messages and schemas. */
const kindsOf = <Kind extends string>(table: Readonly<Record<Kind, unknown>>): Kind[] => Object.keys(table) as Kind[];

/** The task that a model file describes. @throws DataError when it is damaged, or newer than this version */
export async function readTask(stored: JsonRecord, name: string): Promise<AnyTask> {
  const { kind } = checked(record({ kind: oneOf(...kindsOf(TASKS)) }, {}, "ignored"), stored, name);
  return TASKS[kind](stored, name);
}

async function readInput({ input }: JsonRecord, name: string): Promise<InputCodec> {
  const { kind } = checked(record({ kind: oneOf(...kindsOf(INPUTS)) }, {}, "ignored"), input, name);
  return INPUTS[kind](input as JsonRecord, name);
}

/** @throws DataError when a part of a task is not what it should be */
function checked<T>(schema: Schema<T>, value: unknown, name: string): T {
  const found = check(schema, value);
  if (!(found instanceof Mismatch)) return found;
  throw new DataError(
    `${name}: what it says of its task is damaged or newer: ${found.path} ${found.message}; update ductus`,
  );
}
