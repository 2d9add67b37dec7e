/**
 * `node bench/kernels.mjs`: the speed of single kernels on one thread, beside what the processor allows in the same run.
 * The share of the ceiling says where there is something left to win.
 */
import { requireBuild } from "./lib/build.mjs";

requireBuild();
const { number, readOptions } = await import("./lib/usage.mjs");

const HELP = `Usage: node bench/kernels.mjs [options]

Measures single kernels on one thread: GFLOP/s of convolutions and matrix products, GB/s of what walks through memory.

  --only TEXT      the cases whose name contains TEXT
  --seconds S      of each measurement (default: 0.1)
  --rounds N       measurements of each number, of which the best is shown (default: 5)
  --strict         without fused multiply-add
  --json FILE      write all measurements to FILE
  --help           this text

Example:
  node bench/kernels.mjs --only "weight gradient"`;

const options = readOptions(
  HELP,
  {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "0.1" },
    rounds: { type: "string", default: "5" },
    strict: { type: "boolean", default: false },
    json: { type: "string" },
  },
  (given) => ({
    ...given,
    seconds: number("seconds", given.seconds, 0.001),
    rounds: number("rounds", given.rounds, 1, true),
  }),
);

const { benchmarkKernels, printKernels } = await import("./lib/kernels.mjs");
const { writeReport } = await import("./lib/report.mjs");
const results = await benchmarkKernels(options);
if (results.kernels.length === 0) {
  console.error(`error: no case contains "${options.only}"; without --only all are listed`);
  process.exit(2);
}
printKernels(results);
try {
  if (options.json !== undefined) await writeReport(options.json, results);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
