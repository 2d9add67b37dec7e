/**
 * Symbolic tensors and the record that describes an op. A `Tensor` holds no numbers: it is a shape, an element type and
 * the op that makes it from other tensors. Running a model's `forward` once builds the graph (trace.ts); autodiff.ts
 * extends it; the passes and a backend turn it into a program.
 */
import type { DType, TypedArray, TypedArrays } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { type StoredForm, truth, word } from "./ops/stored.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Attributes of an op: plain data, so that graphs can be printed, compared and stored. */
export type Attrs = object;

/** Numbers with a shape, as the reference loops see them; the reference backend computes floats in double precision. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: TypedArray | Float64Array;
}

/**
 * How an op treats the batch axis (axis 0) when some of its inputs carry one:
 * - "map": sample i of the output depends on sample i of the batched inputs only;
 * - "order": as "map" wherever axis 0 begins anew with every sample; all numbers stay in their order (reshape);
 * - "sum": the output is a sum of one term per sample (a weight gradient);
 * - "source": the output carries a batch axis of its own (inputs, random numbers per sample, repetitions);
 * - "whole": anything else; all samples must be there before it starts.
 */
export type BatchRule = "map" | "order" | "sum" | "source" | "whole";

/** What an op outside of modules is to somebody who looks at the layers of a network (nn/layers.ts). */
export interface LayerRole {
  /** In PyTorch's words: `Conv2d`. */
  readonly kind: string;
  /** What it is once a bias is added or it is divided by a constant, which then are part of it. */
  readonly completed?: string | undefined;
  /** Whether with a constant or a weight it may be what completes the layer before. */
  readonly isArithmetic?: boolean | undefined;
}

interface OpMeaning<A extends Attrs> {
  readonly name: string;
  /** Shape rule. @throws ShapeError */
  infer(inputs: readonly Spec[], attrs: A): Spec;
  /** What a stored graph may hold of it. Without: an op of training, which no file contains. */
  readonly stored?: StoredForm<A> | undefined;
  /** Without: no layer, it moves or prepares numbers. */
  readonly layer?: LayerRole | undefined;
}

/** One application of an op. */
export interface Call<A extends Attrs> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attrs: A;
}

/** Vector-Jacobian product: the gradients of the inputs, in ops; undefined where none flows. */
export type Gradient<A extends Attrs> = (grad: Tensor, call: Call<A>) => readonly (Tensor | undefined)[];

/** An op that backends implement. */
export interface Primitive<A extends Attrs = Attrs> extends OpMeaning<A> {
  /** null: no gradient flows through this op (comparisons, indices, random numbers). */
  readonly gradient: Gradient<A> | null;
  /** How the batch axis passes through; `batched[i]` tells whether input i carries it. */
  batch(batched: readonly boolean[], call: Call<A>): BatchRule;
  /**
   * Whether a thread takes its whole share of the batch through it at once, not one tile of samples after the other: for ops
   * that go through their weights again and again for whatever samples are at hand. Default false.
   */
  readonly wholeShare?: boolean | undefined;
}

/**
 * The specification of a primitive: plain loops that fill `output`, which comes zeroed. It stands beside the op's record and in
 * the table of backends/reference/loops.ts, not in the record, so that what never runs it does not load it.
 */
export type Reference<A extends Attrs = Attrs> = (inputs: readonly NdArray[], output: NdArray, attrs: A) => void;

/** A named call with a body of other ops. Its gradient is its own rule, or that of the body. */
export interface Composite<A extends Attrs = Attrs> extends OpMeaning<A> {
  readonly gradient?: Gradient<A> | undefined;
  body(inputs: readonly Tensor[], attrs: A): Tensor;
}

export type Op<A extends Attrs = Attrs> = Primitive<A> | Composite<A>;

/** Whether an op is a named call with a body. */
export function isComposite<A extends Attrs>(op: Op<A>): op is Composite<A> {
  return "body" in op;
}

let counter = 0;

/** A symbolic array: a shape, an element type, and the op that makes it from other tensors. It holds no numbers. */
export class Tensor {
  /** Distinguishes tensors in printed graphs; grows in order of creation. */
  readonly id: number = counter++;
  readonly op: Op<never>;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(op: Op<never>, inputs: readonly Tensor[], attrs: Attrs, spec: Spec) {
    this.op = op;
    this.inputs = inputs;
    this.attrs = attrs;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  // The names of ops as methods; their bodies are in methods.ts.
  declare readonly add: (other: Tensor | number) => Tensor;
  declare readonly sub: (other: Tensor | number) => Tensor;
  declare readonly mul: (other: Tensor | number) => Tensor;
  declare readonly div: (other: Tensor | number) => Tensor;
  declare readonly pow: (other: Tensor | number) => Tensor;
  declare readonly neg: () => Tensor;
  declare readonly exp: () => Tensor;
  declare readonly log: () => Tensor;
  declare readonly sqrt: () => Tensor;
  declare readonly abs: () => Tensor;
  declare readonly relu: () => Tensor;
  declare readonly cast: (dtype: DType) => Tensor;
  declare readonly sum: (axes?: number | readonly number[], keepDims?: boolean) => Tensor;
  declare readonly mean: (axes?: number | readonly number[], keepDims?: boolean) => Tensor;
  declare readonly max: (axes?: number | readonly number[], keepDims?: boolean) => Tensor;
  declare readonly reshape: (shape: Shape) => Tensor;
  declare readonly permute: (order: readonly number[]) => Tensor;
  declare readonly matmul: (other: Tensor) => Tensor;
}

let watch: ((tensor: Tensor) => void) | undefined;

/** Calls `seen` with every tensor that ops make while `work` traces something. For budgets (passes/cost.ts). */
export function watched<T>(seen: (tensor: Tensor) => void, work: () => T): T {
  const before = watch;
  watch = seen;
  try {
    return work();
  } finally {
    watch = before;
  }
}

/** Applies an op: runs its shape rule and returns the symbolic result. */
export function apply<A extends Attrs>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  const made = new Tensor(op as Op<never>, inputs, attrs, op.infer(inputs, attrs));
  watch?.(made);
  return made;
}

/** As in a stored graph; in a program a parameter needs no attributes. */
export interface ParameterAttrs {
  readonly name: string;
  readonly trainable: boolean;
}

const PARAMETER: Primitive<ParameterAttrs> = {
  name: "parameter",
  stored: { inputs: [0, 0], attrs: { name: word, trainable: truth } },
  infer: () => {
    throw new ShapeError("parameter: make one with new Parameter(…)");
  },
  batch: () => "whole",
  gradient: null,
};

/** The record of the op that stands for a parameter; part of the op table. */
export const parameterOp = PARAMETER;

/**
 * A tensor that keeps its values between runs: a weight, a running statistic, an optimizer's state. Programs read and
 * update it; `data` shows its values (in row-major order, PyTorch's layout), on backends that keep their own once they are
 * pulled (backends/backend.ts).
 */
export class Parameter<D extends "float32" | "int32" = "float32"> extends Tensor {
  /** The values. May be replaced; a program picks the new array up at its next run. */
  data: TypedArrays[D];
  /** Whether training changes it by gradient (false for running statistics and frozen layers). */
  requiresGrad: boolean;

  constructor(shape: Shape, data: TypedArrays[D], requiresGrad = true) {
    super(PARAMETER as Op<never>, [], {}, { shape, dtype: data instanceof Int32Array ? "int32" : "float32" });
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(`parameter: ${data.length} values do not fill the shape ${formatShape(shape)}`);
    }
    this.data = data;
    this.requiresGrad = requiresGrad;
  }
}
