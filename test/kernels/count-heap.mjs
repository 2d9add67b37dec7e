/**
 * Run by allocation.test.ts as a process of its own with --expose-gc: how many bytes of heap 1,000 training steps take.
 *
 *     node --expose-gc count-heap.mjs THREADS
 *
 * Prints {"clean": …, "object": …, "kept": …, "memory": …}: the smallest growth of some rounds, of steps as they are and of
 * steps that make one small object each, garbage or retained; and by how much the WebAssembly memory grew.
 */
import { create } from "../../dist/models/registry.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { resolveSettings } from "../../dist/train/settings.js";
import { traceTrainingStep } from "../../dist/train/step.js";

const STEPS = 1000;
const ROUNDS = 5;

const model = create("cnn-3x3", { inputShape: [12, 12, 1] });
const settings = resolveSettings(model.recipe, {});
const { inputShape, inputType, classes } = model;
const samples = { inputShape, inputType, targetShape: [], targetType: "int32", classes };
const backend = nodeWasmBackend({ threads: Number(process.argv[2]) });
const program = await backend.compile(traceTrainingStep({ model, ...settings }, samples, 2));
const scalars = settings.optimizer.scalars(1, settings.lr);
for (const name in scalars) if (name in program.inputs) program.inputs[name][0] = scalars[name];

const kept = [];
let last;
const variants = {
  clean: () => program.run(),
  object: () => {
    program.run();
    last = { loss: 1 };
  },
  kept: () => {
    program.run();
    kept.push({ loss: 1 });
  },
};

/** Growth of the heap by STEPS steps; with `collect` only of what stays. */
function growth(step, collect) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < STEPS; n++) step();
  if (collect) globalThis.gc();
  return process.memoryUsage().heapUsed - before;
}

/** The smallest of some rounds: compilers and counters allocate now and then, steps would do it each time. */
function smallest(step, collect) {
  for (let n = 0; n < STEPS; n++) step();
  return Math.min(...Array.from({ length: ROUNDS }, () => growth(step, collect)));
}

const before = program.inputs.x.buffer.byteLength;
const result = {
  clean: smallest(variants.clean, false),
  cleanKept: smallest(variants.clean, true),
  object: smallest(variants.object, false),
  kept: smallest(variants.kept, true),
  memory: program.inputs.x.buffer.byteLength - before,
  last,
};
console.log(JSON.stringify(result));
await backend.close();
