/**
 * Tells whether two runs had the same data: SHA-256 over shape, class names, labels and pixels. It is written to run
 * folders and model files, and names the published form of the data sets that Ductus knows.
 */
import type { ImageDataset } from "./dataset.ts";

/** SHA-256 of the parts one after the other, as hexadecimal digits. */
export type Sha256 = (parts: readonly Uint8Array[]) => string | Promise<string>;

/** {@link Sha256} by Web Crypto, which browsers and Node have. */
export async function webSha256(parts: readonly Uint8Array[]): Promise<string> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A data set does not change, and hashing 60,000 pictures takes as long as reading them: once is enough. */
const known = new WeakMap<ImageDataset, string>();

/** Fingerprint of one data set. Its name, its origin and the type of its label array do not matter. */
export async function fingerprint(dataset: ImageDataset, sha256: Sha256 = webSha256): Promise<string> {
  const found = known.get(dataset) ?? (await hashed(dataset, sha256));
  known.set(dataset, found);
  return found;
}

async function hashed(dataset: ImageDataset, sha256: Sha256): Promise<string> {
  const header = JSON.stringify({ length: dataset.length, shape: dataset.inputShape, classes: dataset.classes });
  const labels = new Uint8Array(dataset.length * 4);
  const view = new DataView(labels.buffer);
  for (let i = 0; i < dataset.length; i++) view.setInt32(4 * i, dataset.label(i), true);
  return sha256([new TextEncoder().encode(header), labels, dataset.images]);
}

/** Fingerprint of a training and a test set together. */
export async function fingerprintPair(
  train: ImageDataset,
  test: ImageDataset,
  sha256: Sha256 = webSha256,
): Promise<string> {
  const both = `${await fingerprint(train, sha256)} ${await fingerprint(test, sha256)}`;
  return sha256([new TextEncoder().encode(both)]);
}
