/**
 * The network of a model as it reads: its graph for a batch, and the check that it computes what it did where its file was written.
 * What loads and runs models builds on it.
 */
import { type Sizes, shapeAt } from "../data/port.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import type { Budget } from "../engine/budget.ts";
import { spendGraph } from "../engine/passes/cost.ts";
import { type Graph, trace } from "../engine/trace.ts";
import { type GoldenPair, type ModelFile, misfit, verifyGolden } from "../formats/model-file.ts";
import type { AnyModel } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";

/** Axes with a name are so long in an example. */
export const GOLDEN_LENGTH = 16;

/** The inference graph of a batch: raw inputs by the names of their ports → the outputs of the task. */
export function inferenceGraph(model: AnyModel, batch: number, sizes?: Sizes): Graph {
  return trace((tracer) => {
    const inputs = Object.entries(model.task.input.ports).map(([name, port]) => {
      const shape = [batch, ...shapeAt(port, sizes)];
      return [name, tracer.input(name, shape, port.dtype, true)] as const;
    });
    return model.outputs(Object.fromEntries(inputs), inferenceContext());
  });
}

/**
 * Compiles a model for one sample, and makes sure that it computes what its file says of an example.
 * @returns the program, ready to run
 * @throws DataError when it does not, TooLargeError when the network would cost more than a file of its size may
 */
export async function verified(
  model: AnyModel,
  file: ModelFile,
  { backend, budget, name }: { readonly backend: Backend; readonly budget: Budget; readonly name: string },
): Promise<Program> {
  const graph = inferenceGraph(model, 1, sizesOf(model, file.golden, name));
  spendGraph(budget, Object.values(graph.outputs), "its network");
  const program = await backend.compile(graph);
  await verifyGolden(file, (example) => runOnce(program, example, name), name);
  return program;
}

/** Lengths that the axes of an example have. @throws DataError where it does not fit the task */
function sizesOf({ task }: AnyModel, { input, others }: Omit<GoldenPair, "output">, name: string): Sizes {
  const sizes: Record<string, number> = {};
  for (const [key, { shape }] of Object.entries(task.input.ports)) {
    const given = key === "x" ? input : others?.get(key);
    shape.forEach((dim, i) => {
      if (typeof dim === "string") sizes[dim] = given?.shape[i + 1] ?? 0;
    });
  }
  if (Object.values(sizes).every((length) => length >= 1 && length <= 4 * GOLDEN_LENGTH)) return sizes;
  throw misfit(name);
}

/** The logits of an example. @throws DataError where it does not fit */
export async function runOnce(
  program: Program,
  { input, others }: Omit<GoldenPair, "output">,
  name: string,
): Promise<Float32Array> {
  for (const [key, place] of Object.entries(program.inputs)) {
    const values = key === "x" ? input : others?.get(key);
    if (values?.data.length !== place.length) throw misfit(name);
    place.set(values.data);
  }
  program.run();
  return Float32Array.from((await program.read("logits")).logits);
}
