/** A crew (backends/backend.ts) of the caller alone, for augmentation without a backend. */
import type { Crew } from "../backend.ts";

const PAGE = 65536;

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
