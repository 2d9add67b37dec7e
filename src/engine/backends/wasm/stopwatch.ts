/** Measures where the time of a program goes: the module calls `mark` after each kernel (program.ts). */
import type { Plan } from "../../passes/plan.ts";
import type { GroupTime } from "../backend.ts";
import { planGroups } from "./program.ts";

export class Stopwatch {
  readonly #groups: ReturnType<typeof planGroups>;
  /** Milliseconds by group; the last one is for waiting. */
  readonly #spent: Float64Array;
  #last = 0;

  constructor(plan: Plan) {
    this.#groups = planGroups(plan);
    this.#spent = new Float64Array(this.#groups.length + 1);
  }

  /** To be called when a run begins. */
  start(): void {
    this.#last = performance.now();
  }

  /** What has passed since the last mark was spent on a group; on waiting, if it is −1. */
  readonly mark = (group: number): void => {
    const now = performance.now();
    this.#spent[group < 0 ? this.#groups.length : group] += now - this.#last;
    this.#last = now;
  };

  times(): GroupTime[] {
    return Array.from(this.#spent, (ms, g) => ({ group: this.#groups[g], seconds: ms / 1000 }));
  }
}
