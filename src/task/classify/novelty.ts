/**
 * Whether a picture shows one of a classifier's classes at all, or none of these: a letter among digits, a scribble, a dash, a
 * texture. A classifier's own probabilities do not say: all of them together are 1, whatever it is shown.
 *
 * A small convolutional network looks at the sample beside the classifier, and has one output more than that: none of these. It was
 * trained, after the classifier, on the classifier's samples against drawings of all kinds (train/novelty: outlier exposure,
 * Hendrycks et al., arXiv 1812.04606); from which score on a sample is of no class was chosen by known samples alone. It is part of
 * the task, so the model file, servers and exports carry it, in some 80 kB.
 */
import type { Port } from "../../data/port.ts";
import { type Shape, sizeOf } from "../../engine/shape.ts";
import { resize } from "../../picture/resize.ts";

/** A layer of a {@link Novelty}. What is below 0 in its outputs is made 0, but for the last layer. */
export interface NoveltyLayer {
  /**
   * Side of the kernel of a convolution, which takes every second row and column and has zeros around its input; 0 for a layer in
   * which each output depends on all inputs.
   */
  readonly kernel: number;
  /** As whole numbers −127 … 127 in base64: [outputs, kernel, kernel, inputs], or [outputs, inputs]. */
  readonly weights: string;
  /** What the weights of each output are multiplied by. */
  readonly scales: readonly number[];
  readonly bias: readonly number[];
}

/** All numbers of a {@link Novelty}, as a model file has them. */
export interface NoveltyRecord {
  /** The last one has an output for each class and one for none of these, or, of many classes, one for all of them. */
  readonly layers: readonly NoveltyLayer[];
  /** Whether the classifier reads what is written: then more can be said of what is none of its classes. */
  readonly ofStrokes: boolean;
  /** What the output for none of these is above the largest other one, at least, in a sample of no class. */
  readonly threshold: number;
  /** The share of known samples that is refused, of those by which the threshold was chosen. */
  readonly share: number;
  /** How many known samples those were. */
  readonly samples: number;
  /** The share that is refused of other drawings of no class, which the network was not trained on. */
  readonly strangers: number;
}

/** Side of the picture that the network looks at. */
export const NOVELTY_SIDE = 28;

/** Why a picture is none of the classes. */
export type NoClass = "a dash or a dot" | "a texture" | "like none of the classes";

/** A sentence of it. */
export const noneOfThese = (reason: NoClass): string => `none of these: it is ${reason}`;

/** From this share of ink in its box on, nothing is made of strokes. */
const FILLED = 0.75;
/** So flat, height by width, are dashes. */
const FLAT = 0.35;
/** Paler than this part of the darkest is the soft edge of a stroke. */
const EDGE = 0.25;

/** A layer's weights as numbers, the outputs of one input beside each other. */
interface Ready {
  readonly kernel: number;
  readonly weights: Float32Array;
  readonly bias: readonly number[];
}

/** Tells samples of known classes from all others. */
export class Novelty {
  readonly record: NoveltyRecord;
  readonly #layers: readonly Ready[];

  /** @param given whole: novelty-stored.ts checks what a model file has */
  constructor(given: NoveltyRecord) {
    this.record = given;
    this.#layers = given.layers.map(ready);
  }

  /**
   * How much a sample looks like none of the classes: above 0, it is taken for that.
   * @param pixels the sample as the network gets it, [height, width, channels] from `start` on
   * @param white what white is in it: 255 for bytes
   */
  score(pixels: ArrayLike<number>, shape: Shape, white: number, start = 0): number {
    const values = this.outputs(pixels, shape, white, start);
    const last = values.length - 1;
    const known = values.subarray(0, last).reduce((most, value) => Math.max(most, value));
    return values[last] - known - this.record.threshold;
  }

