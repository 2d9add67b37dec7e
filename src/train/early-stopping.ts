/** A callback that ends a run when its epochs stop getting better. */
import { UsageError } from "../engine/errors.ts";
import { measureTitle } from "../task/measures.ts";
import type { Primary } from "../task/task.ts";
import type { Callback } from "./callbacks.ts";
import { watched, watchedValue } from "./watch.ts";

/** Epochs without improvement, unless it is said. */
export const PATIENCE = 3;

/** When {@link earlyStopping} ends a run. */
export interface EarlyStoppingOptions {
  /** Epochs without improvement; default 3. */
  readonly patience?: number | undefined;
  /**
   * What is watched on the validation samples: a measure of the task, `loss`, or one of the user's metrics that says which way
   * it gets better. Default: `task.primary`, such as accuracy; without validation samples the training loss.
   */
  readonly metric?: string | undefined;
  /** Improvements up to this do not count; default 0. */
  readonly minDelta?: number | undefined;
}

/**
 * Stops when a measure of the validation has not improved for `patience` epochs. While it stays the very same, as the share of
 * strings that are right does at 0, a lower loss counts.
 * @throws UsageError for options out of range, and at the start of a run that has no such measure
 */
export function earlyStopping(options: number | EarlyStoppingOptions = {}): Callback {
  const { patience = PATIENCE, metric, minDelta = 0 } = typeof options === "number" ? { patience: options } : options;
  if (!(Number.isSafeInteger(patience) && patience >= 1)) {
    throw new UsageError((option) => `${option("patience")} is ${patience}; expected a whole number of at least 1`);
  }
  if (!(minDelta >= 0))
    throw new UsageError((option) => `${option("minDelta")} is ${minDelta}; expected a number of at least 0`);
  // seen: whether `best` and `loss` hold values yet; all numbers stay finite, as a checkpoint wants them.
  let state = { seen: 0, best: 0, loss: 0, since: 0 };
  let measure: Primary = { name: "loss", better: "lower" };
  return {
    name: metric === undefined ? "earlyStopping" : `earlyStopping ${metric}`,
    memory: () => state,
    remember: ({ seen, best, loss, since }) => {
      // Older runs remembered the loss alone: what is best so far is then found anew.
      if (loss !== undefined) state = { seen, best, loss, since };
    },
    onStart: ({ measures }) => {
      measure = watched(measures, "earlyStopping", metric);
      state = { seen: 0, best: 0, loss: 0, since: 0 };
    },
    onEpoch: (epoch) => {
      const best = watchedValue(epoch, measure.name);
      const loss = watchedValue(epoch, "loss");
      const gain =
        best === state.best ? state.loss - loss : measure.better === "higher" ? best - state.best : state.best - best;
      const isBetter = Number.isFinite(best) && (state.seen === 0 || gain > minDelta);
      state = isBetter ? { seen: 1, best, loss, since: 0 } : { ...state, since: state.since + 1 };
      const moved = measure.better === "higher" ? "risen" : "fallen";
      if (state.since >= patience)
        epoch.stop(`the ${measureTitle(measure.name)} has not ${moved} for ${patience} epochs`);
    },
  };
}
