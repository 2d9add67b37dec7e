/** How long a run lasts, in steps: so many epochs, so many steps, or as many as fit into some minutes. */
import { UsageError } from "../engine/errors.ts";
import type { Settings } from "./settings.ts";
import type { Snapshot, Trainer } from "./trainer.ts";

/** Seconds for which the speed is measured, unless the budget is short. */
const MEASURED = 2;
/** The part of the budget that measuring may take. */
const MEASURED_SHARE = 0.1;
/** What is planned for; the rest is for checkpoints and for a machine that gets slower. */
const PLANNED_SHARE = 0.95;

/** Steps of a run without a time limit. */
export function plannedSteps({ epochs, steps }: Settings, stepsPerEpoch: number): number {
  return Math.min(epochs * stepsPerEpoch, steps ?? Number.POSITIVE_INFINITY);
}

/**
 * Steps that fit into `minutes`, as measured: some steps are run, timed and undone, and one validation.
 * @param everything all that a step changes
 * @param validate one pass over the validation samples
 * @param started when the budget began, in milliseconds of `performance.now()`
 * @throws UsageError when not even one step fits
 */
export async function measuredSteps(
  minutes: number,
  trainer: Trainer,
  everything: Snapshot,
  validate: () => Promise<unknown>,
  started: number,
): Promise<number> {
  const seconds = minutes * 60;
  const until = performance.now() + 1000 * Math.min(MEASURED, seconds * MEASURED_SHARE);
  const times: number[] = [];
  let last = performance.now();
  trainer.start(1);
  while (times.length < LEAST_STEPS || performance.now() < until) {
    await trainer.run(() => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      return times.length < LEAST_STEPS || now < until;
    });
    if (trainer.isEpochOver) trainer.start(1);
  }
  everything.restore();
  trainer.state.step = 0;
  const before = performance.now();
  await validate();
  const validation = (performance.now() - before) / 1000;

  // The first step may have waited for code to be compiled.
  const step = times.slice(1).reduce((sum, time) => sum + time, 0) / (times.length - 1) / 1000;
  const left = seconds * PLANNED_SHARE - (performance.now() - started) / 1000;
  const epoch = trainer.stepsPerEpoch * step + validation;
  const fit =
    Math.floor(left / epoch) * trainer.stepsPerEpoch + Math.floor(Math.max(0, (left % epoch) - validation) / step);
  if (!(fit >= 1))
    throw new UsageError((option) => `${option("minutes")}: not one step fits into ${minutes}; give more`);
  return fit;
}

const LEAST_STEPS = 3;
