/** `optim`: optimizers and schedules. An entry point, so the one place that may re-export. */
export { adam, adamW } from "../optim/adam.ts";
export { clipByNorm } from "../optim/clip.ts";
export { muon } from "../optim/muon.ts";
export type { Optimizer } from "../optim/optimizer.ts";
export { createOptimizer, OPTIMIZER_NAMES } from "../optim/registry.ts";
export { rmsprop } from "../optim/rmsprop.ts";
export { createSchedule, SCHEDULE_NAMES, type Schedule, type ScheduleSpec } from "../optim/schedules.ts";
export { sgd } from "../optim/sgd.ts";
