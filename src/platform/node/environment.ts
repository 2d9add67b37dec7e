/** What this machine offers to a run: recorded in run folders and shown by `ductus doctor`. */
import { availableParallelism, cpus, totalmem } from "node:os";

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

/** Magic number and version, then one type: () → (). */
const PREAMBLE = [
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
];
const V128_CONST_0 = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
const DROP = 0x1a;
const END = 0x0b;

function validates(section: readonly number[]): boolean {
  return WebAssembly.validate(Uint8Array.from([...PREAMBLE, ...section]));
}

/** A module with one function of these instructions, without locals. */
function functionOf(instructions: readonly number[]): number[] {
  const body = [0x00, ...instructions, END];
  return [0x0a, body.length + 2, 0x01, body.length, ...body];
}

/** Asks the engine by offering it a few bytes of each kind. */
export function wasmFeatures(): WebAssemblyFeatures {
  return {
    simd: validates(functionOf([...V128_CONST_0, DROP])),
    // f32x4.relaxed_madd is 0xfd 0x85 0x02.
    relaxedSimd: validates(functionOf([...V128_CONST_0, ...V128_CONST_0, ...V128_CONST_0, 0xfd, 0x85, 0x02, DROP])),
    // A memory of at least and at most one page, shared.
    threads: validates([0x05, 0x04, 0x01, 0x03, 0x01, 0x01, ...functionOf([])]),
  };
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
