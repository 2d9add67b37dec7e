/** What a model will need, known from its compiled programs before anything runs. */

import { openAxes, type Sizes } from "../data/port.ts";
import type { Backend, MemoryUse } from "../engine/backends/backend.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyTask } from "../task/task.ts";
import { inferenceGraph } from "../use/inference.ts";
import { resolveSettings } from "./settings.ts";
import { traceTrainingStep } from "./step.ts";

export interface PlannedMemory {
  readonly batchSize: number;
  /** How long samples are taken to be along axes that have a name. */
  readonly sizes: Sizes;
  /** A training step of the recipe, in bytes. */
  readonly training: MemoryUse;
  /** Reading one sample, in bytes. */
  readonly inference: MemoryUse;
}

/** Most networks for samples of different lengths take at least so long ones. */
const LENGTH = 16;

/** How long samples of a task are taken to be along axes that have a name. */
export const plannedSizes = ({ input, targets }: AnyTask): Sizes =>
  Object.fromEntries(openAxes(input.ports, targets).map((axis) => [axis, LENGTH]));

/** Compiles a training step by the model's recipe and a single prediction, and asks both what they need. */
export async function planMemory(model: AnyModel, backend: Backend): Promise<PlannedMemory> {
  const settings = resolveSettings(model, {});
  const { task } = model;
  const samples = { inputs: task.input.ports, targets: task.targets };
  const sizes = plannedSizes(task);
  const shape = { batch: settings.batchSize, sizes };
  const step = await backend.compile(traceTrainingStep({ model, ...settings }, samples, shape));
  const single = await backend.compile(inferenceGraph(model, 1, sizes));
  const planned = { batchSize: settings.batchSize, sizes, training: step.memory, inference: single.memory };
  step.dispose();
  single.dispose();
  return planned;
}
