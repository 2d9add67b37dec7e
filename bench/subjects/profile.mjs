/** Where the time of each network goes, kernel by kernel, beside what the processor allows. */
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { openCeilings } from "../lib/ceiling.mjs";
import { prepare } from "../lib/programs.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { findKind, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { stepsPerSecond } from "../lib/timing.mjs";
import { number, OPTIONS } from "../lib/usage.mjs";
import { titleOf, workOf } from "../lib/work.mjs";

const WARM_UP = 0.6;

export const subject = {
  summary: "the kernels of whole networks beside what the processor allows",
  about: `The ceilings are taken in the same run, on one thread: multiply-adds that touch nothing but registers, and a copy of
memory far larger than the caches. Convolutions count as direct sums: Winograd's method may go beyond the ceiling.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    kinds: OPTIONS.kinds(),
    threads: OPTIONS.threads("1"),
    seconds: OPTIONS.seconds("1"),
    least: { value: "P", default: "1", read: number(0), about: "leaves out what takes less than P percent of a step" },
    strict: OPTIONS.strict(),
  },
  examples: ["--networks cnn-3x3", "--networks cnn-same --kinds inference --threads 2"],

  async measure({ networks, kinds, threads, seconds, strict }, say) {
    const backend = nodeWasmBackend({ threads, strict, profile: true });
    const measureCeilings = await openCeilings(strict);
    const profiles = [];
    for (const network of networks) {
      for (const kind of kinds) {
        say(`${network}: ${kind} …`);
        const ceilings = await measureCeilings(0.1, 3);
        profiles.push({ ...(await profileOf(taskOf(findKind(kind), network, threads), backend, seconds)), ceilings });
      }
    }
    await backend.close();
    return { backend: backend.description, profiles };
  },

  format({ options, backend, profiles }) {
    const parts = profiles.map(({ network, kind, batch, rate, milliseconds, groups, ceilings }) => {
      const head = `${network}, ${kind}, batch ${batch}: ${figure(rate)} images/s, ${figure(milliseconds)} ms a step`;
      const limits = `ceilings of a thread: ${figure(ceilings.flops)} GFLOP/s, ${figure(ceilings.bytes)} GB/s`;
      const shown = groups.filter(({ share }) => share * 100 >= options.least);
      const rows = shown.map(({ title, share, microseconds, gflops, gbytes }) => [
        title,
        percent(share),
        figure(microseconds),
        gflops === 0 ? "" : figure(gflops),
        gflops === 0 ? "" : percent(gflops / ceilings.flops),
        gbytes === 0 ? "" : figure(gbytes),
        gflops > 0 || gbytes === 0 ? "" : percent(gbytes / ceilings.bytes),
      ]);
      return `${head}\n${limits}\n${table([["kernel", "share", "µs", "GFLOP/s", "of it", "GB/s", "of it"], ...rows])}`;
    });
    return [`ductus runs as: ${backend}`, ...parts].join("\n\n");
  },
};

/** Time, work and speed of each group of a task's program, the largest first. */
async function profileOf(task, backend, seconds) {
  const { program, step } = await prepare(task, backend);
  await stepsPerSecond(step, WARM_UP);
  const before = program.profile();
  let steps = 0;
  const perSecond = await stepsPerSecond(() => {
    steps++;
    step();
  }, seconds);
  const groups = program.profile().map(({ group, seconds: spent }, g) => {
    const time = (spent - before[g].seconds) / steps;
    // Every thread does its part of a group; these are the speeds of one.
    const { flops, bytes } = group === undefined ? { flops: 0, bytes: 0 } : workOf(group);
    const speed = (amount) => (time === 0 ? 0 : amount / task.threads / time / 1e9);
    return {
      title: group === undefined ? "waiting for other threads" : titleOf(group),
      share: time * perSecond,
      microseconds: time * 1e6,
      gflops: speed(flops),
      gbytes: speed(bytes),
    };
  });
  program.dispose();
  const { network, kind, batch } = task;
  const milliseconds = 1000 / perSecond;
  const sorted = groups.sort((a, b) => b.share - a.share);
  return { network, kind, batch, rate: perSecond * batch, milliseconds, groups: sorted };
}
