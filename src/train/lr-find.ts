/**
 * The learning rate range test (Smith, arXiv 1506.01186): some steps of training while the rate grows from tiny to far too
 * large. Where the loss falls fastest the rate is good; where it stops falling it is too large. The model is left as it was.
 */
import { asDataset, type Dataset, type PairDataset } from "../data/dataset.ts";
import { UsageError } from "../engine/errors.ts";
import { power } from "../engine/power.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { AnyTask } from "../task/task.ts";
import { checkSamples } from "../use/evaluate.ts";
import { type LrCurve, type LrPoint, SKIPPED, suggest } from "./lr-curve.ts";
import { type FitOptions, resolveSettings } from "./settings.ts";
import { DivergedError, Snapshot, Trainer } from "./trainer.ts";

/** The range of rates that {@link findLr} tries, and how it trains. */
export interface LrFindOptions
  extends Pick<
    FitOptions,
    "batchSize" | "optimizer" | "seed" | "loss" | "labelSmoothing" | "backend" | "threads" | "strict" | "signal"
  > {
  /** First rate; default 1e-6. */
  readonly from?: number | undefined;
  /** Last rate, unless the loss explodes before; default 10. */
  readonly to?: number | undefined;
  /** Steps between them; default 200. */
  readonly steps?: number | undefined;
  readonly onStep?: ((step: number, steps: number) => void) | undefined;
}

/** Share of the past in the running mean. */
const SMOOTHING = 0.95;
/** The test ends when the smoothed loss is so many times its least. */
const EXPLODED = 4;

/**
 * Trains for some steps with growing learning rates.
 * @throws UsageError when an option is out of range @throws DataError when the samples do not fit the model
 */
export async function findLr<T extends AnyTask = Classify>(
  model: Model<T>,
  given: Dataset | PairDataset,
  options: LrFindOptions = {},
): Promise<LrCurve> {
  const dataset = asDataset(given);
  const { from = 1e-6, to = 10, steps = 200, onStep, signal } = options;
  if (!(from > 0 && to > from && Number.isFinite(to))) {
    throw new UsageError(
      (option) =>
        `the rates go from ${from} to ${to}; expected ${option("from")} above 0 and ${option("to")} above ${option("from")}`,
    );
  }
  if (!(Number.isSafeInteger(steps) && steps >= 2 * SKIPPED)) {
    throw new UsageError(
      (option) => `${option("steps")} is ${steps}; expected a whole number of at least ${2 * SKIPPED}`,
    );
  }
  checkSamples(model, dataset);
  model.task.refuse?.(dataset);
  const settings = resolveSettings(model, options);
  const backend = options.backend ?? (await platform().createBackend(options));
  // Weights may have been written since the backend saw them last.
  backend.push(model.network.parameters());
  const before = new Snapshot(backend, model.network.parameters());
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
        const smoothed = mean / (1 - power(SMOOTHING, step)); // without the pull of the 0 that it began with
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
