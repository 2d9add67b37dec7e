/** What a model gives for raw inputs, by the reference loops. */
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { sizeOf } from "../../src/engine/shape.ts";
import type { Model } from "../../src/models/model.ts";
import { inferenceGraph } from "../../src/use/inference.ts";

/** Logits of a batch, row by row. @param x the pictures, one after the other */
export async function logitsOf(model: Model, x: ArrayLike<number>): Promise<number[]> {
  const program = await referenceBackend().compile(inferenceGraph(model, x.length / sizeOf(model.inputShape)));
  program.inputs.x.set(x);
  program.run();
  return [...program.outputs.logits];
}
