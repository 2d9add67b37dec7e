/** The part of `ductus/runtime` that a model file needs: the engine compiles the graph that the file holds. */

import type { ImmediateBackend } from "./engine/backends/backend.ts";
import { wasmBackend } from "./engine/backends/wasm/wasm.ts";
import { Budget } from "./engine/budget.ts";
import { DataError } from "./engine/errors.ts";
import { spendGraph } from "./engine/passes/cost.ts";
import { anyRecord, check, list, Mismatch, oneOf, record, text } from "./engine/schema.ts";
import { sameShape } from "./engine/shape.ts";
import { trace } from "./engine/trace.ts";
import { type Recognizer, recognizerOf } from "./export/standalone/recognizer.ts";
import { decodeModelFile, type GoldenPair, type ModelFile, misfit, verifyGolden } from "./formats/model-file.ts";
import { GraphModule } from "./models/graph-module.ts";
import { inferenceContext } from "./nn/context.ts";
import { preprocessedShape } from "./picture/preprocessing.ts";
import { preprocessingSchema } from "./picture/preprocessing-schema.ts";
import { checkNoveltyRecord } from "./task/classify/novelty-stored.ts";
import { checkNumbers } from "./task/stored-numbers.ts";

/** The kind of task that is read here; strings in pictures of lines are read by runtime-reader.ts. */
const classifierSchema = record(
  { kind: oneOf("classify"), input: anyRecord, classNames: list(text, 1) },
  { novelty: anyRecord },
  "ignored",
);

/** For a model of anything but pictures of single characters and lines. */
export const readsNeither = (name: string): DataError =>
  new DataError(`${name}: it reads no pictures of single characters or lines, which is what this reads`);

/** A model that reads lines, for runtime-reader.ts. */
export interface LinesFile {
  readonly file: ModelFile;
  readonly budget: Budget;
}

/** The network of a model file, and what compiles it. One picture is too little work for more than one thread. */
export async function compilerOf(
  { graph, weights }: Pick<ModelFile, "graph" | "weights">,
  budget: Budget,
): Promise<{ readonly network: GraphModule; readonly backend: ImmediateBackend }> {
  return { network: await GraphModule.read(graph, weights, budget), backend: wasmBackend({ threads: 1 }) };
}

/** Makes a recognizer of a model file, unless it reads lines. */
export async function openModel(bytes: Uint8Array, name: string): Promise<Recognizer | { readonly lines: LinesFile }> {
  const file = decodeModelFile(bytes, name);
  const budget = new Budget(name, bytes.length);
  if (file.task.kind === "transcribe") return { lines: { file, budget } };
  const task = check(classifierSchema, file.task);
  if (task instanceof Mismatch) {
    throw readsNeither(name);
  }
  const { input, classNames, novelty } = task;
  const { shape, dtype } = checkNumbers(input, name);
  const preprocessing = check(preprocessingSchema, input.preprocessing);
  if (preprocessing instanceof Mismatch || !sameShape(preprocessedShape(preprocessing), shape)) {
    throw new DataError(`${name}: it does not say how pictures become its inputs`);
  }
  const { network, backend } = await compilerOf(file, budget);
  const graph = trace((tracer) => ({
    logits: network.forward(tracer.input("x", [1, ...shape], dtype, true), inferenceContext()),
  }));
  spendGraph(budget, Object.values(graph.outputs), "its network");
  const program = await backend.compile(graph);
  const { x } = program.inputs;
  const { logits } = program.outputs;
  const run = async ({ input }: GoldenPair): Promise<ArrayLike<number>> => {
    if (input.data.length !== x.length) throw misfit(name);
    x.set(input.data);
    program.run();
    return logits;
  };
  await verifyGolden(file, run, name);
  const { temperature } = file;
  const known = { temperature, novelty: novelty && checkNoveltyRecord(novelty) };
  const card = { labels: classNames, inputType: dtype, preprocessing, ...known };
  return recognizerOf({ ...card, input: x, output: logits, run: program.run });
}
