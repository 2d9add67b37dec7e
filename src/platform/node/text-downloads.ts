/** Data sets that are published as a text file for each split, which is turned into IDX when it has been fetched (sources.ts). */
import type { TextFormat } from "../../data/formats/text-sources.ts";

export interface TextDownload {
  readonly format: TextFormat;
  /** Addresses of the same file. */
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Whether pictures, and not only labels, must have the published checksums. */
  readonly isExact: boolean;
}

export const TEXT_DOWNLOADS: Readonly<Record<string, TextDownload | undefined>> = {
  usps: {
    format: "zip code",
    train: [
      "https://hastie.su.domains/ElemStatLearn/datasets/zip.train.gz",
      "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/zip.train.gz",
    ],
    test: [
      "https://hastie.su.domains/ElemStatLearn/datasets/zip.test.gz",
      "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/zip.test.gz",
    ],
    // The checksums are of another published form (HDF5) of the same values.
    isExact: false,
  },
  optdigits: {
    format: "optdigits",
    train: ["https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tra"],
    test: ["https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tes"],
    isExact: true,
  },
};
