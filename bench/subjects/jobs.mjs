/** Whole jobs: from the start of a process to a test accuracy, over several seeds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../dist/engine/errors.js";
import { DUCTUS, pythonScript, runJson } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { median } from "../lib/timing.mjs";
import { names, number, numbers, OPTIONS } from "../lib/usage.mjs";
import { KEEP_PAGES } from "../peers/peers.mjs";

/** Commands as words; `{seed}`, `{threads}` and `{out}` (a folder that is thrown away) are filled in. */
const JOBS = {
  ductus: [...DUCTUS, ..."train --recipe fast --json --seed {seed} --threads {threads} --out {out}".split(" ")],
  pytorch: pythonScript("peers/fast_pytorch.py", ..."fast --seed {seed} --threads {threads}".split(" ")),
  "pytorch wide": pythonScript("peers/fast_pytorch.py", ..."wide --seed {seed} --threads {threads}".split(" ")),
};

export const subject = {
  summary: "whole jobs, from the start of a process to a test accuracy",
  about: `ductus: ductus train --recipe fast; pytorch: the same recipe there; "pytorch wide": one epoch of a wider network, the usual
way to 99 % with PyTorch. MNIST comes from DUCTUS_DATA. Reading, compiling and testing count.`,
  options: {
    jobs: {
      value: "a,b",
      default: "all",
      read: names("job", Object.keys(JOBS)),
      about: `of: ${Object.keys(JOBS).join(", ")}`,
    },
    command: {
      value: "TEXT",
      read: (_, text) => text,
      about: `one more job; {seed}, {threads} and {out} are filled in, and the last line that it prints is JSON with "accuracy"`,
    },
    seeds: { value: "a,b", default: "0,1,2,3,4,5,6,7,8,9", read: numbers(0), about: "seeds" },
    threads: OPTIONS.threads(),
    target: { value: "A", default: "0.99", read: number(0), about: "accuracy that counts as reached" },
  },
  examples: ["--seeds 0,1,2", '--jobs none --command "node dist/cli/main.js train --json --seed {seed} --out {out}"'],

  async measure({ jobs, command, seeds, threads }, say) {
    const chosen = jobs.map((name) => ({ name, words: JOBS[name] }));
    if (command !== undefined) chosen.push({ name: "command", words: command.trim().split(/\s+/) });
    if (chosen.length === 0) throw new UsageError("no job is left; --jobs names some, --command adds one");
    const folder = await mkdtemp(join(tmpdir(), "ductus-jobs-"));
    const runs = [];
    const notes = [];
    try {
      for (const seed of seeds) {
        for (const { name, words } of chosen) {
          const known = { seed, threads, out: join(folder, `${name}-${seed}`) };
          const filled = words.map((word) => word.replace(/\{(seed|threads|out)\}/g, (_, key) => known[key]));
          try {
            const { seconds, result } = await runJson(filled, KEEP_PAGES);
            const accuracy = result.test?.accuracy ?? result.accuracy;
            runs.push({ name, seed, seconds, accuracy });
            say(`${name}, seed ${seed}: ${figure(seconds)} s, ${accuracy}`);
          } catch (error) {
            notes.push(`${name}, seed ${seed}: ${error.message}`);
          }
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return { jobs: chosen.map(({ name }) => name), runs, notes };
  },

  format({ options, jobs, runs, notes }) {
    const percent = (accuracy) => `${(100 * accuracy).toFixed(2)} %`;
    const rows = jobs.flatMap((name) => {
      const own = runs.filter((run) => run.name === name);
      if (own.length === 0) return [];
      const [times, accuracies] = [own.map(({ seconds }) => seconds), own.map(({ accuracy }) => accuracy)];
      const reached = accuracies.filter((accuracy) => accuracy >= options.target).length;
      const accuracy = [Math.min(...accuracies), median(accuracies), Math.max(...accuracies)].map(percent);
      const time = [Math.min(...times), median(times), Math.max(...times)].map(figure);
      return [[name, ...time, ...accuracy, `${reached} of ${own.length}`]];
    });
    const heads = ["least s", "median", "most", "least accuracy", "median", "most", `≥ ${percent(options.target)}`];
    return [table([["job", ...heads], ...rows]), ...notes].join("\n");
  },
};
