/** Samples as pictures to look at: single ones, and mosaics of many. */
import type { Dataset, SampleSpec } from "./dataset.ts";
import { largestSizes } from "./loader.ts";
import { arraysFor, pictureSize } from "./port.ts";

/** A picture of bytes, gray or RGB, row by row, channels interleaved. */
export interface MosaicPicture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Some samples side by side in memory. */
export interface SamplePictures {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** Pixels of one after the other. */
  readonly data: Uint8Array;
  readonly count: number;
}

/** Ground between the pictures of a mosaic. */
const GAP = 1;
const GAP_SHADE = 128;

/** Samples of a data set by index; undefined where they are no pictures of bytes. */
export function readPictures(dataset: Dataset, indices: readonly number[]): SamplePictures | undefined {
  if (indices.length === 0) return undefined;
  const shape = pictureShape(dataset);
  if (shape === undefined) return readLines(dataset, indices);
  // What goes with them may differ in length.
  const sizes = Object.fromEntries(largestSizes(dataset));
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, indices.length, sizes);
  dataset.read(indices, 0, indices.length, arrays, sizes);
  return { ...shape, data: arrays.x as Uint8Array, count: indices.length };
}

/** Pictures of lines, which stand column after column: as wide as what counts of the widest of them. */
function readLines(dataset: Dataset, indices: readonly number[]): SamplePictures | undefined {
  const { x } = dataset.inputs;
  const [axis, height, channels] = x.shape;
  if (typeof axis !== "string" || typeof height !== "number" || channels !== 1 || x.dtype !== "uint8") return undefined;
  const sizes: Record<string, number> = Object.fromEntries(largestSizes(dataset));
  sizes[axis] = Math.max(...indices.map((index) => dataset.sizes?.(index)[axis] ?? 1));
  const stride = sizes[axis];
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, indices.length, sizes);
  dataset.read(indices, 0, indices.length, arrays, sizes);
  // Without the paper that is there for the network.
  const width = Math.max(1, ...indices.map((_, i) => Math.min(stride, arrays.length?.[i] ?? stride)));
  const data = new Uint8Array(indices.length * height * width);
  for (let i = 0, to = 0; i < indices.length; i++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) data[to++] = arrays.x[(i * stride + column) * height + row];
    }
  }
  return { height, width, channels, data, count: indices.length };
}

/** Size of a data set's pictures; undefined where its samples are something else. */
export function pictureShape(
  dataset: Pick<SampleSpec, "inputs">,
): Pick<SamplePictures, "height" | "width" | "channels"> | undefined {
  const [height, width, channels] = pictureSize(dataset.inputs) ?? [];
  if (height === undefined || width === undefined) return undefined;
  return channels === 1 || channels === 3 ? { height, width, channels } : undefined;
}

/** Picture `index` alone. */
export function onePicture({ height, width, channels, data }: SamplePictures, index: number): MosaicPicture {
  const size = height * width * channels;
  return { height, width, channels, data: data.subarray(index * size, (index + 1) * size) };
}

/** All pictures in rows of `columns`, with a line between them. */
export function mosaic(pictures: SamplePictures, columns: number): MosaicPicture {
  const { height, width, channels, data, count } = pictures;
  const across = Math.min(columns, count);
  const down = Math.ceil(count / across);
  const whole = { height: down * (height + GAP) - GAP, width: across * (width + GAP) - GAP, channels };
  const pixels = new Uint8Array(whole.height * whole.width * channels).fill(GAP_SHADE);
  for (let i = 0; i < count; i++) {
    const top = Math.floor(i / across) * (height + GAP);
    const left = (i % across) * (width + GAP);
    for (let y = 0; y < height; y++) {
      const from = (i * height + y) * width * channels;
      pixels.set(data.subarray(from, from + width * channels), ((top + y) * whole.width + left) * channels);
    }
  }
  return { ...whole, data: pixels };
}
