/**
 * Initial weights, drawn as PyTorch draws them by default: uniform within ±1/√fanIn. Every module of a network gets random
 * numbers of its own, keyed by the seed and its position, so the weights depend on nothing else.
 */
import { TooLargeError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { formatShape, type Shape, sizeOf } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { Module } from "./module.ts";

/** Draws all parameters of a network anew, the same ones for the same seed. @returns the network */
export function initialize<M extends Module>(network: M, seed: number): M {
  let index = 0;
  for (const [, module] of network.namedModules()) module.reset(new Random(seed, "init", index++));
  return network;
}

let constructed = 0;
let isDrawn = true;

/**
 * What a layer's constructor does last: it draws weights from numbers that are others for each layer that a program makes.
 * Values that do not depend on what was made before come from {@link initialize}.
 */
export function drawFirst(layer: Module): void {
  if (isDrawn) layer.reset(new Random(0, "init", 2 ** 31 + constructed++));
}

/** Makes layers that are to be initialized afterwards anyway: their constructors draw nothing. */
export function undrawn<M>(make: () => M): M {
  isDrawn = false;
  try {
    return make();
  } finally {
    isDrawn = true;
  }
}

let room = Number.POSITIVE_INFINITY;

/**
 * Makes layers that have `most` parameters at most, because a file has values for no more of them.
 * @throws TooLargeError before more are allocated
 */
export function limited<M>(most: number, make: () => M): M {
  room = most;
  try {
    return make();
  } finally {
    room = Number.POSITIVE_INFINITY;
  }
}

/** A trainable parameter of the given shape, filled with one value. */
export function filled(shape: Shape, value = 0, requiresGrad = true): Parameter {
  const size = sizeOf(shape);
  if (size > room)
    throw new TooLargeError(`its network needs weights ${formatShape(shape)}, which the file does not hold`);
  room -= size;
  return new Parameter(shape, new Float32Array(size).fill(value), requiresGrad);
}

/** Inputs that feed one output: the product of all axes but the first of a weight [out, in, …]. */
export function fanIn(weight: Pick<Tensor, "shape">): number {
  return sizeOf(weight.shape.slice(1));
}

/** Fills a parameter with uniform numbers in [−bound, bound). */
export function uniformInit(parameter: Parameter, bound: number, random: Random): void {
  for (let i = 0; i < parameter.data.length; i++) parameter.data[i] = bound * (2 * random.uniform() - 1);
}

/** Fills a parameter with normal numbers of mean 0. */
export function normalInit(parameter: Parameter, deviation: number, random: Random): void {
  for (let i = 0; i < parameter.data.length; i++) parameter.data[i] = deviation * random.normal();
}

/**
 * He et al.'s uniform initialization (arXiv 1502.01852) for a leaky ReLU of slope a: bound √(6 / ((1 + a²)·fanIn)).
 * PyTorch's layers use a = √5, the default here, which gives 1/√fanIn.
 */
export function kaimingUniform(weight: Parameter, random: Random, a = Math.sqrt(5)): void {
  uniformInit(weight, Math.sqrt(6 / ((1 + a * a) * fanIn(weight))), random);
}

/** PyTorch's default for layers that multiply: kaimingUniform for the weight, uniform within ±1/√fanIn for the bias. */
export function resetAffine(weight: Parameter, bias: Parameter | null, random: Random): void {
  kaimingUniform(weight, random);
  if (bias !== null) uniformInit(bias, 1 / Math.sqrt(fanIn(weight)), random);
}
