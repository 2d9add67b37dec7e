/** Worker threads of Node for the wasm backend, and the switch that turns relaxed SIMD on where Node still hides it. */
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { Backend } from "../../engine/backends/backend.ts";
import { relaxedSimdWorks } from "../../engine/backends/wasm/support.ts";
import type { SpawnWorker } from "../../engine/backends/wasm/threads.ts";
import { wasmBackend } from "../../engine/backends/wasm/wasm.ts";

const PRELUDE = `
const { parentPort } = require("node:worker_threads");
const receive = (listener) => parentPort.on("message", listener);
const send = (message) => parentPort.postMessage(message);
`;

const spawn: SpawnWorker = (source) => {
  const worker = new Worker(PRELUDE + source, { eval: true });
  worker.unref();
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on("message", listener),
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
};

/** Node 20 has relaxed SIMD behind a flag; newer versions have it on and do not know the flag. */
function enableRelaxedSimd(): void {
  if (!relaxedSimdWorks() && process.versions.node.startsWith("20."))
    setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** The wasm backend on Node's worker threads. */
export function nodeWasmBackend(options: { threads: number; strict?: boolean; profile?: boolean }): Backend {
  enableRelaxedSimd();
  const scheduling = Number.parseInt(process.versions.v8, 10) < 12 ? "late" : "in order";
  return wasmBackend({ ...options, spawn, scheduling });
}
