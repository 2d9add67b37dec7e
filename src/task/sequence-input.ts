/**
 * The codec of inputs that are sequences of numbers: measurements over time, steps of a pen, rows of a table. `x` has one axis with
 * a name, which is as long as the longest sample of a batch; the network is told in `context.inputs.length` how much of it counts.
 */
import { type Dim, INDEX, type Ports } from "../data/port.ts";
import { DataError, UsageError } from "../engine/errors.ts";
import { filled, type Optional } from "../engine/options.ts";
import type { Random } from "../engine/random.ts";
import { either, list, record, text, whole } from "../engine/schema.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import {
  checkType,
  exampleOf,
  type InputCodec,
  type Normalization,
  type NumbersOptions,
  type NumbersType,
  normalizationOf,
  normalized,
} from "./input.ts";
import { checkedInput, typed } from "./stored-numbers.ts";
import type { Tensors } from "./task.ts";

/** Steps of an example that count. */
const EXAMPLE_LENGTH = 11;

/** What inputs that are sequences look like. */
export interface SequenceOptions extends Pick<NumbersOptions, "normalization"> {
  /** One sample, without the batch axis: a name, then the shape of one step. `["time", 2]` is two numbers a step. */
  readonly shape: readonly Dim[];
  /** "float32" (default): numbers of any range. "uint8": bytes. "int32": whole numbers, such as the rows of an embedding. */
  readonly dtype?: NumbersType | undefined;
}

/** Sequences of numbers, filled up with zeros to one length within a batch, and their own lengths. */
export class SequenceInput implements InputCodec {
  readonly kind = "sequence";
  readonly shape: readonly Dim[];
  readonly dtype: NumbersType;
  readonly normalization: Normalization | null;
  readonly ports: Ports;

  /** @throws UsageError unless the first axis has a name and the others a length, or where another option makes no sense */
  constructor({ shape, dtype = "float32", normalization }: SequenceOptions) {
    const [axis, ...step] = shape;
    const isNamed = typeof axis === "string" && axis !== "" && axis !== "batch";
    if (!isNamed || !step.every((dim) => typeof dim === "number" && Number.isInteger(dim) && dim > 0)) {
      throw new UsageError(
        `model: the shape ${formatShape(shape as Shape)} of a sequence must be a name and then positive whole numbers, ["time", 2] for two numbers a step`,
      );
    }
    this.shape = shape;
    this.dtype = checkType(dtype);
    this.normalization = normalizationOf(normalization, dtype, shape);
    this.ports = { x: { shape, dtype }, length: INDEX };
  }

  /** The axis that has a name. */
  get axis(): string {
    return this.shape[0] as string;
  }

  /** The shape of one step. */
  get step(): Shape {
    return this.shape.slice(1) as Shape;
  }

  /** The same but for `changes`. */
  with(changes: Optional<SequenceOptions>): SequenceInput {
    const { shape, dtype, normalization } = this;
    return new SequenceInput(filled<SequenceOptions>({ shape, dtype, normalization }, changes));
  }

  untouched(): SequenceInput {
    return this.with({ normalization: null });
  }

  prepare(inputs: Tensors): Tensors {
    return { ...inputs, x: normalized(inputs.x, this) };
  }

  example(port: string, length: number, random: Random): Float32Array | Int32Array {
    return port === "length" ? Int32Array.of(EXAMPLE_LENGTH) : exampleOf(this.dtype, length, random);
  }

  record(): JsonRecord {
    const { kind, shape, dtype, normalization } = this;
    return { kind, shape, dtype, normalization };
  }
}

const schema = record({ shape: list(either(text, whole(1)), 1, 8), ...typed }, {}, "ignored");

/** @param name starts the message @throws DataError when it is damaged, or newer than this version */
export function readSequenceInput(stored: JsonRecord, name: string): SequenceInput {
  const found = checkedInput(schema, stored, name);
  try {
    return new SequenceInput(found);
  } catch (error) {
    if (error instanceof UsageError) throw new DataError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}
