/** Ductus as a contender: compiled programs, run in this process as `fit` and `Predictor` run them. */
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { VERSION } from "../../dist/platform/version.js";
import { prepare } from "./programs.mjs";
import { stepsPerSecond } from "./timing.mjs";

/** Long enough for V8 to replace its first, quick translation of a program. */
const WARM_UP = 0.4;
const TRIAL = 0.1;

/** Opens a task per kind of work. */
export class Ductus {
  name = "ductus";
  versions = { ductus: VERSION };
  #strict;
  #backends = new Map();

  constructor({ threads, strict = false }) {
    this.#strict = strict;
    /** For the report: threads and arithmetic. */
    this.description = this.#backend(threads).description;
  }

  /** Compiles the program of a task; `measure(seconds)` then gives images/s. */
  async open(task) {
    const counts = task.kind === "one image" ? [...new Set([task.threads, 1])] : [task.threads];
    let best = { rate: 0 };
    for (const threads of counts) {
      const opened = await prepare(task, this.#backend(threads));
      await stepsPerSecond(opened.step, WARM_UP);
      const rate = counts.length === 1 ? 1 : await stepsPerSecond(opened.step, TRIAL);
      if (rate > best.rate) {
        best.program?.dispose();
        best = { rate, threads, ...opened };
      } else opened.program.dispose();
    }
    const { step, program, threads } = best;
    return {
      note: counts.length === 1 ? undefined : `threads: ${threads}`,
      measure: async (seconds) => (await stepsPerSecond(step, seconds)) * task.batch,
      close: async () => program.dispose(),
    };
  }

  async close() {
    for (const backend of this.#backends.values()) await backend.close();
  }

  #backend(threads) {
    const backend = this.#backends.get(threads) ?? nodeWasmBackend({ threads, strict: this.#strict });
    this.#backends.set(threads, backend);
    return backend;
  }
}
