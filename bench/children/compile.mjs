/**
 * What a fresh process takes until a training step runs at full speed: `node compile.mjs NETWORK THREADS [plan]`. With
 * "plan" it stops after planning, which a second look in one process would find warm. Milliseconds.
 */

import { planForWasm } from "../../dist/engine/backends/wasm/wasm.js";
import { create } from "../../dist/models/registry.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { trainingStep } from "../lib/programs.mjs";
import { median } from "../lib/timing.mjs";

/** Steps go on for so long: V8 has replaced its first translation by then. */
const MILLISECONDS = 2500;

const [network, threads, only] = process.argv.slice(2);
const backend = nodeWasmBackend({ threads: Number(threads) });
const model = create(network);
const started = performance.now();
const graph = trainingStep(model).graph();
const traced = performance.now();
const trace = traced - started;
if (only === "plan") {
  await planForWasm(graph);
  console.log(JSON.stringify({ trace, plan: performance.now() - traced }));
} else {
  // V8's part is what WebAssembly.compile takes; it is the same function with a stopwatch.
  const { compile } = WebAssembly;
  let [v8, bytes] = [0, 0];
  WebAssembly.compile = async (source) => {
    const before = performance.now();
    const module = await compile(source);
    v8 = performance.now() - before;
    bytes = source.length;
    return module;
  };
  const program = await backend.compile(graph);
  const compiled = performance.now();
  const steps = [];
  for (let last = compiled; last - compiled < MILLISECONDS; ) {
    program.run();
    const now = performance.now();
    steps.push(now - last);
    last = now;
  }
  const steady = median(steps.slice(-Math.ceil(steps.length / 4)));
  // Until three steps in a row are as fast as later ones; what comes after is noise.
  const warm = steps.findIndex((_, n) => steps.slice(n, n + 3).every((time) => time < 1.15 * steady));
  const lost = steps.slice(0, warm).reduce((total, time) => total + time - steady, 0);
  console.log(
    JSON.stringify({
      trace,
      compile: compiled - traced,
      v8,
      bytes,
      total: compiled - started,
      first: steps[0],
      steady,
      lost,
    }),
  );
}
await backend.close();
