/**
 * Web Workers for the wasm backend. Threads need memory that workers may share, which a page has only when it is
 * cross-origin isolated (COOP and COEP headers), and a caller that may wait for them, which a page's main thread may not:
 * so there are several inside a worker of an isolated page and one everywhere else. Results do not depend on it.
 */
import type { ImmediateBackend } from "../../engine/backends/backend.ts";
import type { SpawnWorker } from "../../engine/backends/wasm/threads.ts";
import { type WasmOptions, wasmBackend } from "../../engine/backends/wasm/wasm.ts";

const PRELUDE = `
const receive = (listener) => { onmessage = ({ data }) => listener(data); };
const send = (message) => postMessage(message);
`;

const spawn: SpawnWorker = (source) => {
  const url = URL.createObjectURL(new Blob([PRELUDE, source], { type: "text/javascript" }));
  const worker = new Worker(url);
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (listener) =>
      worker.addEventListener("message", ({ data }: MessageEvent) => {
        // It has started: its source is not needed any more.
        URL.revokeObjectURL(url);
        listener(data);
      }),
    // A page ends its workers with itself.
    keepAlive: () => {},
    terminate: async () => worker.terminate(),
  };
};

/** Whether programs may have several threads here: memory to share, and a caller that may wait. */
function mayHaveThreads(): boolean {
  return globalThis.crossOriginIsolated === true && "WorkerGlobalScope" in globalThis;
}

/** How many threads a program has best. */
export const availableThreads = (): number => (mayHaveThreads() ? navigator.hardwareConcurrency : 1);

/** The wasm backend on Web Workers; on one thread where there can be no more. */
export function browserWasmBackend(
  options: Pick<WasmOptions, "threads" | "strict" | "profile" | "scheduling">,
): ImmediateBackend {
  const threads = mayHaveThreads() ? options.threads : 1;
  return wasmBackend({ ...options, threads, spawn });
}
