/** Measures where the time of a program goes: the module calls `mark` after each kernel (program.ts). */
import type { GroupTime } from "../backend.ts";

export class Stopwatch {
  readonly #groups: readonly GroupTime["group"][];
  /** Milliseconds by group; the last one is for waiting. */
  readonly #spent: Float64Array;
  #last = 0;

  /** @param groups those of a program, as their numbers go */
  constructor(groups: readonly GroupTime["group"][]) {
    this.#groups = groups;
    this.#spent = new Float64Array(groups.length + 1);
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
