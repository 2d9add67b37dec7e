/** A picture of samples as a network sees them: one row per sample, the original and what became of it in several epochs. */

import type { Dataset } from "../data/dataset.ts";
import { arraysFor, lineRows, pictureSize, type Sizes } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { augmentBy } from "./augment.ts";
import type { AugmentationList } from "./records.ts";

/** What {@link mosaic} draws. */
export interface MosaicOptions {
  readonly augment: AugmentationList;
  /** Numbers of the samples in the data set, one per row. */
  readonly samples: readonly number[];
  /** Changed copies per row, those of epochs 1, 2 …; default 11. */
  readonly variants?: number | undefined;
  readonly seed?: number | undefined;
  /** Pixels of the mosaic per pixel of a sample, each way; default 2. */
  readonly zoom?: number | undefined;
}

/** Pixels between two pictures, and twice as many after the originals. */
const GAP = 2;
const GAP_VALUE = 128;

/** Samples of one size: lines are as wide as the widest of them. */
interface Looks {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly sizes: Sizes;
  /** How far the next row, and the next column, of a sample lies. */
  readonly strides: readonly [row: number, column: number];
}

function looksOf(dataset: Dataset, samples: readonly number[]): Looks {
  const [height, width, channels] = pictureSize(dataset.inputs) ?? [];
  if (height !== undefined && width !== undefined && (channels === 1 || channels === 3)) {
    return { height, width, channels, sizes: {}, strides: [width * channels, channels] };
  }
  const rows = lineRows(dataset.inputs);
  if (rows === undefined) {
    throw new UsageError(
      `${dataset.name}: a mosaic needs lines, or pictures of bytes with 1 or 3 channels, not ${channels}`,
    );
  }
  const sizes: Record<string, number> = {};
  for (const index of samples) {
    for (const [axis, size] of Object.entries(dataset.sizes?.(index) ?? {})) {
      sizes[axis] = Math.max(sizes[axis] ?? 1, size);
    }
  }
  return { height: rows, width: sizes[dataset.inputs.x.shape[0]], channels: 1, sizes, strides: [1, rows] };
}

/**
 * Draws the mosaic. The rows are one batch, so samples are mixed with each other where the list says so.
 * @throws UsageError when the samples are neither lines nor pictures of 1 or 3 channels of bytes, or the list does not fit them
 */
export function mosaic(dataset: Dataset, options: MosaicOptions): Picture {
  const { augment, samples, variants = 11, seed = 0, zoom = 2 } = options;
  const { height, width, channels, sizes, strides } = looksOf(dataset, samples);
  const rows = samples.length;
  const augmenter = augmentBy(augment)?.(dataset, { batchSize: rows, seed });
  const { inputs, targets } = augmenter?.samples ?? dataset;
  const batch = arraysFor({ ...inputs, ...targets }, rows, sizes);

  const cellHeight = height * zoom + GAP;
  const cellWidth = width * zoom + GAP;
  const fullHeight = rows * cellHeight + GAP;
  const fullWidth = (variants + 1) * cellWidth + 2 * GAP;
  const data = new Uint8Array(fullHeight * fullWidth * channels).fill(GAP_VALUE);
  const paint = (column: number): void => {
    const size = batch.x.length / rows;
    for (let row = 0; row < rows; row++) {
      const top = GAP + row * cellHeight;
      const left = GAP + column * cellWidth + (column > 0 ? GAP : 0);
      for (let y = 0; y < height * zoom; y++) {
        for (let x = 0; x < width * zoom; x++) {
          const from = row * size + Math.floor(y / zoom) * strides[0] + Math.floor(x / zoom) * strides[1];
          const to = ((top + y) * fullWidth + left + x) * channels;
          for (let c = 0; c < channels; c++) data[to + c] = batch.x[from + c];
        }
      }
    }
  };

  for (let epoch = 0; epoch <= variants; epoch++) {
    if (epoch > 0) augmenter?.start(epoch);
    const source = epoch === 0 || augmenter === undefined ? dataset : augmenter;
    source.read(samples, 0, rows, batch, sizes);
    paint(epoch);
  }
  augmenter?.dispose();
  return { height: fullHeight, width: fullWidth, channels, data };
}
