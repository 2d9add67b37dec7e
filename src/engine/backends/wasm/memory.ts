/**
 * The memory that all programs and threads of a wasm backend share: a control block at the start, then blocks handed out
 * by a first-fit allocator. Parameters live here, so that programs work on them in place.
 */
import { bytesOf } from "../../dtype.ts";
import { DuctusError } from "../../errors.ts";

import type { Tensor } from "../../tensor.ts";
import type { MemoryLimits } from "./assembler.ts";

const PAGE = 65536;

/**
 * The memories to ask for, the best first: 4 GiB, all that 32-bit addresses reach; less where so many addresses cannot be
 * set aside; and for web pages that may not share memory one that never grows, as growing would move it from under the
 * arrays that look into it. Pages that nobody writes to cost nothing.
 */
const MEMORIES = [
  { shared: true, initial: 256, maximum: 65536 },
  { shared: true, initial: 256, maximum: 16384 },
  { shared: false, initial: 16384, maximum: 16384 },
  { shared: false, initial: 4096, maximum: 4096 },
] as const satisfies readonly (MemoryLimits & WebAssembly.MemoryDescriptor)[];

function createMemory(isShared: boolean): { memory: WebAssembly.Memory; limits: MemoryLimits } {
  for (const limits of MEMORIES.filter(({ shared }) => shared || !isShared)) {
    try {
      return { memory: new WebAssembly.Memory(limits), limits };
    } catch {
      // The next one is smaller, or not shared.
    }
  }
  const kind = isShared ? "memory that threads may share" : "256 MiB of memory left";
  throw new DuctusError(`WebAssembly has no ${kind} here; use one thread, or close other pages and programs`);
}

const ALIGNMENT = 64;
/** Vectors may be read beyond the last element, so every block ends with some spare bytes. */
const SLACK = 64;

/** Bytes at the start of the memory for barriers and commands. */
export const CONTROL_BYTES = 1024;

/** Distance between the copies of a partial sum. */
export const bytesOfPartial = (tensor: Tensor): number => Math.ceil(bytesOf(tensor) / ALIGNMENT) * ALIGNMENT;

export class SharedMemory {
  readonly memory: WebAssembly.Memory;
  readonly limits: MemoryLimits;
  /** Free blocks, by start. */
  #free: { start: number; end: number }[] = [];
  #end = CONTROL_BYTES;

  /** @param isShared whether threads are to share it; otherwise they may. @throws DuctusError when there is none */
  constructor(isShared = false) {
    ({ memory: this.memory, limits: this.limits } = createMemory(isShared));
  }

  get buffer(): ArrayBufferLike {
    return this.memory.buffer;
  }

  /** Bytes that can still be handed out, if not necessarily in one block. */
  get room(): number {
    const holes = this.#free.reduce((total, { start, end }) => total + end - start, 0);
    return this.limits.maximum * PAGE - this.#end + holes;
  }

  /** Reserves a block and returns its address, a multiple of 64. @throws DuctusError when the memory is not enough */
  allocate(bytes: number): number {
    const size = Math.ceil((bytes + SLACK) / ALIGNMENT) * ALIGNMENT;
    const hole = this.#free.find(({ start, end }) => end - start >= size);
    if (hole !== undefined) {
      const { start } = hole;
      hole.start += size;
      this.#free = this.#free.filter((block) => block.end > block.start);
      return start;
    }
    const start = this.#end;
    const missing = start + size - this.memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.memory.grow(Math.ceil(missing / PAGE));
      } catch {
        const [needed, most] = [start + size, this.limits.maximum * PAGE].map((bytes) => (bytes / 2 ** 30).toFixed(1));
        throw new DuctusError(
          `the program needs ${needed} GiB but WebAssembly has at most ${most}; use a smaller batch`,
        );
      }
    }
    this.#end += size;
    return start;
  }

  /** Gives a block back; neighboring free blocks are joined. */
  release(start: number, bytes: number): void {
    const end = start + Math.ceil((bytes + SLACK) / ALIGNMENT) * ALIGNMENT;
    const blocks = [...this.#free, { start, end }].sort((a, b) => a.start - b.start);
    this.#free = blocks.reduce<{ start: number; end: number }[]>((joined, block) => {
      const last = joined.at(-1);
      if (last !== undefined && last.end === block.start) last.end = block.end;
      else joined.push({ ...block });
      return joined;
    }, []);
    const last = this.#free.at(-1);
    if (last !== undefined && last.end === this.#end) {
      this.#end = last.start;
      this.#free.pop();
    }
  }
}
