/**
 * Learning rate schedules: the factor that an optimizer's rate is multiplied by at each step. Schedules are made from
 * plain data, a name and options, so that a run folder can record and a resumed run repeat them. All but "plateau" are
 * functions of the step alone.
 */
import { UsageError, unknownName } from "../engine/errors.ts";
import { power } from "../engine/power.ts";

/** What the learning rate is multiplied by, step by step. */
export interface Schedule {
  readonly spec: ScheduleSpec;
  /** Factor of step `step`, counted from 0, of `totalSteps`. */
  factor(step: number, totalSteps: number): number;
  /** Only schedules that listen to the validation have this. */
  readonly feedback?: Feedback | undefined;
}

/** The part of a schedule that remembers. */
export interface Feedback {
  /** Name of the measure that {@link observe} is to be given; default: the loss. */
  readonly metric?: string | undefined;
  /** Called with that measure of the validation, and its loss, after each epoch. */
  observe(metric: number, loss: number): void;
  /** What a resumed run needs. */
  state(): Readonly<Record<string, number>>;
  restore(state: Readonly<Record<string, number>>): void;
}

/** A schedule as data. Lengths in steps (batches), but for "plateau", which counts validations. */
export type ScheduleSpec =
  | { readonly name: "constant" }
  /** × gamma (default 0.1) every `every` steps. */
  | { readonly name: "step"; readonly every: number; readonly gamma?: number | undefined }
  /** Half a cosine from 1 to `end` (default 0) over the whole training; Loshchilov & Hutter, arXiv 1608.03983. */
  | { readonly name: "cosine"; readonly end?: number | undefined }
  | OneCycleSpec
  /** A line from `start` (default 0.01) to 1 in `steps` steps; after that, `after` (default constant), begun at its 0. */
  | {
      readonly name: "warmup";
      readonly steps: number;
      readonly start?: number | undefined;
      readonly after?: ScheduleSpec | undefined;
    }
  | PlateauSpec;

/** Smith & Topin, arXiv 1708.07120: up to the full rate, and down to almost nothing, by half cosines. */
export interface OneCycleSpec {
  readonly name: "oneCycle";
  /** Share of the steps on the way up; default 0.3. */
  readonly rise?: number | undefined;
  /** The first factor is 1/startDivisor; default 25. */
  readonly startDivisor?: number | undefined;
  /** The last is that over endDivisor; default 10,000. */
  readonly endDivisor?: number | undefined;
}

/** × gamma when a measure has not improved for more than `patience` validations; while it stays the very same, a lower loss counts. */
export interface PlateauSpec {
  readonly name: "plateau";
  /**
   * What is watched: a measure of the task, `loss`, or one of the user's metrics. Default: with a mode alone the loss ("min") or
   * the accuracy ("max"); else `fit` takes the task's primary measure, or the training loss without validation samples.
   */
  readonly metric?: string | undefined;
  /** Whether it is to fall, "min", or to rise, "max". Default in `fit`: what its measure says; else "min". */
  readonly mode?: "min" | "max" | undefined;
  /** Default 0.1. */
  readonly gamma?: number | undefined;
  /** Default 10. */
  readonly patience?: number | undefined;
  /** Relative improvement that counts; default 1e-4. */
  readonly threshold?: number | undefined;
  /** Validations after a cut that do not count; default 0. */
  readonly cooldown?: number | undefined;
  /** The factor never falls below this; default 0. */
  readonly least?: number | undefined;
}

type SpecOf<Name extends ScheduleSpec["name"]> = Extract<ScheduleSpec, { readonly name: Name }>;
type Built = Omit<Schedule, "spec">;

// Names of options are listed to tell a mistyped one from one that is left out.
const SCHEDULES: {
  readonly [Name in ScheduleSpec["name"]]: {
    readonly options: readonly (keyof SpecOf<Name>)[];
    build(spec: SpecOf<Name>): Built;
  };
} = {
  constant: { options: [], build: () => ({ factor: () => 1 }) },
  step: { options: ["every", "gamma"], build: stepDecay },
  cosine: { options: ["end"], build: cosine },
  oneCycle: { options: ["rise", "startDivisor", "endDivisor"], build: oneCycle },
  warmup: { options: ["steps", "start", "after"], build: warmup },
  plateau: { options: ["metric", "mode", "gamma", "patience", "threshold", "cooldown", "least"], build: plateau },
};

/** The names that {@link createSchedule} knows. */
export const SCHEDULE_NAMES: readonly string[] = Object.keys(SCHEDULES);

/**
 * Makes a schedule from its description, or from its name alone.
 * @throws UsageError for an unknown name or option (with a suggestion) and for values out of range
 */
