/** The crew (backends/backend.ts) of a wasm backend's threads, for the work that augmentation does. */
import type { Crew } from "../backend.ts";
import type { SharedMemory } from "./memory.ts";
import type { ThreadPool } from "./threads.ts";

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
