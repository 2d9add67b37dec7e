/**
 * Augmentations as data: what a list of them may hold. An augmentation is a record, a name and ranges to draw from, so
 * that a file, a run folder and the command line can hold it; augmentations.ts says what is wrong with
 * a record and turns it into functions. Every record may have `p`, the share of samples that it changes.
 */

/** Drawn uniformly for each sample; one number `a` stands for [−a, a]. */
export type Range = number | readonly [low: number, high: number];

interface Common {
  /** Probability that a sample is changed; default 1, of "flip" and "erase" 0.5. */
  readonly p?: number | undefined;
}

/** About the center of the picture. */
export interface Rotate extends Common {
  readonly name: "rotate";
  /** Degrees, anticlockwise. */
  readonly degrees: Range;
}

export interface Flip extends Common {
  readonly name: "flip";
  /** Default "horizontal": left and right change places. */
  readonly axis?: "horizontal" | "vertical" | undefined;
}

export interface Zoom extends Common {
  readonly name: "zoom";
  /** Factor of the size: above 1 enlarges. */
  readonly scale: readonly [low: number, high: number];
  /** Factor of the width over that of the height; default 1. */
  readonly aspect?: readonly [low: number, high: number] | undefined;
}

/** Moves the picture. */
export interface Shift extends Common {
  readonly name: "shift";
  /** Share of the width, to the right; default 0. */
  readonly x?: Range | undefined;
  /** Share of the height, downwards; default 0. */
  readonly y?: Range | undefined;
}

/** Slants the picture. */
export interface Shear extends Common {
  readonly name: "shear";
  /** Degrees by which upright lines lean to the right; default 0. */
  readonly x?: Range | undefined;
  /** Degrees by which level lines fall to the right; default 0. */
  readonly y?: Range | undefined;
}

/** Each corner moves inwards by a share of half the side, drawn from 0 … distortion, as in torchvision's RandomPerspective. */
export interface Perspective extends Common {
  readonly name: "perspective";
  /** 0 … 0.6. */
  readonly distortion: number;
}

/** A piece of the picture's size out of the picture with a margin all around. */
export interface Crop extends Common {
  readonly name: "crop";
  /** Width of the margin, in pixels. */
  readonly padding: number;
}

/**
 * A random field of displacements, smoothed by a Gaussian: P. Simard, D. Steinkraus and J. Platt, "Best practices for
 * convolutional neural networks applied to visual document analysis", ICDAR 2003. They take alpha 34 and sigma 4 for
 * 28×28 pixels: displacements with a standard deviation of 1.4 pixels.
 */
export interface Elastic extends Common {
  readonly name: "elastic";
  /** What the smoothed field, of numbers −1 … 1, is multiplied by, in pixels. */
  readonly alpha: number | readonly [low: number, high: number];
  /** Standard deviation of the Gaussian, in pixels. */
  readonly sigma: number;
}

/** Gray-scale dilation (above 0) or erosion (below) of the ink by a disc; parts of a pixel are interpolated. */
export interface Stroke extends Common {
  readonly name: "stroke";
  /** How far every edge of the ink moves outwards, in pixels. */
  readonly radius: Range;
}

/** Gaussian blur. */
export interface Blur extends Common {
  readonly name: "blur";
  /** Standard deviation, in pixels. */
  readonly sigma: readonly [low: number, high: number];
}

/** Adds the same to every pixel. */
export interface Brightness extends Common {
  readonly name: "brightness";
  /** Share of the full range 0 … 255. */
  readonly amount: Range;
}

/** Stretches the values about the picture's mean. */
export interface Contrast extends Common {
  readonly name: "contrast";
  readonly factor: readonly [low: number, high: number];
}

/** Adds Gaussian noise, pixel by pixel. */
export interface Noise extends Common {
  readonly name: "noise";
  /** Standard deviation, as a share of the full range 0 … 255. */
  readonly std: readonly [low: number, high: number];
}

/** Overwrites a rectangle: Zhong et al., "Random erasing data augmentation", arXiv 1708.04896. */
export interface Erase extends Common {
  readonly name: "erase";
  /** Share of the picture's area; default [0.02, 0.2]. */
  readonly area?: readonly [low: number, high: number] | undefined;
  /** Height over width; default [0.3, 3.3]. */
  readonly ratio?: readonly [low: number, high: number] | undefined;
  /** Default "noise", uniform random values, as in the paper; or the ground that the ink is on. */
  readonly fill?: "noise" | "ground" | undefined;
}

/** A weighted mean with another sample of the batch, pictures and targets: Zhang et al., arXiv 1710.09412. */
export interface MixUp extends Common {
  readonly name: "mixup";
  /** The weight is drawn from Beta(alpha, alpha); default 0.2. */
  readonly alpha?: number | undefined;
}

/** A rectangle of another sample of the batch, and its share of the target: Yun et al., arXiv 1905.04899. */
export interface CutMix extends Common {
  readonly name: "cutmix";
  /** The share of the picture that stays is drawn from Beta(alpha, alpha); default 1. */
  readonly alpha?: number | undefined;
}

/** One way of changing pictures, as plain data: its name, its numbers, and the probability `p` with which it happens. */
export type Augmentation =
  | Rotate
  | Flip
  | Zoom
  | Shift
  | Shear
  | Perspective
  | Crop
  | Elastic
  | Stroke
  | Blur
  | Brightness
  | Contrast
  | Noise
  | Erase
  | MixUp
  | CutMix;

export type AugmentationName = Augmentation["name"];

/**
 * What is done to every sample, in this order: those that move the picture together, in the order of the list, so that it
 * is sampled once; those that change pixels, in the order of the list; those that mix samples.
 */
export type AugmentationList = readonly Augmentation[];
