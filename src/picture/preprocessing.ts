/**
 * What is done to a picture of any size before a network sees it, as data: a {@link Preprocessing}, which is stored in the model
 * file. preprocess.ts does it; it stands apart, as a page that trains on pictures of the right size needs only this.
 */
import type { InkSide } from "./ink.ts";

/** Handwriting: one channel, light ink on a black ground, 0 … 255. */
export interface InkPreprocessing {
  readonly kind: "ink";
  readonly height: number;
  readonly width: number;
  /** The longer side of the ink, in pixels. */
  readonly box: number;
  readonly polarity: "auto" | InkSide;
  /** What comes to lie in the middle: the ink's center of mass, or its box. Spelled as model files have it. */
  readonly centre: "mass" | "box";
  /** Strokes of large pictures that would be thinner than this many pixels are thickened; 0 leaves them. */
  readonly minStroke: number;
  /** Whether a picture without ink becomes an empty input, for models with a class of blank boxes; by default it is refused. */
  readonly keepBlank?: boolean | undefined;
}

/** Any other picture: stretched to the size, colors kept or made gray. */
export interface ResizePreprocessing {
  readonly kind: "resize";
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** Whether light and dark change places. */
  readonly invert: boolean;
}

/** From a picture of any size to a sample, as plain data: by its ink, as the authors of MNIST did, or by its size alone. */
export type Preprocessing = InkPreprocessing | ResizePreprocessing;

/** MNIST's own preprocessing, for every network that reads handwriting. */
export const MNIST_PREPROCESSING: InkPreprocessing = {
  kind: "ink",
  height: 28,
  width: 28,
  box: 20,
  polarity: "auto",
  centre: "mass",
  minStroke: 1.6,
};

/** Of pictures whose color tells classes apart: all of the picture, in color, at MNIST's size. */
export const COLOR_PREPROCESSING: ResizePreprocessing = {
  kind: "resize",
  height: 28,
  width: 28,
  channels: 3,
  invert: false,
};

/** [height, width, channels] of a picture that was put through it. */
export function preprocessedShape(
  preprocessing: Preprocessing,
): readonly [height: number, width: number, channels: number] {
  const channels = preprocessing.kind === "ink" ? 1 : preprocessing.channels;
  return [preprocessing.height, preprocessing.width, channels];
}