export function createSchedule(description: ScheduleSpec | ScheduleSpec["name"]): Schedule {
  const spec = (typeof description === "string" ? { name: description } : description) as ScheduleSpec;
  if (!Object.hasOwn(SCHEDULES, spec.name)) throw unknownName("schedule", String(spec.name), SCHEDULE_NAMES);
  const entry = SCHEDULES[spec.name];
  const known = entry.options as readonly string[];
  for (const option of Object.keys(spec)) {
    if (option !== "name" && !known.includes(option)) throw unknownName(`option of ${spec.name}`, option, known);
  }
  return { spec, ...entry.build(spec as never) };
}

function stepDecay({ every, gamma = 0.1 }: SpecOf<"step">): Built {
  inRange("step", "every", every, 1, Number.MAX_SAFE_INTEGER, true);
  inRange("step", "gamma", gamma, 0, 1);
  return { factor: (step) => power(gamma, Math.floor(step / every)) };
}

function cosine({ end = 0 }: SpecOf<"cosine">): Built {
  inRange("cosine", "end", end, 0, 1);
  return { factor: (step, total) => between(1, end, total > 0 ? step / total : 1) };
}

function oneCycle({ rise = 0.3, startDivisor = 25, endDivisor = 1e4 }: SpecOf<"oneCycle">): Built {
  inRange("oneCycle", "rise", rise, 0, 1);
  inRange("oneCycle", "startDivisor", startDivisor, 1, 1e9);
  inRange("oneCycle", "endDivisor", endDivisor, 1, 1e9);
  const start = 1 / startDivisor;
  return {
    factor: (step, total) => {
      const top = rise * total - 1; // PyTorch's: the last step of the way up
      const last = total - 1;
      if (step <= top) return top > 0 ? between(start, 1, step / top) : 1;
      return between(1, start / endDivisor, last > top ? (step - top) / (last - top) : 1);
    },
  };
}

function warmup({ steps, start = 0.01, after = { name: "constant" } }: SpecOf<"warmup">): Built {
  inRange("warmup", "steps", steps, 0, Number.MAX_SAFE_INTEGER, true);
  inRange("warmup", "start", start, 0, 1);
  const next = createSchedule(after);
  return {
    factor: (step, total) =>
      step < steps ? start + ((1 - start) * step) / steps : next.factor(step - steps, total - steps),
    feedback: next.feedback,
  };
}

function plateau(spec: SpecOf<"plateau">): Built {
  const { mode = "min", gamma = 0.1, patience = 10, threshold = 1e-4, cooldown = 0, least = 0 } = spec;
  if (mode !== "min" && mode !== "max") throw unknownName("mode of plateau", String(mode), ["min", "max"]);
  inRange("plateau", "gamma", gamma, 0, 1);
  inRange("plateau", "patience", patience, 0, Number.MAX_SAFE_INTEGER, true);
  inRange("plateau", "threshold", threshold, 0, 1);
  inRange("plateau", "cooldown", cooldown, 0, Number.MAX_SAFE_INTEGER, true);
  inRange("plateau", "least", least, 0, 1);
  // seen: whether `best` holds a metric yet. The state is finite numbers only, so that JSON can hold it.
  let state = { factor: 1, seen: 0, best: 0, loss: 0, bad: 0, cooling: 0 };
  const falls = (value: number, best: number): boolean => value < best * (1 - threshold);
  const rises = (value: number, best: number): boolean => value > best * (1 + threshold);
  const improves = (metric: number, loss: number): boolean =>
    Number.isFinite(metric) &&
    (state.seen === 0 ||
      (mode === "min" ? falls : rises)(metric, state.best) ||
      (metric === state.best && falls(loss, state.loss)));
  return {
    factor: () => state.factor,
    feedback: {
      metric: spec.metric ?? (mode === "max" ? "accuracy" : "loss"),
      observe(metric, loss) {
        if (improves(metric, loss)) state = { ...state, seen: 1, best: metric, loss, bad: 0 };
        else state = { ...state, bad: state.bad + 1 };
        if (state.cooling > 0) state = { ...state, cooling: state.cooling - 1, bad: 0 };
        if (state.bad > patience) {
          state = { ...state, factor: Math.max(state.factor * gamma, least), cooling: cooldown, bad: 0 };
        }
      },
      state: () => ({ ...state }),
      restore(saved) {
        // Older runs kept no loss: what is best so far is then found anew.
        const before = saved.loss === undefined ? { ...saved, loss: 0, seen: 0 } : saved;
        for (const name of Object.keys(state)) {
          if (!Number.isFinite(before[name])) throw new UsageError(`plateau: the saved state lacks ${name}`);
        }
        state = { ...state, ...before };
      },
    },
  };
}

/** Half a cosine from one value to another; `share` is how far along, 0 … 1. */
function between(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
}

function inRange(schedule: string, option: string, value: number, low: number, high: number, whole = false): void {
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return;
  const limit = high === Number.MAX_SAFE_INTEGER ? `at least ${low}` : `between ${low} and ${high}`;
  throw new UsageError(
    `schedule ${schedule}: ${option} is ${value} but must be ${whole ? "a whole number, " : ""}${limit}`,
  );
}
