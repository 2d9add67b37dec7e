/**
 * What changes the samples of a training batch on their way from the data set to the network (data/loader.ts). What happens to a
 * sample depends on the seed, the epoch and the number of the sample alone, so a run that goes on sees what one that never stopped
 * would. Pictures of one size are changed by augmenter.ts, lines of writing by line-augmenter.ts.
 */
import type { Dataset, SampleSpec } from "../data/dataset.ts";
import type { BatchArrays, Sizes } from "../data/port.ts";
import type { Crew } from "../engine/backends/backend.ts";

export interface BatchAugmenter {
  /** What comes out: mixed class indices have become probabilities [classes]. */
  readonly samples: SampleSpec;
  /** Goes on with the threads of a crew, from the next epoch on. */
  employ(crew: Crew): Promise<void>;
  /** Gives memory and threads of a crew back; nothing can be augmented afterwards. */
  dispose(): void;
  /**
   * Begins an epoch.
   * @param isPlain whether its samples stay as they are; their targets still become what {@link samples} says
   */
  start(epoch: number, isPlain?: boolean): void;
  /** Writes samples number `indices[start …]` of the data set, changed, to the front of the arrays. */
  read(indices: ArrayLike<number>, start: number, count: number, arrays: BatchArrays, sizes?: Sizes): void;
}

export interface AugmenterOptions {
  /** Most samples that come together. */
  readonly batchSize: number;
  readonly seed: number;
  /** Probabilities in a mixed target; default: the classes of the data set. */
  readonly classes?: number | undefined;
}

/** Makes the augmenter of a data set. */
export type Augment = (dataset: Dataset, options: AugmenterOptions) => BatchAugmenter;

/** Numbers drawn for the tables of an epoch are those of a sample that no data set has. */
export const TABLES = 2 ** 32 - 1;
/** Keeps the numbers of touches apart from those of moves, and of mixes. */
export const TOUCHES = 2 ** 16;
