/** The two ends of a network that reads a picture: pixels as its numbers, and its outputs as a ranking of classes. */

export interface Candidate {
  readonly name: string;
  /** Index of the class. */
  readonly index: number;
  /** 0 … 1; the softmax of the network's outputs. */
  readonly probability: number;
}

/** Writes bytes as a network's input: one that takes numbers was trained on numbers 0 … 1, one that takes bytes on bytes. */
export function writePixels(
  pixels: Uint8Array,
  input: { [index: number]: number },
  inputType: "uint8" | "float32",
): void {
  const unit = inputType === "uint8" ? 1 : 255;
  for (let i = 0; i < pixels.length; i++) input[i] = pixels[i] / unit;
}

/** Shifted by the largest, so nothing overflows. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** All classes, the likeliest first. */
export function rank(names: readonly string[], probabilities: readonly number[]): Candidate[] {
  return names
    .map((name, index) => ({ name, index, probability: probabilities[index] }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index);
}
