/**
 * Elastic distortion (Simard, Steinkraus and Platt, ICDAR 2003): every pixel moves by a random field that a Gaussian has
 * smoothed. A field the size of several pictures is made at the start of each epoch, on a torus, and every sample reads
 * it from places of its own: the distribution of the displacements is the paper's, and a sample costs two draws instead of
 * a smoothed field.
 */
import type { Random } from "../engine/random.ts";
import { gaussian } from "./gaussian.ts";
import { draw, type Move } from "./moves.ts";
import type { Interval } from "./rules.ts";
import type { Field, Workspace } from "./workspace.ts";

/** @param sigma at most an eighth of the fields' side */
export function elastic(
  alpha: Interval,
  sigma: number,
  { fields }: Workspace,
): { move: Move; begin: (random: Random) => void } {
  const places = fields[0].side ** 2;
  return {
    move: (map, random) => {
      const strength = draw(random, alpha);
      map.displace(fields, random.integer(places), random.integer(places), strength);
    },
    begin: (random) => {
      for (const field of fields) fillSmoothed(field, sigma, random);
    },
  };
}

/** Uniform numbers from −1 to 1, smoothed. */
function fillSmoothed(field: Field, sigma: number, random: Random): void {
  const { side, stride, data } = field;
  const noise = new Float64Array(side * side);
  for (let i = 0; i < noise.length; i++) noise[i] = random.between(-1, 1);
  const smooth = smoothLines(smoothLines(noise, side, sigma), side, sigma);
  const rows = data.length / stride;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < stride; x++) data[y * stride + x] = smooth[(y % side) * side + (x % side)];
  }
  field.most = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Smooths every line of a torus and lays the result on its other side, so that twice does both axes. */
function smoothLines(values: Float64Array, side: number, sigma: number): Float64Array {
  const weights = gaussian(sigma);
  const radius = (weights.length - 1) / 2;
  const line = new Float64Array(side + 2 * radius);
  const out = new Float64Array(values.length);
  for (let y = 0; y < side; y++) {
    for (let i = 0; i < line.length; i++) line[i] = values[y * side + ((i - radius + side * radius) % side)];
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * line[x + k];
      out[x * side + y] = sum;
    }
  }
  return out;
}
