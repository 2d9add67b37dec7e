/**
 * The memory in which a batch is augmented, and its compiled kernels: the pictures as they were read, the pictures as
 * they become, and one padded plane, from which neighbours are read without a test at the border.
 */
import { augmentationKernels, type Kernels, OVERRUN, PARAMETERS } from "./kernels.ts";

/** Pictures of one data set: all have the same shape. */
export interface Frame {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Value of a pixel without ink, shown where a moved picture has nothing; without one, the nearest pixel is. */
  readonly ground?: number;
}

/** Displacements of one axis: [side, side] numbers of a torus, repeated below and to the right by a picture's size. */
export interface Field {
  /** A power of two. */
  readonly side: number;
  /** Numbers from one row to the next. */
  readonly stride: number;
  readonly data: Float32Array;
  /** In the memory, in bytes. */
  readonly address: number;
}

const PAGE = 65536;
const LEAST_SIDE = 64;

export class Workspace {
  readonly frame: Frame;
  /** Bytes of one picture. */
  readonly size: number;
  /** As read, and as augmented: picture after picture. */
  readonly raw: Uint8Array;
  readonly out: Uint8Array;
  /** See PARAMETERS in kernels.ts. */
  readonly parameters: Float32Array;
  readonly kernels: Kernels;
  readonly fields: readonly [x: Field, y: Field];
  readonly #plane: Uint8Array;
  readonly #flat: Uint8Array;

  constructor(frame: Frame, batchSize: number) {
    const { height, width, channels, ground = 0 } = frame;
    this.frame = frame;
    this.size = height * width * channels;
    const side = fieldSide(frame);
    const fieldStride = side + width + 4;
    const fieldLength = (side + height) * fieldStride;

    let end = 0;
    const place = (bytes: number): number => {
      const at = end;
      end = Math.ceil((end + bytes + OVERRUN) / 16) * 16;
      return at;
    };
    const parameters = place(4 * PARAMETERS.count);
    const plane = place((height + 2) * (width + 2));
    const flat = place(height * width);
    const fields = [place(4 * fieldLength), place(4 * fieldLength)];
    const raw = place(batchSize * this.size);
    const out = place(batchSize * this.size);

    const pages = Math.ceil(end / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = memory;
    this.kernels = augmentationKernels({ height, width, fieldStride }, memory, pages);
    this.parameters = new Float32Array(buffer, parameters, PARAMETERS.count);
    this.#plane = new Uint8Array(buffer, plane, (height + 2) * (width + 2)).fill(ground);
    this.#flat = new Uint8Array(buffer, flat, height * width);
    const field = (address: number): Field => {
      return { side, stride: fieldStride, address, data: new Float32Array(buffer, address, fieldLength) };
    };
    this.fields = [field(fields[0]), field(fields[1])];
    this.raw = new Uint8Array(buffer, raw, batchSize * this.size);
    this.out = new Uint8Array(buffer, out, batchSize * this.size);
  }

  /**
   * Lets a kernel, given the addresses of a padded plane and of its result, change every channel of the picture that
   * begins at `pixels[from]`; the result goes to `out[to]`.
   */
  change(pixels: Uint8Array, from: number, to: number, kernel: (plane: number, out: number) => void): void {
    const { channels } = this.frame;
    const plane = this.#plane.byteOffset;
    if (channels === 1) {
      this.#load(pixels, from);
      kernel(plane, this.out.byteOffset + to);
      return;
    }
    for (let c = 0; c < channels; c++) {
      this.#load(pixels, from + c);
      kernel(plane, this.#flat.byteOffset);
      for (let i = 0, at = to + c; at < to + this.size; i++, at += channels) this.out[at] = this.#flat[i];
    }
  }

  /** Copies one channel into the padded plane. */
  #load(pixels: Uint8Array, from: number): void {
    const plane = this.#plane;
    const { height, width, channels, ground } = this.frame;
    const stride = width + 2;
    if (channels === 1) this.kernels.pad(pixels.byteOffset + from, plane.byteOffset);
    else {
      for (let y = 0, at = from, to = stride + 1; y < height; y++, to += stride) {
        for (let x = 0; x < width; x++, at += channels) plane[to + x] = pixels[at];
      }
    }
    if (ground !== undefined) return;
    for (let begin = stride; begin <= height * stride; begin += stride) {
      plane[begin] = plane[begin + 1];
      plane[begin + width + 1] = plane[begin + width];
    }
    plane.copyWithin(0, stride, 2 * stride);
    plane.copyWithin((height + 1) * stride, height * stride, (height + 1) * stride);
  }
}

/** Side of the torus of displacements for pictures of a size. */
export function fieldSide({ height, width }: Pick<Frame, "height" | "width">): number {
  return Math.max(LEAST_SIDE, 2 ** Math.ceil(Math.log2(2 * Math.max(height, width))));
}
