/**
 * Run by allocation.test.ts as a process of its own: how many bytes of heap 1,000 training steps take.
 *
 *     node --expose-gc count-heap.mjs THREADS
 *
 * Prints, as JSON, the heap's growth by steps as they are and by steps that make one small object each, before (`made`)
 * and after garbage is collected (`kept`), and by how much the WebAssembly memory grew.
 */
import { setTimeout } from "node:timers/promises";
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "../../dist/api/nn.js";
import { Model } from "../../dist/models/model.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { resolveSettings } from "../../dist/train/settings.js";
import { traceTrainingStep } from "../../dist/train/step.js";

const STEPS = 1000;
const ROUNDS = 15;

const layers = [new Conv2d(1, 4, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(36, 10)];
const model = new Model(new Sequential(...layers), { inputShape: [8, 8, 1], classes: 10 });
const settings = resolveSettings(model, {});
const samples = { inputs: model.task.input.ports, targets: model.task.targets, classes: model.classes };
const backend = nodeWasmBackend({ threads: Number(process.argv[2]) });
const program = await backend.compile(traceTrainingStep({ model, ...settings }, samples, { batch: 8 }));
const scalars = settings.optimizer.scalars(1, settings.lr);
for (const name in scalars) if (name in program.inputs) program.inputs[name][0] = scalars[name];

const list = [];
const variants = {
  clean: () => program.run(),
  object: () => {
    program.run();
    list.push({ step: 1 });
  },
};

/**
 * The least of some rounds: what a step makes it makes in every round, while compilers come and go, late on a busy machine;
 * they get a moment between rounds.
 */
async function growth(step) {
  const [made, kept] = [[], []];
  for (let n = 0; n < STEPS; n++) step();
  for (let round = 0; round < ROUNDS; round++) {
    await setTimeout(20);
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < STEPS; n++) step();
    made.push(process.memoryUsage().heapUsed - before);
    globalThis.gc();
    kept.push(process.memoryUsage().heapUsed - before);
  }
  return { made: Math.min(...made), kept: Math.min(...kept) };
}

const size = () => program.inputs.x.buffer.byteLength;
program.run();
const [loss] = program.outputs.loss; // of the first step; thousands more drive it to 0
const before = size();
const { clean, object } = { clean: await growth(variants.clean), object: await growth(variants.object) };
console.log(JSON.stringify({ clean, object, memory: size() - before, loss, held: list.length }));
await backend.close();
