/** Worker threads of Node for the wasm backend, and the switch that turns relaxed SIMD on where Node still hides it. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { ImmediateBackend } from "../../engine/backends/backend.ts";
import type { Scheduling } from "../../engine/backends/wasm/kernels/kernel.ts";
import { relaxedSimdWorks } from "../../engine/backends/wasm/support.ts";
import type { SpawnWorker } from "../../engine/backends/wasm/threads.ts";
import { type WasmOptions, wasmBackend } from "../../engine/backends/wasm/wasm.ts";

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

/** V8's major version. */
const V8 = Number.parseInt(process.versions.v8, 10);

/** Node 20 has relaxed SIMD behind a flag; newer versions have it on and do not know the flag. */
function enableRelaxedSimd(): void {
  if (!relaxedSimdWorks() && process.versions.node.startsWith("20."))
    setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** Whether the processor has vectors of 256 bits: x64 with AVX2. Where nothing tells, it is taken to be no older than 2013. */
export function hasWideVectors(): boolean {
  if (process.arch !== "x64") return false;
  try {
    return process.platform !== "linux" || /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "latin1"));
  } catch {
    return true;
  }
}

/**
 * Whether V8 can join two neighboring vectors to one of 256 bits: from version 13 on (Node 24). Bun and Deno name a version
 * of V8, too, but have not got it or not its flags.
 */
export function joinsVectors(): boolean {
  const isNode = !("bun" in process.versions || "deno" in process.versions);
  return isNode && V8 >= 13 && hasWideVectors();
}

/** What this V8 makes of loops, told to do its best. Strict programs do without what is experimental. */
export function schedulingHere(strict: boolean): Scheduling {
  if (V8 < 12) return "late";
  if (strict || !joinsVectors()) return "in order";
  setFlagsFromString("--experimental-wasm-revectorize");
  return "in pairs";
}

/** The wasm backend on Node's worker threads. */
export function nodeWasmBackend(
  options: Pick<WasmOptions, "threads" | "strict" | "profile" | "scheduling">,
): ImmediateBackend {
  enableRelaxedSimd();
  return wasmBackend({ scheduling: schedulingHere(options.strict ?? false), spawn, ...options });
}
