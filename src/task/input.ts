/**
 * Codecs of inputs: what a network reads, and how raw arrays become the numbers that its first layer gets. The half that turns a
 * picture or a text into those raw arrays is encoders.ts, which a page that trains need not load.
 */
import type { Dim, Ports } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { add, cast, mul } from "../engine/ops/elementwise.ts";
import { filled, type Optional } from "../engine/options.ts";
import { quote, shortened } from "../engine/quote.ts";
import type { Random } from "../engine/random.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { AnyTask, Tensors } from "./task.ts";

/** The kinds of inputs, as model files name them. */
export type InputKind = "numbers" | "sequence" | "text" | "line";

/** What numbers are kept as: bytes, numbers of any range, whole numbers. */
export type NumbersType = "uint8" | "float32" | "int32";

/** What a network reads: the arrays of a sample, and what they become before its first layer. */
export interface InputCodec {
  readonly kind: InputKind;
  /** Raw arrays, without the batch axis. */
  readonly ports: Ports;
  /** What the numbers in `x` stand for, where each is one of so many. */
  readonly tokens?: readonly string[] | undefined;
  /** The same for a network that prepares raw arrays itself; without it, it is the codec as it is. */
  untouched?(): InputCodec;
  /** Raw arrays of a batch as the network gets them: traced into the graph. */
  prepare(inputs: Tensors): Tensors;
  /** Numbers for a port that could be an input and look like none: a model file proves by them that its network is whole. */
  example(port: string, length: number, random: Random): Float32Array | Int32Array;
  /** What a model file keeps of it. */
  record(): JsonRecord;
}

/** (x − mean) / std, with one number for all channels or one each. Bytes are divided by 255 first. */
export interface Normalization {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}

/** What inputs that are numbers look like. */
export interface NumbersOptions {
  /** Shape of one input without the batch axis: [height, width, channels] for pictures. */
  readonly shape: Shape;
  /**
   * "uint8" (default): inputs are bytes 0 … 255. "float32": they are numbers of any range. "int32": whole numbers, such as the rows of
   * an embedding.
   */
  readonly dtype?: NumbersType | undefined;
  /**
   * Default: bytes are divided by 255, numbers of any range left alone, whole numbers stay int32. null: the network gets the input
   * untouched. With a normalization it gets float32.
   */
  readonly normalization?: Normalization | null | undefined;
  /** From a picture of any size to an input; data that the module which applies it checks. */
  readonly preprocessing?: Readonly<Record<string, unknown>> | undefined;
}

const AS_IT_IS: Normalization = { mean: 0, std: 1 };

/** Numbers of one shape: a picture, where it comes with a preprocessing, or anything that has been measured. */
export class NumbersInput implements InputCodec {
  readonly kind = "numbers";
  readonly shape: Shape;
  readonly dtype: NumbersType;
  readonly normalization: Normalization | null;
  readonly preprocessing: Readonly<Record<string, unknown>> | undefined;
  readonly ports: Ports;

  /** @throws UsageError where an option makes no sense */
  constructor({ shape, dtype = "uint8", normalization, preprocessing }: NumbersOptions) {
    this.shape = checkShape(shape);
    this.dtype = checkType(dtype);
    this.normalization = normalizationOf(normalization, dtype, shape);
    this.preprocessing = preprocessing;
    this.ports = { x: { shape, dtype } };
  }

  /** The same but for `changes`. */
  with(changes: Optional<NumbersOptions>): NumbersInput {
    const { shape, dtype, normalization, preprocessing } = this;
    return new NumbersInput(filled<NumbersOptions>({ shape, dtype, normalization, preprocessing }, changes));
  }

  untouched(): NumbersInput {
    return this.with({ normalization: null });
  }

  prepare(inputs: Tensors): Tensors {
    return { ...inputs, x: normalized(inputs.x, this) };
  }

  example(_port: string, length: number, random: Random): Float32Array | Int32Array {
    return exampleOf(this.dtype, length, random);
  }

  record(): JsonRecord {
    const { kind, shape, dtype, normalization, preprocessing = {} } = this;
    return { kind, shape, dtype, normalization, preprocessing };
  }
}

/** Numbers as a codec keeps them. */
interface Kept {
  readonly shape: readonly Dim[];
  readonly dtype: NumbersType;
  readonly normalization: Normalization | null;
}

