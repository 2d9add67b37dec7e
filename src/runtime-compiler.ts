/** The part of `ductus/runtime` that a model file needs: the engine compiles the graph that the file holds. */

import { wasmBackend } from "./engine/backends/wasm/wasm.ts";
import { Budget } from "./engine/budget.ts";
import { DataError } from "./engine/errors.ts";
import { spendGraph } from "./engine/passes/cost.ts";
import { check, Mismatch } from "./engine/schema.ts";
import { sameShape } from "./engine/shape.ts";
import { trace } from "./engine/trace.ts";
import { type Recogniser, recogniserOf } from "./export/standalone/recogniser.ts";
import { decodeModelFile, verifyGolden } from "./formats/model-file.ts";
import { GraphModule } from "./models/graph-module.ts";
import { inferenceContext } from "./nn/context.ts";
import { preprocessedShape } from "./picture/preprocessing.ts";
import { preprocessingSchema } from "./picture/preprocessing-schema.ts";

/** Makes a recogniser of a model file. One picture is too little work for more than one thread. */
export async function openModel(bytes: Uint8Array, name: string): Promise<Recogniser> {
  const file = decodeModelFile(bytes, name);
  const { shape, dtype } = file.input;
  const preprocessing = check(preprocessingSchema, file.preprocessing);
  if (preprocessing instanceof Mismatch || !sameShape(preprocessedShape(preprocessing), shape) || dtype === "int32") {
    throw new DataError(`${name}: it does not say how pictures become its inputs`);
  }
  const budget = new Budget(name, bytes.length);
  const network = new GraphModule(file.graph, file.weights, budget);
  const graph = trace((tracer) => ({
    logits: network.forward(tracer.input("x", [1, ...shape], dtype, true), inferenceContext()),
  }));
  spendGraph(budget, Object.values(graph.outputs), "its network");
  const program = await wasmBackend({ threads: 1 }).compile(graph);
  const { x } = program.inputs;
  const { logits } = program.outputs;
  const run = async (input: Float32Array): Promise<ArrayLike<number>> => {
    x.set(input);
    program.run();
    return logits;
  };
  await verifyGolden(file, run, name);
  const { classNames: labels, temperature } = file;
  const card = { labels, inputType: dtype, preprocessing, temperature };
  return recogniserOf({ ...card, input: x, output: logits, run: program.run });
}
