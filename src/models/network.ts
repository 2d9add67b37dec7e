/**
 * A named network for a task: what it is for, its options with their defaults, and the recipe that trains it. One record per file
 * beside this, and all of them in networks.ts; those that put pictures into classes are architecture.ts's.
 */

import { UsageError } from "../engine/errors.ts";
import type { Shape } from "../engine/shape.ts";
import { undrawn } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import type { InputCodec, InputKind, NumbersInput } from "../task/input.ts";
import type { LineInput } from "../task/line-input.ts";
import type { SequenceInput } from "../task/sequence-input.ts";
import type { AnyTask, TaskKind } from "../task/task.ts";
import type { TextInput } from "../task/text-input.ts";
import type { PictureShape } from "./architecture.ts";
import { keepBlueprint, type ModelOfOptions } from "./blueprint.ts";
import { Model, type Recipe } from "./model.ts";
import { type AnyOption, checkOptions } from "./network-options.ts";

/** What a network has to know of its input. */
export interface InputSizes {
  readonly numbers: { readonly inputShape: PictureShape };
  /** The shape of one step. */
  readonly sequence: { readonly step: Shape };
  /** How many different tokens there are. */
  readonly text: { readonly tokens: number };
  /** Rows of a picture of a line. */
  readonly line: { readonly height: number };
}

/** What a network is made for: its input, and how many numbers it gives, for the whole of it or for each step. */
export type NetworkSizes<Input extends InputKind> = InputSizes[Input] & { readonly outputs: number };

/** A named network. */
export interface NetworkRecord<Input extends InputKind = InputKind, Option extends string = string> {
  readonly name: string;
  /** One line: what it is. */
  readonly title: string;
  readonly task: TaskKind;
  readonly input: Input;
  readonly options: Readonly<Record<Option, AnyOption>>;
  readonly recipe: Recipe;
  /** Tokens of a text that are one sample while training; undefined where a sample is a whole text. */
  window?(options: Readonly<Record<Option, number>>): number;
  /** Most tokens of a text that it can read; undefined where there is no such number. */
  longest?(options: Readonly<Record<Option, number>>): number;
  /** @throws UsageError where it does not fit what it is made for */
  create(sizes: NetworkSizes<Input>, options: Readonly<Record<Option, number>>): Module;
}

const SIZES: { readonly [Input in InputKind]: { of(input: InputCodec): InputSizes[Input] } } = {
  numbers: { of: ({ shape }: NumbersInput) => ({ inputShape: shape as readonly number[] as PictureShape }) },
  sequence: { of: ({ step }: SequenceInput) => ({ step }) },
  line: { of: ({ preprocessing: { height } }: LineInput) => ({ height }) },
  text: { of: ({ tokenizer }: TextInput) => ({ tokens: tokenizer.tokens.length }) },
};

/**
 * A model of a named network for a task.
 * @throws UsageError for options that it does not have or that make no sense, or a network that is for something else
 */
export function modelOf<T extends AnyTask>(
  record: NetworkRecord,
  task: T,
  given: Readonly<Record<string, unknown>>,
  { recipe = record.recipe, seed }: ModelOfOptions = {},
): Model<T> {
  const { name } = record;
  if (record.task !== task.kind || record.input !== task.input.kind) {
    throw new UsageError(
      `${name} is a network to ${record.task} from ${record.input}; this task is to ${task.kind} from ${task.input.kind}`,
    );
  }
  const options = checkOptions(name, record.options, given);
  const outputs = task.outputs.logits.shape.at(-1) as number;
  const sizes = { ...SIZES[task.input.kind].of(task.input), outputs } as NetworkSizes<InputKind>;
  const network = undrawn(() => record.create(sizes, options));
  keepBlueprint(network, { record, options, again: (other, how) => modelOf(record, other, options, how) });
  return new Model<T>(network, { task, recipe, architecture: { name, options }, ...(seed !== undefined && { seed }) });
}
