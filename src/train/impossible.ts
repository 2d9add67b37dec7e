/** Samples whose loss is infinite whatever the network says: looked for when the loss of a step is no finite number, and named. */
import type { Dataset, SampleSpec } from "../data/dataset.ts";
import type { Arrays } from "../data/port.ts";
import { originOf } from "../data/split.ts";
import type { Backend } from "../engine/backends/backend.ts";
import type { BatchShape } from "../engine/programs.ts";
import { trace } from "../engine/trace.ts";
import type { AnyModel } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import { batchInputs } from "../task/batch.ts";

/**
 * What is said of such a sample.
 * @param index of the sample in its data set, which may be a part of another
 * @param why as `task.impossible` says
 */
export function saidOf(given: Dataset, index: number, why: string): string {
  const { dataset, index: own } = originOf(given, index);
  return `${dataset.name}: sample ${own}, ${why}; leave it out, or give the network more frames (less stride, wider inputs)`;
}

/** A batch that was run. */
export interface SuspectBatch {
  readonly samples: SampleSpec;
  readonly shape: BatchShape;
  /** Its inputs and targets. */
  readonly arrays: Arrays;
}

/**
 * The first sample of a batch whose loss the task says to be infinite. Runs the network once more, as it is in use, to learn
 * what shape its outputs have.
 * @returns its place in the batch, and what is wrong with it as a part of a sentence; undefined where there is none
 */
export async function findImpossible(
  model: AnyModel,
  backend: Backend,
  { samples, shape, arrays }: SuspectBatch,
): Promise<{ readonly place: number; readonly why: string } | undefined> {
  const { task } = model;
  if (task.impossible === undefined) return undefined;
  const graph = trace((tracer) => ({
    ...model.outputs(batchInputs(tracer, samples, shape).inputs, inferenceContext()),
  }));
  const program = await backend.compile(graph);
  try {
    for (const [name, array] of Object.entries(program.inputs)) array.set(arrays[name] as never);
    program.run();
    const outputs = await program.read();
    const batch = { outputs, sizes: shape.sizes ?? {}, count: shape.batch };
    for (let place = 0; place < shape.batch; place++) {
      const why = task.impossible(batch, arrays, place);
      if (why !== undefined) return { place, why };
    }
    return undefined;
  } finally {
    program.dispose();
  }
}
