/** The bell curve that displacements and blurred pictures are smoothed with. */

/** Weights of a Gaussian at whole numbers up to three standard deviations; their sum is 1. */
export function gaussian(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
