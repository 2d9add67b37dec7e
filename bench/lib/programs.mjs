/** The programs that are measured, on whatever backend: as `fit` and `Predictor` make and run them. */
import { create } from "../../dist/models/registry.js";
import { resolveSettings } from "../../dist/train/settings.js";
import { traceTrainingStep, writeStepKey } from "../../dist/train/step.js";
import { inferenceGraph } from "../../dist/use/inference.js";

/** The program of a task and a step of it. */
export async function prepare({ kind, network, batch }, backend) {
  const model = create(network);
  if (kind !== "training") {
    const program = await backend.compile(inferenceGraph(model, batch));
    fillBytes(program.inputs.x);
    return { program, step: () => program.run() };
  }
  const { settings, graph } = trainingStep(model, batch);
  const program = await backend.compile(graph());
  const { inputs } = program;
  fillBytes(inputs.x);
  inputs.y.forEach((_, i) => {
    inputs.y[i] = i % model.classes.length;
  });
  let count = 0;
  const step = () => {
    writeStepKey(0, ++count, inputs.key);
    // A rate of 0 leaves the weights where they are, so that every step does the same work on the same numbers.
    const scalars = settings.optimizer.scalars(count, 0);
    for (const name in scalars) if (name in inputs) inputs[name][0] = scalars[name];
    program.run();
  };
  return { program, step };
}

/** The training step of a model's recipe; `graph()` traces it. */
export function trainingStep(model, batch) {
  const settings = resolveSettings(model, {});
  const samples = { inputs: model.task.input.ports, targets: model.task.targets, classes: model.classes };
  return {
    settings,
    graph: () => traceTrainingStep({ model, ...settings }, samples, { batch: batch ?? settings.batchSize }),
  };
}

/** Noise; the time of none of these networks depends on what the picture shows. */
export function fillBytes(x) {
  let state = 1;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    x[i] = state >>> 24;
  }
}
