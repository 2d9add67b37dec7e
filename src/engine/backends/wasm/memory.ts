/**
 * The memory that all programs and threads of a wasm backend share: a control block at the start, then blocks handed out
 * by a first-fit allocator. Parameters live here, so that programs work on them in place.
 */
import { DuctusError } from "../../errors.ts";
import { bytesOf } from "../../passes/plan.ts";
import type { Tensor } from "../../tensor.ts";

const PAGE = 65536;
/** 4 GiB, all that 32-bit addresses reach. */
export const MAXIMUM_PAGES = 65536;
const ALIGNMENT = 64;
/** Vectors may be read beyond the last element, so every block ends with some spare bytes. */
const SLACK = 64;

/** Bytes at the start of the memory for barriers and commands. */
export const CONTROL_BYTES = 1024;

/** Distance between the copies of a partial sum. */
export const bytesOfPartial = (tensor: Tensor): number => Math.ceil(bytesOf(tensor) / ALIGNMENT) * ALIGNMENT;

export class SharedMemory {
  readonly memory = new WebAssembly.Memory({ initial: 256, maximum: MAXIMUM_PAGES, shared: true });
  /** Free blocks, by start. */
  #free: { start: number; end: number }[] = [];
  #end = CONTROL_BYTES;

  get buffer(): ArrayBufferLike {
    return this.memory.buffer;
  }

  /** Reserves a block and returns its address, a multiple of 64. @throws DuctusError when 4 GiB are not enough */
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
        const gib = ((start + size) / 2 ** 30).toFixed(1);
        throw new DuctusError(`the program needs ${gib} GiB but WebAssembly has at most 4; use a smaller batch`);
      }
    }
    this.#end += size;
    return start;
  }

  /** Gives a block back; neighbouring free blocks are joined. */
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
