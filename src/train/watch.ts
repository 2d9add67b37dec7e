/**
 * What a run can be steered by: the measures of an epoch by name, with the direction in which each gets better. Early stopping and
 * the schedule "plateau" choose one of them here; fitting.ts says at the start which there are.
 */
import { UsageError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import type { Metric } from "../metrics/metric.ts";
import { createSchedule, type Schedule, type ScheduleSpec } from "../optim/schedules.ts";
import { measureOf } from "../task/score.ts";
import type { AnyTask, Primary } from "../task/task.ts";
import type { EpochResult } from "./results.ts";

/** A measure of an epoch. */
export interface Watchable {
  readonly name: string;
  /** Undefined for a metric of the user's own that does not say. */
  readonly better: Primary["better"] | undefined;
}

/** All measures of a run's epochs, the one first that counts unless another is asked for. */
export interface WatchableMeasures {
  readonly list: readonly Watchable[];
  /** Without validation samples there is the training loss alone. */
  readonly isValidated: boolean;
}

const LOSS: Primary = { name: "loss", better: "lower" };

/** What the epochs of a run are measured by. @param metrics the user's own */
export function watchable(
  { primary, measures }: AnyTask,
  metrics: readonly Metric[] | undefined,
  isValidated: boolean,
): WatchableMeasures {
  const others = measures.filter(({ name }) => name !== primary.name);
  const own = (metrics ?? []).map(({ name, better }) => ({ name, better }));
  return { list: isValidated ? [primary, ...others, LOSS, ...own] : [LOSS], isValidated };
}

/**
 * The measure that is asked for, or the first one.
 * @param watcher what asks, which starts every message
 * @param better direction, where it is given; else the measure's own
 * @throws UsageError listing the measures there are, or when nobody knows which way the measure gets better
 */
export function watched(
  { list, isValidated }: WatchableMeasures,
  watcher: string,
  name: string | undefined,
  better?: Primary["better"],
): Primary {
  const found = name === undefined ? list[0] : list.find((measure) => measure.name === name);
  if (found === undefined) {
    const names = list.map((measure) => measure.name).join(", ");
    throw new UsageError(
      isValidated
        ? `${watcher}: there is no measure ${quote(String(name))} here; measured are ${names}`
        : `${watcher}: ${quote(String(name))} is measured on validation samples, and there are none; add some, or take ${names}`,
    );
  }
  const direction = better ?? found.better;
  if (direction !== undefined) return { name: found.name, better: direction };
  throw new UsageError(
    `${watcher}: nothing says whether more of ${quote(found.name)} is better; give the metric its \`better\`, "higher" or "lower"`,
  );
}

/** A measure of an epoch by its name; the training loss where it was not validated. 0 where it is not known: then the loss decides. */
export function watchedValue({ validation, trainingLoss }: EpochResult, name: string): number {
  if (validation !== undefined) return measureOf(validation, name) ?? 0;
  return name === "loss" ? trainingLoss : 0;
}

/** The same schedule; where it listens and does not say to what, or which way that gets better, this is filled in. */
export function listening(schedule: Schedule, measures: WatchableMeasures): Schedule {
  const spec = filledIn(schedule.spec, measures);
  return spec === schedule.spec ? schedule : createSchedule(spec);
}

function filledIn(spec: ScheduleSpec, measures: WatchableMeasures): ScheduleSpec {
  if (spec.name === "warmup" && spec.after !== undefined) {
    const after = filledIn(spec.after, measures);
    return after === spec.after ? spec : { ...spec, after };
  }
  // A mode alone means the loss or the accuracy.
  if (spec.name !== "plateau" || (spec.metric === undefined && spec.mode !== undefined)) return spec;
  const given = spec.mode && (spec.mode === "max" ? "higher" : "lower");
  const { name, better } = watched(measures, "schedule plateau", spec.metric, given);
  return { ...spec, metric: name, mode: better === "higher" ? "max" : "min" };
}
