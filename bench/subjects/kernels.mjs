/** Single kernels on one thread, beside what the processor allows. */
import { UsageError } from "../../dist/engine/errors.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { openCeilings } from "../lib/ceiling.mjs";
import { KERNEL_CASES } from "../lib/kernel-cases.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { stepsPerSecond } from "../lib/timing.mjs";
import { OPTIONS } from "../lib/usage.mjs";

/** Before each kernel's first measurement: V8 replaces its quick translation meanwhile. */
const WARM_UP = 0.1;

export const subject = {
  summary: "single kernels on one thread beside what the processor allows",
  about: "GFLOP/s of convolutions (counted as direct sums) and matrix products, GB/s of what walks through memory.",
  options: {
    only: { value: "TEXT", default: "", read: (_, text) => text, about: "the cases whose name contains TEXT" },
    seconds: OPTIONS.seconds("0.1"),
    rounds: OPTIONS.rounds("5", "measurements of each number, of which the best is shown"),
    strict: OPTIONS.strict(),
  },
  examples: ['--only "weight gradient"'],

  async measure({ only, seconds, rounds, strict }, say) {
    const chosen = KERNEL_CASES.filter(({ name }) => name.includes(only));
    if (chosen.length === 0) throw new UsageError(`no case contains "${only}"; without --only all are listed`);
    const backend = nodeWasmBackend({ threads: 1, strict });
    say("compiling …");
    const kernels = [];
    for (const { name, graph, flops, bytes } of chosen) {
      const program = await backend.compile(graph);
      fill(program.inputs);
      const unit = flops === undefined ? "bytes" : "flops";
      kernels.push({ name, unit, amount: (flops ?? bytes) / 1e9, program, rates: [] });
    }
    for (const { program } of kernels) await stepsPerSecond(() => program.run(), WARM_UP);
    const measureCeilings = await openCeilings(strict);
    const ceilings = { flops: [], bytes: [] };
    for (let turn = 1; turn <= rounds; turn++) {
      say(`round ${turn} …`);
      const now = await measureCeilings(seconds);
      for (const unit in ceilings) ceilings[unit].push(now[unit]);
      for (const { program, amount, rates } of kernels) {
        rates.push((await stepsPerSecond(() => program.run(), seconds)) * amount);
      }
    }
    for (const { program } of kernels) program.dispose();
    await backend.close();
    return {
      backend: backend.description,
      ceilings,
      kernels: kernels.map(({ name, unit, rates }) => ({ name, unit, rates })),
    };
  },

  format({ backend, ceilings, kernels }) {
    const tables = Object.entries(HEADS).map(([unit, { unit: heading, title, ceiling }]) => {
      const most = Math.max(...ceilings[unit]);
      // Whatever disturbs a kernel slows it down, so the best round is the nearest to the truth.
      const row = (name, rates) => [name, figure(Math.max(...rates)), percent(Math.max(...rates) / most)];
      const own = kernels.filter((kernel) => kernel.unit === unit).map(({ name, rates }) => row(name, rates));
      return `\n${title}\n${table([["kernel", heading, "of ceiling"], row(ceiling, ceilings[unit]), ...own])}`;
    });
    return [`ductus runs as: ${backend}`, ...tables].join("\n");
  },
};

const HEADS = {
  flops: { unit: "GFLOP/s", title: "kernels that compute", ceiling: "multiply-adds in registers" },
  bytes: {
    unit: "GB/s",
    title: "kernels that walk through memory (operands that fit into a cache may beat the copy)",
    ceiling: "copy of 64 MiB",
  },
};

/** Numbers of ordinary size: zeros would be kind to some kernels and subnormals unkind to all. */
function fill(inputs) {
  for (const values of Object.values(inputs))
    for (let i = 0; i < values.length; i++) values[i] = ((i * 7) % 13) / 13 + 0.1;
}
