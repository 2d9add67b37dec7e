/** What this machine offers to a run: recorded in run folders and shown by `ductus doctor`. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { relaxedSimdWorks, simdWorks, threadsWork } from "../../engine/backends/wasm/support.ts";

/** Whether WebAssembly here can do what the fast kernels need. */
export interface WebAssemblyFeatures {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Shared memory with atomics, the base of threads. */
  readonly threads: boolean;
}

export interface Environment {
  readonly ductus: string;
  readonly runtime: string;
  readonly v8: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly wasm: WebAssemblyFeatures;
}

/** Asks the engine by offering it a few bytes of each kind. */
export function wasmFeatures(): WebAssemblyFeatures {
  return { simd: simdWorks(), relaxedSimd: relaxedSimdWorks(), threads: threadsWork() };
}

/** Everything about this machine that may explain a result or a speed. */
export function describeEnvironment(version: string): Environment {
  return {
    ductus: version,
    runtime: `Node.js ${process.versions.node}`,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    wasm: wasmFeatures(),
  };
}
