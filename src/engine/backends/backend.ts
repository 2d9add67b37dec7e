/**
 * What the rest of Ductus knows of a backend: it compiles a graph into a program, and a program runs. Nothing here says
 * where: programs may run on the thread that calls, or elsewhere while that thread goes on, so results are asked for.
 */
import type { TypedArray } from "../dtype.ts";
import type { Group } from "../passes/fuse.ts";
import type { Graph, Update } from "../trace.ts";

export type AnyParameter = Update["target"];

export interface Backend {
  readonly name: string;
  /** What it runs on, for reports: `wasm, 2 threads, relaxed multiply-add`. */
  readonly description: string;
  /** Compiles a graph for its exact shapes. */
  compile(graph: Graph): Promise<Program>;
  /** Makes the `data` of parameters show what they are after all runs that were ordered so far. */
  pull(parameters: Iterable<AnyParameter>): Promise<void>;
  /**
   * To be called when numbers were written into the `data` of parameters: runs ordered from now on compute with those. (That
   * `data` is another array is noticed without.)
   */
  push(parameters: Iterable<AnyParameter>): void;
  /** Its threads, for other work between two runs; undefined where there is but one. */
  readonly crew?: Crew | undefined;
  /** Stops the threads. Programs cannot run afterwards. */
  close(): Promise<void>;
}

/** A backend whose programs run while the caller waits, and work on the `data` of parameters in place. */
export interface ImmediateBackend extends Backend {
  compile(graph: Graph): Promise<ImmediateProgram>;
}

/**
 * A compiled graph. Write `inputs`, call `run`, `read` what came out. The arrays stay the same between runs; parameters are
 * read from and updated in `Parameter.data`, which {@link Backend.pull} brings up to date.
 */
export interface Program {
  readonly inputs: Readonly<Record<string, TypedArray>>;
  /** What the program will need, in bytes, known before it runs. */
  readonly memory: MemoryUse;
  /** Orders a run, with the inputs as they are now. Runs of all programs of a backend happen in the order of these calls. */
  run(): void;
  /** Resolves when all runs that were ordered so far are done. */
  ready(): Promise<void>;
  /**
   * Outputs of the last run that was ordered; all of them when none is named. The arrays are overwritten by later runs or
   * reads.
   */
  read(...names: readonly string[]): Promise<Readonly<Record<string, TypedArray>>>;
  /** Where the time of all runs so far went; only of backends that were asked to measure. */
  profile?(): readonly GroupTime[];
  /** Gives the program's memory back; parameters stay. */
  dispose(): void;
}

/** A program that is done when `run` returns. Running allocates nothing. */
export interface ImmediateProgram extends Program {
  readonly outputs: Readonly<Record<string, TypedArray>>;
}

export interface MemoryUse {
  /** Parameters, running statistics and optimizer state. */
  readonly parameters: number;
  /** Everything computed on the way: activations, gradients, scratch. */
  readonly arena: number;
}

/** Seconds that the calling thread spent on one group of ops. */
export interface GroupTime {
  /** Undefined: waiting for other threads. */
  readonly group: Group | undefined;
  readonly seconds: number;
}

/** Threads that share a memory and can be given code for it, in WebAssembly's encoding (backends/wasm/assembler.ts). */
export interface Crew {
  /** The caller included. */
  readonly threads: number;
  /** The memory, as large as it is now. Views of it stay good. */
  readonly buffer: ArrayBufferLike;
  /** What code says of that memory. */
  readonly limits: { readonly shared: boolean; readonly maximum: number };
  /** Reserves bytes; gives their address. @throws DuctusError when there are not enough */
  allocate(bytes: number): number;
  release(address: number, bytes: number): void;
  /**
   * Gives code to every thread. It exports `run(thread, threads)`, which ends with a barrier of all threads
   * (backends/wasm/barrier.ts).
   */
  load(code: Uint8Array<ArrayBuffer>): Job;
}

/** Code that a {@link Crew} has. */
export interface Job {
  /** What the code exports, on the caller's thread; of use at once. */
  readonly exports: Readonly<Record<string, (...numbers: number[]) => unknown>>;
  /** Resolves when every thread has it; not before may it {@link begin}. */
  readonly loaded: Promise<void>;
  /** The other threads begin; the caller may meanwhile do something else, but must {@link finish}. */
  begin(): void;
  /** The caller does its part, and returns when all is done. */
  finish(): void;
  /** Lets every thread forget the code. */
  dispose(): Promise<void>;
}
