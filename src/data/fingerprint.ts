/**
 * Tells whether two runs had the same data: SHA-256 over shape, class names, labels and pixels. It is written to run
 * folders and model files, and names the published form of the data sets that Ductus knows.
 */
import { type Dataset, ImageDataset } from "./dataset.ts";

/** SHA-256 of the parts one after the other, as hexadecimal digits. */
export type Sha256 = (parts: Iterable<Uint8Array>) => string | Promise<string>;

/** Labeled pictures whose bytes can be gone through: in memory or on a disk. */
export interface PictureSet extends Dataset {
  readonly inputShape: readonly number[];
  readonly classes: readonly string[];
  label(index: number): number;
  /** All pixels of all pictures, piece by piece; a piece holds until the next is asked for. */
  pixels(): Iterable<Uint8Array>;
}

/** {@link Sha256} by Web Crypto, which browsers and Node have. */
export async function webSha256(parts: Iterable<Uint8Array>): Promise<string> {
  const all = [...parts];
  const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of all) {
    whole.set(part, offset);
    offset += part.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A data set does not change, and hashing 60,000 pictures takes as long as reading them: once is enough. */
const known = new WeakMap<Dataset, string>();

/** Fingerprint of one data set. Its name, its origin and the type of its label array do not matter. */
export async function fingerprint(dataset: PictureSet, sha256: Sha256 = webSha256): Promise<string> {
  const found = known.get(dataset) ?? (await hashed(dataset, sha256));
  known.set(dataset, found);
  return found;
}

/** Remembers what was found out about a data set elsewhere. */
export const keepFingerprint = (dataset: Dataset, found: string): void => void known.set(dataset, found);

/** The fingerprint of any data set, where it can be had without reading a disk. */
export async function fingerprintIfKnown(dataset: Dataset): Promise<string | undefined> {
  if (dataset instanceof ImageDataset) return fingerprint(dataset);
  const found = known.get(dataset) ?? (dataset.content && (await webSha256(dataset.content())));
  if (found !== undefined) known.set(dataset, found);
  return found;
}

async function hashed(dataset: PictureSet, sha256: Sha256): Promise<string> {
  const header = JSON.stringify({ length: dataset.length, shape: dataset.inputShape, classes: dataset.classes });
  const labels = new Uint8Array(dataset.length * 4);
  const view = new DataView(labels.buffer);
  for (let i = 0; i < dataset.length; i++) view.setInt32(4 * i, dataset.label(i), true);
  const parts = function* (): Iterable<Uint8Array> {
    yield new TextEncoder().encode(header);
    yield labels;
    yield* dataset.pixels();
  };
  return sha256(parts());
}

/** Fingerprint of each part of a data set. */
export async function fingerprintEach<Part extends string>(
  parts: Readonly<Partial<Record<Part, PictureSet>>>,
  sha256: Sha256,
): Promise<Partial<Record<Part, string>>> {
  const found: Partial<Record<Part, string>> = {};
  for (const part of Object.keys(parts) as Part[]) found[part] = await fingerprint(parts[part] as PictureSet, sha256);
  return found;
}

/** Fingerprint of a training and a test set together, and of a validation set where there is one. */
export async function fingerprintPair(
  train: PictureSet,
  test: PictureSet,
  sha256: Sha256 = webSha256,
  validation?: PictureSet,
): Promise<string> {
  const parts = [train, test, ...(validation === undefined ? [] : [validation])];
  const sums: string[] = [];
  for (const part of parts) sums.push(await fingerprint(part, sha256));
  return sha256([new TextEncoder().encode(sums.join(" "))]);
}
