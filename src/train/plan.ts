/**
 * The plan of a run as a value: how many steps it has, the rate of each, and which epochs are plain. A run whose time is limited
 * measures its speed by one plan and then goes by another.
 */
import type { Schedule } from "../optim/schedules.ts";
import type { Settings } from "./settings.ts";
import type { Course } from "./trainer.ts";

export interface RunPlan extends Required<Course> {
  readonly totalSteps: number;
  readonly epochs: number;
}

/** @param settings with the schedule as it is followed, warmup included */
export function planRun(
  { lr, plainEpochs, schedule }: Pick<Settings, "lr" | "plainEpochs"> & { readonly schedule: Schedule },
  stepsPerEpoch: number,
  totalSteps: number,
): RunPlan {
  const epochs = Math.ceil(totalSteps / stepsPerEpoch);
  return {
    totalSteps,
    epochs,
    lr: (step) => lr * schedule.factor(step - 1, totalSteps),
    // The first epoch is never plain.
    isPlain: (epoch) => epoch > 1 && epoch > epochs - plainEpochs,
  };
}
