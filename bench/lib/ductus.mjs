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
    const { program, step } = await PREPARE[task.kind](task, (threads) => this.#backend(threads));
    await stepsPerSecond(step, WARM_UP);
    return {
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

const PREPARE = {
  training: async ({ network, batch, threads }, backend) => {
    const model = create(network);
    const settings = resolveSettings(model.recipe, {});
    const { inputShape, inputType, classes } = model;
    const samples = { inputShape, inputType, targetShape: [], targetType: "int32", classes };
    const program = await backend(threads).compile(traceTrainingStep({ model, ...settings }, samples, batch));
    const { inputs } = program;
    fillBytes(inputs.x);
    inputs.y.forEach((_, i) => {
      inputs.y[i] = i % classes.length;
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
  },
  inference: ({ network, batch, threads }, backend) => inference(network, batch, backend(threads)),
  // One picture is too little work to share between threads.
  "one image": ({ network, batch }, backend) => inference(network, batch, backend(1)),
};

async function inference(network, batch, backend) {
  const program = await backend.compile(inferenceGraph(create(network), batch));
  fillBytes(program.inputs.x);
  return { program, step: () => program.run() };
}

/** Noise; the time of none of these networks depends on what the picture shows. */
function fillBytes(x) {
  let state = 1;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    x[i] = state >>> 24;
  }
}
