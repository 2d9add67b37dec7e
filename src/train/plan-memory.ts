/** What a model will need, known from its compiled programs before anything runs. */
import type { Backend, MemoryUse } from "../engine/backends/backend.ts";
import type { Model } from "../models/model.ts";
import { inferenceGraph } from "../use/trained-model.ts";
import { resolveSettings } from "./settings.ts";
import { traceTrainingStep } from "./step.ts";

export interface PlannedMemory {
  readonly batchSize: number;
  /** A training step of the recipe, in bytes. */
  readonly training: MemoryUse;
  /** Reading one picture, in bytes. */
  readonly inference: MemoryUse;
}

/** Compiles a training step by the model's recipe and a single prediction, and asks both what they need. */
export async function planMemory(model: Model, backend: Backend): Promise<PlannedMemory> {
  const settings = resolveSettings(model.recipe, {});
  const { task } = model;
  const samples = { inputs: task.input.ports, targets: task.targets };
  const shape = { batch: settings.batchSize };
  const step = await backend.compile(traceTrainingStep({ model, ...settings }, samples, shape));
  const single = await backend.compile(inferenceGraph(model, 1));
  const planned = { batchSize: settings.batchSize, training: step.memory, inference: single.memory };
  step.dispose();
  single.dispose();
  return planned;
}
