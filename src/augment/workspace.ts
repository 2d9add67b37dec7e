/**
 * The memory in which a batch is augmented, and its compiled kernels: the pictures as they were read, the pictures as they
 * become, a record for each of what is to be done to it, and the planes on which each thread works. It is a memory of its
 * own, or a part of that of a backend, whose threads (a crew) then do the work together.
 */
import type { Crew, Job } from "../engine/backends/backend.ts";
import { soloCrew } from "../engine/backends/wasm/solo-crew.ts";
import { type Kernels, OVERRUN, planeBytes, QUEUE, workCode } from "./kernels.ts";
import { recordWords } from "./picture-record.ts";

/** Pictures of one data set: all have the same shape. */
export interface Frame {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Value of a pixel without ink, shown where a moved picture has nothing; without one, the nearest pixel is. */
  readonly ground?: number | undefined;
}

/** Displacements of one axis: [side, side] numbers of a torus, repeated below and to the right by a picture's size. */
export interface Field {
  /** A power of two. */
  readonly side: number;
  /** Numbers from one row to the next. */
  readonly stride: number;
  readonly data: Float32Array;
  /** The largest absolute value in it. */
  most: number;
  /** In the memory, in bytes. */
  readonly address: number;
}

const LEAST_SIDE = 64;

/** What a {@link Workspace} is made for. */
export interface WorkspaceOptions {
  /** Most pictures at a time. */
  readonly batchSize: number;
  /** Strokes that every picture's record has room for; default 0. */
  readonly strokes?: number | undefined;
  /** Whose memory and threads to use; default: the caller alone, with a memory of its own. */
  readonly crew?: Crew | undefined;
}

export class Workspace {
  readonly frame: Frame;
  /** Bytes of one picture. */
  readonly size: number;
  /** As read, and as augmented: picture after picture. */
  readonly raw: Uint8Array;
  readonly out: Uint8Array;
  /** The records as the types that they hold, see picture-record.ts; each has so many words. */
  readonly records: Float32Array;
  readonly recordWords: number;
  readonly words: Int32Array;
  readonly fields: readonly [x: Field, y: Field];
  readonly #kernels: Kernels;
  readonly #queue: Int32Array;
  readonly #planes: number;
  readonly #crew: Crew;
  readonly #block: { readonly address: number; readonly bytes: number };
  readonly #job: Job;

  constructor(frame: Frame, { batchSize, strokes = 0, crew: given }: WorkspaceOptions) {
    const { height, width, channels, ground } = frame;
    this.frame = frame;
    this.size = height * width * channels;
    const side = fieldSide(frame);
    const fieldStride = side + width + 4;
    const fieldLength = (side + height) * fieldStride;
    this.recordWords = recordWords(strokes);
    const perThread = planeBytes(frame);
    const threads = given?.threads ?? 1;

    let end = 0;
    const place = (bytes: number): number => {
      const at = end;
      end = Math.ceil((end + bytes + OVERRUN) / 64) * 64;
      return at;
    };
    const queue = place(4 * QUEUE.count);
    const records = place(4 * batchSize * this.recordWords);
    const planes = place(perThread * threads);
    const fields = [place(4 * fieldLength), place(4 * fieldLength)];
    const raw = place(batchSize * this.size);
    const out = place(batchSize * this.size);

    const crew = given ?? soloCrew(end);
    const { buffer, limits } = crew;
    const base = crew.allocate(end);
    this.#block = { address: base, bytes: end };
    this.#crew = crew;
    this.#planes = base + planes;
    const shape = { height, width, channels, ground, fieldStride, strokes, planeBytes: perThread };
    const places = { queue: base + queue, records: base + records, raw: base + raw, out: base + out };
    this.#job = crew.load(workCode({ ...shape, ...places, planes: this.#planes }, limits));
    this.#kernels = this.#job.exports as unknown as Kernels;
    this.#queue = new Int32Array(buffer, base + queue, QUEUE.count);
    this.records = new Float32Array(buffer, base + records, batchSize * this.recordWords);
    this.words = new Int32Array(buffer, base + records, batchSize * this.recordWords);
    // Memory of a crew has been used before: strokes that nobody draws must be none, and margins empty.
    this.words.fill(0);
    new Uint8Array(buffer, this.#planes, perThread * threads).fill(ground ?? 0);
    const field = (offset: number): Field => {
      const address = base + offset;
      const data = new Float32Array(buffer, address, fieldLength);
      return { side, stride: fieldStride, address, data, most: 0 };
    };
    this.fields = [field(fields[0]), field(fields[1])];
    this.raw = new Uint8Array(buffer, base + raw, batchSize * this.size);
    this.out = new Uint8Array(buffer, base + out, batchSize * this.size);
  }

  /** Resolves when every thread of the crew has the kernels; to be awaited before {@link begin}. */
  get loaded(): Promise<void> {
    return this.#job.loaded;
  }

  /** Begins to work on so many pictures: the crew takes each as soon as it is published. */
  begin(count: number): void {
    this.#queue[QUEUE.next] = 0;
    this.#queue[QUEUE.published] = 0;
    this.#queue[QUEUE.total] = count;
    this.#job.begin();
  }

  /** Says that the records of the first `count` pictures are written. */
  publish(count: number): void {
    Atomics.store(this.#queue, QUEUE.published, count);
  }

  /** Works too, and returns when all pictures are done. */
  finish(): void {
    Atomics.notify(this.#queue, QUEUE.published);
    this.#job.finish();
  }

  /** Does what its record says to one picture, without the crew. */
  work(index: number): void {
    this.#kernels.work(index, this.#planes);
  }

  /** Moves the edges of the picture at `out[at]` by `amount` 256ths of a pixel: outwards what is bright, or inwards below 0. */
  stroke(amount: number, at: number): void {
    this.#kernels.stroke(amount, this.out.byteOffset + at, this.#planes);
  }

  /** Gives memory and threads back. */
  dispose(): void {
    const { address, bytes } = this.#block;
    void this.#job.dispose().then(() => this.#crew.release(address, bytes));
  }
}

/** Side of the torus of displacements for pictures of a size. */
export function fieldSide({ height, width }: Pick<Frame, "height" | "width">): number {
  return Math.max(LEAST_SIDE, 2 ** Math.ceil(Math.log2(2 * Math.max(height, width))));
}
