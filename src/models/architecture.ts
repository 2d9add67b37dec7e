/** What a named architecture is: a network with options, and the recipe that trains it. One record per file beside this. */
import { ShapeError, UsageError } from "../engine/errors.ts";
import { input } from "../engine/ops/constant.ts";
import { type Shape, sizeOf } from "../engine/shape.ts";
import { inferenceContext } from "../nn/context.ts";
import type { Module } from "../nn/module.ts";
import type { Normalization, Recipe } from "./model.ts";

/** [height, width, channels] of a picture. */
export type PictureShape = readonly [height: number, width: number, channels: number];

export interface NetworkOptions {
  /** How many numbers the network gives for a picture. */
  readonly outputs: number;
  readonly inputShape: PictureShape;
}

export interface ArchitectureRecord<Name extends string = string> {
  readonly name: Name;
  /** One line: what it is. */
  readonly title: string;
  /** Defaults: MNIST's. */
  readonly inputShape: PictureShape;
  readonly outputs: number;
  /** Applied in the graph to pixels in 0 … 1. */
  readonly normalization: Normalization;
  readonly recipe: Recipe;
  /** Builds the network; layers adapt to the size of the pictures. @throws UsageError when they are too small */
  create(options: NetworkOptions): Module;
}

/**
 * The number of features that is left of a picture after some layers, found by tracing them.
 * @throws UsageError naming the architecture when the picture is too small
 */
export function featuresAfter(architecture: string, inputShape: PictureShape, layers: readonly Module[]): number {
  const picture = input({ name: "picture", shape: [1, ...inputShape], dtype: "float32", batched: true });
  try {
    const context = inferenceContext();
    return sizeOf(layers.reduce((x, layer) => layer.forward(x, context), picture).shape);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const [height, width] = inputShape;
    throw new UsageError(
      `${architecture}: pictures of ${height}×${width} are too small for its convolutions and poolings; enlarge them or take another model, such as mlp`,
      { cause: error },
    );
  }
}

/** MNIST's picture. */
export const MNIST_SHAPE: Shape & PictureShape = [28, 28, 1];
/** Mean and standard deviation of MNIST's training pixels. */
export const MNIST_NORMALIZATION: Normalization = { mean: 0.1307, std: 0.3081 };
/** Pixels as they are, 0 … 1. */
export const UNIT_RANGE: Normalization = { mean: 0, std: 1 };
/** Pixels from −1 to 1. */
export const SYMMETRIC_RANGE: Normalization = { mean: 0.5, std: 0.5 };
