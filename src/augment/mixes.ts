/** Augmentations that mix two samples of a batch: their pictures, and their targets as probabilities of all outputs. */
import { power } from "../engine/power.ts";
import type { Random } from "../engine/random.ts";
import type { Frame } from "./workspace.ts";

/** A batch that is being mixed; one object, rewritten for each. */
export interface MixBatch {
  count: number;
  /** Pictures before and after. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Targets before and after, [count, width]. */
  readonly targetsBefore: Float32Array;
  targetsAfter: Float32Array;
  readonly width: number;
}

/** Changes sample `k` of the batch. */
export type Mix = (batch: MixBatch, k: number, random: Random) => void;

export function mixup(alpha: number, size: number): Mix {
  return (batch, k, random) => {
    const { count, before, after } = batch;
    const other = random.integer(count);
    const share = beta(random, alpha);
    const [to, from] = [k * size, other * size];
    for (let i = 0; i < size; i++) after[to + i] = Math.round(share * before[to + i] + (1 - share) * before[from + i]);
    mixTargets(batch, k, other, share);
  };
}

export function cutmix(alpha: number, { height, width, channels }: Frame): Mix {
  const size = height * width * channels;
  return (batch, k, random) => {
    const { count, before, after } = batch;
    const other = random.integer(count);
    const side = Math.sqrt(1 - beta(random, alpha));
    // The middle may lie anywhere; what is outside is cut off, and the share of the target follows what is left.
    const [top, bottom] = cut(random.integer(height), side * height, height);
    const [left, right] = cut(random.integer(width), side * width, width);
    for (let y = top; y < bottom; y++) {
      for (let i = (y * width + left) * channels; i < (y * width + right) * channels; i++) {
        after[k * size + i] = before[other * size + i];
      }
    }
    mixTargets(batch, k, other, 1 - ((bottom - top) * (right - left)) / (height * width));
  };
}

function cut(middle: number, length: number, size: number): [from: number, to: number] {
  const half = length / 2;
  return [Math.max(0, Math.round(middle - half)), Math.min(size, Math.round(middle + half))];
}

function mixTargets({ targetsBefore, targetsAfter, width }: MixBatch, k: number, other: number, share: number): void {
  for (let c = 0; c < width; c++) {
    const own = targetsBefore[k * width + c];
    targetsAfter[k * width + c] = share * own + (1 - share) * targetsBefore[other * width + c];
  }
}

/** Beta(alpha, alpha), as a ratio of gamma variates. */
function beta(random: Random, alpha: number): number {
  const x = gamma(random, alpha);
  return x / (x + gamma(random, alpha));
}

/** G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000). */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * Math.exp(Math.log(1 - random.uniform()) / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = power(1 + c * x, 3);
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
