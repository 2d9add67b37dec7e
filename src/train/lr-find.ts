/**
 * The learning rate range test (Smith, arXiv 1506.01186): some steps of training while the rate grows from tiny to far too
 * large. Where the loss falls fastest the rate is good; where it stops falling it is too large. The model is left as it was.
 */
import type { Dataset } from "../data/dataset.ts";
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { checkSamples, refuseOneClass } from "./evaluate.ts";
import { type FitOptions, resolveSettings } from "./settings.ts";
import { DivergedError, Snapshot, Trainer } from "./trainer.ts";

export interface LrFindOptions
  extends Pick<
    FitOptions,
    "batchSize" | "optimizer" | "seed" | "loss" | "labelSmoothing" | "backend" | "threads" | "strict" | "signal"
  > {
  /** First rate; default 1e-6. */
  readonly from?: number;
  /** Last rate, unless the loss explodes before; default 10. */
  readonly to?: number;
  /** Steps between them; default 200. */
  readonly steps?: number;
  readonly onStep?: (step: number, steps: number) => void;
}

export interface LrPoint {
  readonly lr: number;
  /** Of one batch. */
  readonly loss: number;
  /** Running mean of the losses. */
  readonly smoothed: number;
}

export interface LrCurve {
  readonly points: readonly LrPoint[];
  /** Where the smoothed loss falls fastest, the suggestion; undefined when it never falls. */
  readonly suggestion: number | undefined;
  /** A tenth of the rate at which the smoothed loss is least: another rule of thumb. */
  readonly tenthOfLeast: number | undefined;
  /** Whether the loss exploded before the last rate. */
  readonly exploded: boolean;
}

/** Share of the past in the running mean. */
const SMOOTHING = 0.95;
/** The test ends when the smoothed loss is so many times its least. */
const EXPLODED = 4;
/** Steps at the start that say nothing yet: the running mean is still that of a few batches. */
const SKIPPED = 10;

/**
 * Trains for some steps with growing learning rates.
 * @throws UsageError when an option is out of range @throws DataError when the samples do not fit the model
 */
export async function findLr(model: Model, dataset: Dataset, options: LrFindOptions = {}): Promise<LrCurve> {
  const { from = 1e-6, to = 10, steps = 200, onStep, signal } = options;
  if (!(from > 0 && to > from && Number.isFinite(to))) {
    throw new UsageError(`the rates go from ${from} to ${to}; expected from above 0 and to above from`);
  }
  if (!(Number.isSafeInteger(steps) && steps >= 2 * SKIPPED)) {
    throw new UsageError(`steps is ${steps}; expected a whole number of at least ${2 * SKIPPED}`);
  }
  checkSamples(model, dataset);
  refuseOneClass(dataset);
  const settings = resolveSettings(model.recipe, options);
  const before = new Snapshot([...model.network.namedParameters()].map(([, parameter]) => parameter));
  const backend = options.backend ?? (await platform().createBackend(options));
  const trainer = new Trainer({ model, ...settings }, backend, dataset, {
    ...settings,
    lr: (step) => from * (to / from) ** ((step - 1) / (steps - 1)),
  });
  const points: LrPoint[] = [];
  let mean = 0;
  let least = Number.POSITIVE_INFINITY;
  let exploded = false;
  try {
    await trainer.compile();
    for (let epoch = 1; points.length < steps && !exploded && signal?.aborted !== true; epoch++) {
      trainer.start(epoch);
      await trainer.run(({ lr, loss, step }) => {
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss;
        const smoothed = mean / (1 - SMOOTHING ** step); // without the pull of the 0 that it began with
        points.push({ lr, loss, smoothed });
        least = Math.min(least, smoothed);
        exploded = step > SKIPPED && smoothed > EXPLODED * least;
        onStep?.(step, steps);
        return step < steps && !exploded && signal?.aborted !== true;
      });
    }
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    exploded = true;
  } finally {
    trainer.dispose();
    before.restore();
    if (options.backend === undefined) await backend.close();
  }
  return { points, exploded, ...suggest(points) };
}

/** The steepest descent of the smoothed loss over the logarithm of the rate, before its least value. */
export function suggest(points: readonly LrPoint[]): Pick<LrCurve, "suggestion" | "tenthOfLeast"> {
  const known = points.slice(SKIPPED);
  if (known.length < 3) return { suggestion: undefined, tenthOfLeast: undefined };
  const least = known.reduce((best, { smoothed }, i) => (smoothed < known[best].smoothed ? i : best), 0);
  let steepest = 0;
  let suggestion: number | undefined;
  for (let i = 1; i < least; i++) {
    const slope = (known[i + 1].smoothed - known[i - 1].smoothed) / Math.log(known[i + 1].lr / known[i - 1].lr);
    if (slope >= steepest) continue;
    steepest = slope;
    suggestion = known[i].lr;
  }
  return { suggestion, tenthOfLeast: suggestion === undefined ? undefined : known[least].lr / 10 };
}
