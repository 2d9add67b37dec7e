/** What the rest of Ductus knows of a backend: it compiles a graph into a program, and a program runs. */
import type { TypedArray } from "../dtype.ts";
import type { Group } from "../passes/fuse.ts";
import type { Graph } from "../trace.ts";

export interface Backend {
  readonly name: string;
  /** What it runs on, for reports: `wasm, 2 threads, relaxed multiply-add`. */
  readonly description: string;
  /** Compiles a graph for its exact shapes. */
  compile(graph: Graph): Promise<Program>;
  /** Its threads, for other work between two runs; undefined where there is but one. */
  readonly crew?: Crew | undefined;
  /** Stops the threads. Programs cannot run afterwards. */
  close(): Promise<void>;
}

/** The threads of a backend, and the memory that all of them see. */
export interface Crew {
  /** The caller included. */
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  /** What a module says of that memory. */
  readonly limits: { readonly shared: boolean; readonly maximum: number };
  /** Reserves bytes; gives their address. @throws DuctusError when there are not enough */
  allocate(bytes: number): number;
  release(address: number, bytes: number): void;
  /**
   * Instantiates a module on every thread. It exports `run(thread, threads)`, which ends with a barrier of all threads
   * (engine/backends/wasm/barrier.ts).
   */
  load(module: WebAssembly.Module): Promise<Job>;
}

/** A module that a {@link Crew} has. */
export interface Job {
  /** The other threads begin; the caller may meanwhile do something else, but must {@link finish}. */
  begin(): void;
  /** The caller does its part, and returns when all is done. */
  finish(): void;
  /** Lets every thread forget the module. */
  dispose(): Promise<void>;
}

/**
 * A compiled graph. Write `inputs`, call `run`, read `outputs`; the arrays stay the same between runs, and parameters
 * are read from and updated in place in `Parameter.data`. Running allocates nothing.
 */
export interface Program {
  readonly inputs: Readonly<Record<string, TypedArray>>;
  readonly outputs: Readonly<Record<string, TypedArray>>;
  /** What the program will need, in bytes, known before it runs. */
  readonly memory: MemoryUse;
  run(): void;
  /**
   * To be called when numbers were written into the arrays of parameters: a program that updates none itself lays its
   * weights out for its kernels once, and again only when another program has updated some or an array is another one.
   */
  refresh(): void;
  /** Where the time of all runs so far went; only of backends that were asked to measure. */
  profile?(): readonly GroupTime[];
  /** Gives the program's memory back; parameters stay. */
  dispose(): void;
}

export interface MemoryUse {
  /** Parameters, running statistics and optimiser state. */
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
