/**
 * Pictures with rows and columns exchanged. EMNIST's files hold them so (tensorflow.org/datasets/catalog/emnist: "inverted
 * horizontally and rotated 90 anti-clockwise"); MNIST's, and whatever a model is shown later, are upright.
 */
import type { ImageDataset } from "../dataset.ts";

/** Whether pictures in a file of this name lie on their side: those of EMNIST do, as their authors published them. */
export function isTransposed(path: string): boolean {
  return /(^|[^a-z])emnist[^/\\]*$/i.test(path);
}

type Shape = ImageDataset["inputShape"];

/** Writes a picture [height, width, channels] to `to` as [width, height, channels]. */
export function transposeTo(pixels: ArrayLike<number>, [height, width, channels]: Shape, to: Uint8Array): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) to[(x * height + y) * channels + c] = pixels[(y * width + x) * channels + c];
    }
  }
}

/** The same pictures, upright. @param file where they come from, for the note */
export function transposed(dataset: ImageDataset, file: string): ImageDataset {
  const [height, width] = dataset.inputShape;
  const images = new Uint8Array(dataset.images.length);
  const size = images.length / dataset.length;
  for (let i = 0; i < dataset.length; i++) {
    transposeTo(dataset.image(i), dataset.inputShape, images.subarray(i * size, (i + 1) * size));
  }
  return dataset.with({ images, height: width, width: height, notes: [...dataset.notes, transposedNote(file)] });
}

export function transposedNote(file: string): string {
  return `${file}: EMNIST's pictures lie on their side and were turned upright (rows and columns exchanged)`;
}
