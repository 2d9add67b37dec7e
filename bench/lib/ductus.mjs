/** Ductus as a contender: compiled programs, run in this process as `fit` and `Predictor` run them. */
import { create } from "../../dist/models/registry.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { resolveSettings } from "../../dist/train/settings.js";
import { traceTrainingStep, writeStepKey } from "../../dist/train/step.js";
import { inferenceGraph } from "../../dist/train/trained-model.js";
import { VERSION } from "../../dist/version.js";
import { stepsPerSecond } from "./timing.mjs";

/** Long enough for V8 to replace its first, quick translation of a program. */
const WARM_UP = 0.4;
const TRIAL = 0.1;

/** Opens a task per kind of work. */
export class Ductus {
  name = "ductus";
  versions = { ductus: VERSION };
  #strict;
  #backends = new Map();

  constructor({ threads, strict = false }) {
    this.#strict = strict;
    /** For the report: threads and arithmetic. */
    this.description = this.#backend(threads).description;
  }

  /** Compiles the program of a task; `measure(seconds)` then gives images/s. */
  async open(task) {
    const counts = task.kind === "one image" ? [...new Set([task.threads, 1])] : [task.threads];
    let best = { rate: 0 };
    for (const threads of counts) {
      const opened = await prepare(task, this.#backend(threads));
      await stepsPerSecond(opened.step, WARM_UP);
      const rate = counts.length === 1 ? 1 : await stepsPerSecond(opened.step, TRIAL);
      if (rate > best.rate) {
        best.program?.dispose();
        best = { rate, threads, ...opened };
      } else opened.program.dispose();
    }
    const { step, program, threads } = best;
    return {
      note: counts.length === 1 ? undefined : `threads: ${threads}`,
      measure: async (seconds) => (await stepsPerSecond(step, seconds)) * task.batch,
      close: async () => program.dispose(),
    };
  }

  async close() {
    for (const backend of this.#backends.values()) await backend.close();
  }

  #backend(threads) {
    const backend = this.#backends.get(threads) ?? nodeWasmBackend({ threads, strict: this.#strict });
    this.#backends.set(threads, backend);
    return backend;
  }
}

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
  const settings = resolveSettings(model.recipe, {});
  const { inputShape, inputType, classes } = model;
  const samples = { inputShape, inputType, targetShape: [], targetType: "int32", classes };
  return { settings, graph: () => traceTrainingStep({ model, ...settings }, samples, batch ?? settings.batchSize) };
}

/** Noise; the time of none of these networks depends on what the picture shows. */
export function fillBytes(x) {
  let state = 1;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    x[i] = state >>> 24;
  }
}
