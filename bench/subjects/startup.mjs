/** What comes before the first step: starting the command, compiling a training step, and V8's translation of it. */
import { availableParallelism } from "node:os";
import { DUCTUS, nodeScript, run, runJson } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { TUTORIAL_NETWORKS } from "../lib/tasks.mjs";
import { median } from "../lib/timing.mjs";
import { OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "the time before the first step, in fresh processes",
  about: `Nothing is kept on disk between processes, so the second one is like the first. "until full speed" is what the
first steps take longer than later ones: V8 translates a program quickly first and well while it runs.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    threads: OPTIONS.threads(),
    rounds: OPTIONS.rounds("3", "processes of each kind, of which the median is shown"),
  },
  examples: ["--networks cnn-3x3 --rounds 5"],

  async measure({ networks, threads, rounds }, say) {
    const starts = { "ductus --help": [], "ductus --version": [], "node alone": [] };
    say("starting …");
    for (let turn = 0; turn < 2 * rounds; turn++) {
      starts["ductus --help"].push((await run([...DUCTUS, "--help"])).seconds);
      starts["ductus --version"].push((await run([...DUCTUS, "--version"])).seconds);
      starts["node alone"].push((await run([process.execPath, "-e", "0"])).seconds);
    }
    const compiled = [];
    for (const network of networks) {
      say(`${network} …`);
      const [whole, plans] = [[], []];
      for (let turn = 0; turn < rounds; turn++) {
        whole.push((await runJson(nodeScript("children/compile.mjs", network, threads))).result);
        plans.push((await runJson(nodeScript("children/compile.mjs", network, threads, "plan"))).result);
      }
      compiled.push({ network, whole, plans });
    }
    return { starts, compiled };
  },

  format({ starts, compiled }) {
    const ms = (value) => String(Math.round(value));
    const started = Object.entries(starts).map(([name, times]) => [name, ms(1000 * median(times))]);
    const rows = compiled.map(({ network, whole, plans }) => {
      const of = (name) => median(whole.map((one) => one[name]));
      const plan = median(plans.map((one) => one.plan));
      const encode = of("compile") - plan - of("v8");
      const times = [of("trace"), plan, encode, of("v8"), of("total"), of("first"), of("steady"), of("lost")];
      return [network, ...times.map(ms), figure(of("bytes") / 1024)];
    });
    const heads = [
      "trace",
      "plan",
      "encode",
      "V8",
      "together",
      "first step",
      "later ones",
      "until full speed",
      "KiB of code",
    ];
    return `${table([["start to end of a process", "ms"], ...started])}\n
a training step, ms (${availableParallelism()} cores)\n${table([["network", ...heads], ...rows])}`;
  },
};
