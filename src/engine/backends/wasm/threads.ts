/**
 * The threads of a wasm backend. All run the same program on one shared memory: the caller is thread 0, the others are
 * workers that spin for a moment and then sleep until a word in the memory changes. Inside a program they meet at
 * barriers (program.ts), which cost well under a microsecond; messages are only used to hand over new modules.
 */

import type { Job } from "../backend.ts";

/** A worker thread, as the platform provides it. */
export interface WorkerThread {
  postMessage(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  terminate(): Promise<void>;
  /** Whether the thread keeps the process alive: only while an answer is awaited. */
  keepAlive(on: boolean): void;
}

/** Starts a worker whose body is `source`; there, `receive(listener)` and `send(message)` are defined. */
export type SpawnWorker = (source: string) => WorkerThread;

/** What a program's module exports: functions `(thread, threads)`. */
export const ENTRIES = ["setup", "run"] as const;
export type Entry = (typeof ENTRIES)[number];
type Entries = Readonly<Record<Entry, (thread: number, threads: number) => void>>;

/** Words of the control block, as int32 indices. The barrier's words lie on a cache line of their own. */
export const CONTROL = {
  wake: 0,
  program: 1,
  runs: 2,
  messages: 3,
  entry: 4,
  barrierCount: 16,
  barrierSleepers: 17,
  barrierGeneration: 32,
} as const;

/**
 * A worker compares two counts with its own, of messages sent and of runs ordered, and sleeps while both agree. It looks
 * at the wake-up word before the counts, so nothing that comes in between is slept through. The program's number is
 * stable while a run is outstanding: the caller waits in the run's barriers for every worker.
 */
const WORKER_SOURCE = `
const programs = new Map();
const entries = ${JSON.stringify(ENTRIES)};
let memory, control, thread, threads;
let taken = 0;
let ran = 0;
receive((message) => {
  if (message.memory) {
    ({ memory, thread, threads } = message);
    control = new Int32Array(memory.buffer, 0, 64);
    return;
  }
  if (message.module) {
    programs.set(message.id, new WebAssembly.Instance(message.module, { env: { memory, mark() {} } }).exports);
  } else programs.delete(message.id);
  taken++;
  send(message.id);
  for (;;) {
    const wake = Atomics.load(control, ${CONTROL.wake});
    if (Atomics.load(control, ${CONTROL.messages}) !== taken) return;
    const runs = Atomics.load(control, ${CONTROL.runs});
    if (runs !== ran) {
      ran = runs;
      const program = programs.get(Atomics.load(control, ${CONTROL.program}));
      program[entries[Atomics.load(control, ${CONTROL.entry})]](thread, threads);
      continue;
    }
    for (let spin = 0; Atomics.load(control, ${CONTROL.wake}) === wake; spin++) {
      if (spin > 20000) Atomics.wait(control, ${CONTROL.wake}, wake);
    }
  }
});
`;

export class ThreadPool {
  /** Number of threads, the caller included. */
  readonly size: number;
  readonly #workers: WorkerThread[];
  readonly #control: Int32Array;
  readonly #memory: WebAssembly.Memory;
  readonly #acknowledge = new Map<number, () => void>();
  readonly #waiting = new Map<number, number>();
  /** Hand-overs happen one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(size: number, memory: WebAssembly.Memory, spawn?: SpawnWorker) {
    this.size = size;
    this.#memory = memory;
    this.#control = new Int32Array(memory.buffer, 0, 64);
    this.#workers = Array.from({ length: size - 1 }, (_, i) => {
      if (spawn === undefined) throw new Error(`threads: ${size} of them, and nothing that starts one`);
      const worker = spawn(WORKER_SOURCE);
      worker.onMessage((id) => this.#acknowledged(id as number));
      worker.postMessage({ memory, thread: i + 1, threads: size });
      return worker;
    });
  }

  /**
   * Instantiates a module on every thread; returns what runs its entries on all of them.
   * @param mark what a profiled module calls on the caller's thread
   */
  async load(
    id: number,
    module: WebAssembly.Module,
    mark: (group: number) => void = () => {},
  ): Promise<Readonly<Record<Entry, () => void>>> {
    const own = this.#instantiate(module, { mark });
    await this.#tell({ id, module });
    const call = (entry: Entry): (() => void) => {
      const { size } = this;
      if (size === 1) return () => own[entry](0, 1);
      return () => {
        this.#order(id, entry);
        own[entry](0, size);
      };
    };
    return { setup: call("setup"), run: call("run") };
  }

  /** Instantiates code with a `run` on every thread, for a caller that joins the others later than they begin. */
  loadJob(id: number, code: Uint8Array<ArrayBuffer>): Job {
    const module = new WebAssembly.Module(code);
    const exports = this.#instantiate(module, {}) as unknown as Job["exports"];
    return {
      exports,
      loaded: this.#tell({ id, module }),
      begin: () => this.#order(id, "run"),
      finish: () => void exports.run(0, this.size),
      dispose: () => this.unload(id),
    };
  }

  /** Lets every thread forget a module. */
  async unload(id: number): Promise<void> {
    await this.#tell({ id });
  }

  async close(): Promise<void> {
    await this.#queue;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** The module on the caller's thread. */
  #instantiate(module: WebAssembly.Module, env: WebAssembly.ModuleImports): Entries {
    return new WebAssembly.Instance(module, { env: { ...env, memory: this.#memory } }).exports as unknown as Entries;
  }

  /** Lets the workers begin. The caller must join them: it waits for nothing here. */
  #order(id: number, entry: Entry): void {
    Atomics.store(this.#control, CONTROL.program, id);
    Atomics.store(this.#control, CONTROL.entry, ENTRIES.indexOf(entry));
    Atomics.add(this.#control, CONTROL.runs, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#control, CONTROL.wake, 1);
    Atomics.notify(this.#control, CONTROL.wake);
  }

  #tell(message: { id: number; module?: WebAssembly.Module | undefined }): Promise<void> {
    if (this.#workers.length === 0) return Promise.resolve();
    this.#queue = this.#queue.then(
      () =>
        new Promise<void>((resolve) => {
          this.#acknowledge.set(message.id, resolve);
          this.#waiting.set(message.id, this.#workers.length);
          Atomics.add(this.#control, CONTROL.messages, 1);
          this.#wake();
          for (const worker of this.#workers) {
            worker.keepAlive(true);
            worker.postMessage(message);
          }
        }),
    );
    return this.#queue;
  }

  #acknowledged(id: number): void {
    const left = (this.#waiting.get(id) ?? 0) - 1;
    this.#waiting.set(id, left);
    if (left === 0) {
      for (const worker of this.#workers) worker.keepAlive(false);
      this.#waiting.delete(id);
      this.#acknowledge.get(id)?.();
      this.#acknowledge.delete(id);
    }
  }
}
