import type { Target } from "./fuzz-targets.mjs";

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  readonly first?: number;
  isRefusal(error: unknown): boolean;
  hear?(input: number, error: unknown): void;
}

export interface Found {
  readonly count: number;
  readonly accepted: number;
  readonly refused: number;
  readonly internal: number;
  /** Milliseconds of processor time, of a refusal. */
  readonly slowest: number;
  readonly peakMiB: number;
}

export function fuzz(target: Target, options: FuzzOptions): Promise<Found>;