/** (x/255 − mean)/std as one multiplication and one addition for each number; untouched where there is no normalization. */
export function normalized(x: Tensor, { shape, dtype, normalization }: Kept): Tensor {
  if (normalization === null) return x;
  const { mean, std } = normalization;
  const unit = dtype === "uint8" ? 255 : 1;
  const channels = channelsOf(shape);
  const deviation = perChannel(std, channels);
  const scale = deviation.map((s) => 1 / (unit * s));
  const shift = perChannel(mean, channels).map((m, c) => -m / deviation[c]);
  const scaled = isAll(scale, 1) ? cast(x, "float32") : mul(cast(x, "float32"), asConstant(scale));
  return isAll(shift, 0) ? scaled : add(scaled, asConstant(shift));
}

/** Numbers that look like no sample. Whole ones are 0 and 1: rows that every table has. */
export function exampleOf(dtype: NumbersType, length: number, random: Random): Float32Array | Int32Array {
  const draw: Readonly<Record<NumbersType, () => number>> = {
    uint8: () => random.integer(256),
    float32: () => random.normal(),
    int32: () => random.integer(2),
  };
  const numbers = Array.from({ length }, draw[dtype]);
  return dtype === "int32" ? Int32Array.from(numbers) : Float32Array.from(numbers);
}

/** A task whose network gets raw inputs untouched: it prepares them itself. */
export function unprepared<T extends AnyTask>(task: T): T {
  const { input } = task;
  return (input.untouched === undefined ? task : task.reading(input.untouched())) as T;
}

const perChannel = (value: number | readonly number[], channels: number): readonly number[] =>
  typeof value === "number" ? new Array<number>(channels).fill(value) : value;

// −0 counts as 0 here, hence no Object.is
const isAll = (values: readonly number[], wanted: number): boolean => values.every((value) => value === wanted);

/** A scalar where all channels agree, which is cheaper to apply. */
const asConstant = (values: readonly number[]): Tensor =>
  isAll(values, values[0]) ? constant(values[0]) : constant(values);

/** The last axis, which a normalization has numbers for. */
function channelsOf(shape: readonly Dim[]): number {
  const last = shape.at(-1);
  return typeof last === "number" ? last : 1;
}

function checkShape(shape: Shape): Shape {
  if (shape.length > 0 && shape.every((dim) => Number.isInteger(dim) && dim > 0)) return shape;
  const hint = shape.some((dim) => typeof dim === "string")
    ? "; samples of different length are tasks.SequenceInput"
    : "";
  throw new UsageError(
    `model: the input shape ${formatShape(shape)} must be positive whole numbers, [height, width, channels] for pictures${hint}`,
  );
}

const NUMBERS_TYPES: Readonly<Record<NumbersType, true>> = { uint8: true, float32: true, int32: true };

/** @throws UsageError for a type that inputs cannot have */
export function checkType(dtype: NumbersType): NumbersType {
  if (Object.hasOwn(NUMBERS_TYPES, dtype)) return dtype;
  throw new UsageError(
    `model: inputs are ${quote(String(dtype))}; expected one of ${Object.keys(NUMBERS_TYPES).join(", ")}`,
  );
}

/** What inputs are normalized by, the default where nothing is said. @throws UsageError where it does not fit the shape */
export function normalizationOf(
  given: Normalization | null | undefined,
  dtype: NumbersType,
  shape: readonly Dim[],
): Normalization | null {
  if (given === undefined) return dtype === "int32" ? null : AS_IT_IS;
  return checkNormalization(given, channelsOf(shape));
}

function checkNormalization(normalization: Normalization | null, channels: number): Normalization | null {
  if (normalization === null) return null;
  const { mean, std } = normalization;
  for (const [name, value] of Object.entries({ mean, std })) {
    const numbers = typeof value === "number" ? [value] : value;
    if (typeof value !== "number" && value.length !== channels) {
      throw new UsageError(`model: ${value.length} numbers in ${name} for ${channels} channels`);
    }
    if (!numbers.every((n) => Number.isFinite(n) && (name === "mean" || n > 0))) {
      throw new UsageError(
        `model: the normalization's ${name} ${shortened(numbers.join(", "))} must be finite, std above 0`,
      );
    }
  }
  return normalization;
}