  /** What the network gives: an output for each class, and one for none of these. Parameters as of {@link score}. */
  outputs(pixels: ArrayLike<number>, shape: Shape, white: number, start = 0): Float32Array {
    let [values, side] = [grayOf(pixels, shape, white, start), NOVELTY_SIDE];
    for (const [index, layer] of this.#layers.entries()) {
      values = layer.kernel === 0 ? dense(values, layer) : convolved(values, side, layer);
      side = Math.ceil(side / 2);
      if (index < this.#layers.length - 1) for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i]);
    }
    return values;
  }

  /** Why a sample is none of the classes; undefined where it is one. Parameters as of {@link score}. */
  noClass(pixels: ArrayLike<number>, shape: Shape, white: number, start = 0): NoClass | undefined {
    if (this.score(pixels, shape, white, start) <= 0) return undefined;
    return this.record.ofStrokes ? looksOf(pixels, shape, start) : "like none of the classes";
  }

  /** Why sample `index` of a batch is none of the classes. @param x all inputs of the batch, each as `port` says */
  noClassOf({ shape, dtype }: Port, x: ArrayLike<number>, index: number): NoClass | undefined {
    return this.noClass(x, shape as Shape, dtype === "float32" ? 1 : 255, index * sizeOf(shape as Shape));
  }
}

/**
 * A sample as the novelty network gets it: {@link NOVELTY_SIDE} rows of as many pixels, 0 … 1; of several channels their mean.
 * Parameters as of {@link Novelty.score}.
 */
export function grayOf(
  pixels: ArrayLike<number>,
  [height, width, channels]: Shape,
  white: number,
  start = 0,
): Float32Array {
  const gray = new Float32Array(height * width);
  const unit = 1 / (white * channels);
  for (let i = 0, from = start; i < gray.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++, from++) sum += pixels[from];
    gray[i] = sum * unit;
  }
  if (height === NOVELTY_SIDE && width === NOVELTY_SIDE) return gray;
  return resize(gray, height, width, 1, NOVELTY_SIDE, NOVELTY_SIDE);
}

/** Turns [outputs, …, inputs] into […, inputs, outputs], as numbers. */
function ready({ kernel, weights, scales, bias }: NoveltyLayer): Ready {
  const bytes = bytesOf(weights) as Uint8Array;
  const outputs = scales.length;
  const each = bytes.length / outputs;
  const numbers = new Float32Array(bytes.length);
  for (let output = 0, at = 0; output < outputs; output++) {
    for (let k = 0; k < each; k++, at++) numbers[k * outputs + output] = ((bytes[at] << 24) >> 24) * scales[output];
  }
  return { kernel, weights: numbers, bias };
}

/** Every output from all inputs. */
function dense(values: Float32Array, { weights, bias }: Ready): Float32Array {
  const out = Float32Array.from(bias);
  for (let i = 0; i < values.length; i++) addScaled(out, 0, weights, i * bias.length, bias.length, values[i]);
  return out;
}

/** [side, side, inputs] → [side / 2, side / 2, outputs]; zeros stand around the input. Inputs that are 0 cost nothing. */
function convolved(values: Float32Array, side: number, { kernel, weights, bias }: Ready): Float32Array {
  const outputs = bias.length;
  const inputs = values.length / (side * side);
  const to = Math.ceil(side / 2);
  const pad = kernel >> 1;
  const out = new Float32Array(to * to * outputs);
  for (let i = 0; i < out.length; i += outputs) out.set(bias, i);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      for (let ky = 0; ky < kernel; ky++) {
        const row = 2 * y + ky - pad;
        if (row < 0 || row >= side) continue;
        for (let kx = 0; kx < kernel; kx++) {
          const column = 2 * x + kx - pad;
          if (column < 0 || column >= side) continue;
          const from = (row * side + column) * inputs;
          const weight = (ky * kernel + kx) * inputs * outputs;
          for (let i = 0; i < inputs; i++) {
            addScaled(out, (y * to + x) * outputs, weights, weight + i * outputs, outputs, values[from + i]);
          }
        }
      }
    }
  }
  return out;
}

function addScaled(
  out: Float32Array,
  at: number,
  weights: Float32Array,
  from: number,
  count: number,
  value: number,
): void {
  if (value === 0) return;
  for (let k = 0; k < count; k++) out[at + k] += value * weights[from + k];
}

/** What can be said of something that is no class, by its ink alone. */
function looksOf(pixels: ArrayLike<number>, shape: Shape, start: number): NoClass {
  const [, width, channels] = shape;
  const end = start + sizeOf(shape);
  let [left, right, top, bottom, count, darkest] = [Number.POSITIVE_INFINITY, -1, Number.POSITIVE_INFINITY, -1, 0, 0];
  for (let i = start; i < end; i++) darkest = Math.max(darkest, pixels[i]);
  for (let i = start; i < end; i += channels) {
    if (!(pixels[i] > EDGE * darkest)) continue;
    const at = (i - start) / channels;
    const x = at % width;
    const y = (at - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
    count++;
  }
  const [across, down] = [right - left + 1, bottom - top + 1];
  if (down <= FLAT * across) return "a dash or a dot";
  return count > FILLED * across * down ? "a texture" : "like none of the classes";
}

/** What base64 says; undefined where it is none. */
export function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
