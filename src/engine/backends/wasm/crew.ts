/** Crews (backends/backend.ts) of a wasm backend's threads, and of the caller alone: for the work that augmentation does. */
import type { Crew } from "../backend.ts";
import type { SharedMemory } from "./memory.ts";
import type { ThreadPool } from "./threads.ts";

const PAGE = 65536;

/** The threads of a pool. @param nextId gives numbers that no program has */
export function poolCrew(pool: ThreadPool, memory: SharedMemory, nextId: () => number): Crew {
  return {
    threads: pool.size,
    // Asked for each time: it grows.
    get buffer() {
      return memory.buffer;
    },
    limits: memory.limits,
    allocate: (bytes) => memory.allocate(bytes),
    release: (address, bytes) => memory.release(address, bytes),
    load: (code) => pool.loadJob(nextId(), code),
  };
}

/** The caller alone, with a memory of its own for one block of so many bytes. */
export function soloCrew(bytes: number): Crew {
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return {
    threads: 1,
    buffer: memory.buffer,
    limits: { shared: false, maximum: pages },
    allocate: () => 0,
    release: () => {},
    load: (code) => {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
      const exports = instance.exports as Record<string, (...numbers: number[]) => unknown>;
      return {
        exports,
        loaded: Promise.resolve(),
        begin: () => {},
        finish: () => void exports.run(0, 1),
        dispose: async () => {},
      };
    },
  };
}
