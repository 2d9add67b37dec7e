/** A picture of samples as a network sees them: one row per sample, the original and what became of it in several epochs. */

import type { Dataset } from "../data/dataset.ts";
import { arraysFor, pictureSize } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { Augmenter } from "./augmenter.ts";
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

/**
 * Draws the mosaic. The rows are one batch, so samples are mixed with each other where the list says so.
 * @throws UsageError when the samples are no pictures of 1 or 3 channels of bytes, or the list does not fit them
 */
export function mosaic(dataset: Dataset, options: MosaicOptions): Picture {
  const { augment, samples, variants = 11, seed = 0, zoom = 2 } = options;
  const [height, width, channels] = pictureSize(dataset.inputs) ?? [];
  if (height === undefined || width === undefined || (channels !== 1 && channels !== 3)) {
    throw new UsageError(`${dataset.name}: a mosaic needs pictures of bytes with 1 or 3 channels, not ${channels}`);
  }
  const rows = samples.length;
  const augmenter = new Augmenter(augment, dataset, { batchSize: rows, seed });
  const { inputs, targets } = augmenter.samples;
  const batch = arraysFor({ ...inputs, ...targets }, rows);

  const cellHeight = height * zoom + GAP;
  const cellWidth = width * zoom + GAP;
  const fullHeight = rows * cellHeight + GAP;
  const fullWidth = (variants + 1) * cellWidth + 2 * GAP;
  const data = new Uint8Array(fullHeight * fullWidth * channels).fill(GAP_VALUE);
  const paint = (column: number): void => {
    for (let row = 0; row < rows; row++) {
      const top = GAP + row * cellHeight;
      const left = GAP + column * cellWidth + (column > 0 ? GAP : 0);
      for (let y = 0; y < height * zoom; y++) {
        for (let x = 0; x < width * zoom; x++) {
          const from = ((row * height + Math.floor(y / zoom)) * width + Math.floor(x / zoom)) * channels;
          const to = ((top + y) * fullWidth + left + x) * channels;
          for (let c = 0; c < channels; c++) data[to + c] = batch.x[from + c];
        }
      }
    }
  };

  for (let epoch = 0; epoch <= variants; epoch++) {
    if (epoch > 0) augmenter.start(epoch);
    (epoch === 0 ? dataset : augmenter).read(samples, 0, rows, batch);
    paint(epoch);
  }
  return { height: fullHeight, width: fullWidth, channels, data };
}
