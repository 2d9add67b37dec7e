/** Runs a traced function on the reference backend: the quickest way from layers to numbers in tests. */
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import type { DType, TypedArray } from "../../src/engine/dtype.ts";
import type { Shape } from "../../src/engine/shape.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { type Tracer, trace } from "../../src/engine/trace.ts";

export interface Values {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
  readonly dtype?: DType;
}

export interface Result {
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** Traces `build` on one batch, runs it once (with its updates) and returns the output. */
export async function evaluate(build: (x: Tensor, tracer: Tracer) => Tensor, x: Values): Promise<Result> {
  const graph = trace((tracer) => ({ y: build(tracer.input("x", x.shape, x.dtype, true), tracer) }));
  const program = await referenceBackend().compile(graph);
  program.inputs.x.set(x.data);
  program.run();
  return { shape: graph.outputs.y.shape, data: program.outputs.y };
}

/** The largest difference, relative to the size of the numbers. */
export function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const scale = Math.max(1e-6, ...Array.from(wanted, Math.abs));
  return Math.max(0, ...Array.from(wanted, (value, i) => Math.abs(value - found[i]))) / scale;
}
