/**
 * What options each augmentation takes, and what values they may have: the one table that is read by whoever checks a record or makes a
 * function of it, for pictures (augmentations.ts) and for lines of writing (line-changes.ts).
 */

import type { AugmentationName } from "./records.ts";
import { choice, interval, number, type Options, type Rules, symmetric } from "./rules.ts";

const SHARE = { min: 0, max: 1 };
const FACTOR = { min: 0.1, max: 10 };
const LEAN = { min: -60, max: 60 };
/** From two thirds on, a corner may come to lie inside of the triangle of the others. */
const MOST_DISTORTION = 0.6;
const PIXELS = { min: -16, max: 16 };
const always = number(SHARE, 1);
const halfOften = number(SHARE, 0.5);

export const RECORD_RULES = {
  rotate: { degrees: symmetric({ min: -180, max: 180 }), p: always },
  flip: { axis: choice(["horizontal", "vertical"], "horizontal"), p: halfOften },
  zoom: { scale: interval(FACTOR), aspect: interval(FACTOR, [1, 1]), p: always },
  shift: { x: symmetric({ min: -1, max: 1 }, [0, 0]), y: symmetric({ min: -1, max: 1 }, [0, 0]), p: always },
  shear: { x: symmetric(LEAN, [0, 0]), y: symmetric(LEAN, [0, 0]), p: always },
  perspective: { distortion: number({ min: 0, max: MOST_DISTORTION }), p: always },
  crop: { padding: number({ min: 0, max: 256, whole: true }), p: always },
  elastic: { alpha: interval({ min: 0, max: 10_000 }), sigma: number({ min: 0.5, max: 64 }), p: always },
  stroke: { radius: symmetric(PIXELS), p: always },
  blur: { sigma: interval({ min: 0, max: 16 }), p: always },
  brightness: { amount: symmetric({ min: -1, max: 1 }), p: always },
  contrast: { factor: interval({ min: 0, max: 10 }), p: always },
  noise: { std: interval(SHARE), p: always },
  erase: {
    area: interval(SHARE, [0.02, 0.2]),
    ratio: interval(FACTOR, [0.3, 3.3]),
    fill: choice(["noise", "ground"], "noise"),
    p: halfOften,
  },
  mixup: { alpha: number({ min: 0.05, max: 100 }, 0.2), p: always },
  cutmix: { alpha: number({ min: 0.05, max: 100 }, 1), p: always },
} as const satisfies Readonly<Record<AugmentationName, Rules>>;

/** The options of a record, read. */
export type RecordOptions<N extends AugmentationName> = Options<(typeof RECORD_RULES)[N]>;
