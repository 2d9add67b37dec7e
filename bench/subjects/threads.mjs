/** How much faster several threads are than one. */
import { contestOf } from "../lib/own.mjs";
import { figure, table } from "../lib/table.mjs";
import { findKind, KIND_NAMES, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { geometricMean, median } from "../lib/timing.mjs";
import { names, OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "several threads against one",
  about: "Rounds are interleaved: one thread, all, one, all, …",
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    kinds: {
      value: "a,b",
      default: "training",
      read: names("kind", KIND_NAMES),
      about: `of: ${KIND_NAMES.join(", ")}`,
    },
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("0.5"),
    rounds: OPTIONS.rounds("5"),
  },
  examples: ["--networks cnn-same --rounds 11"],

  async measure({ networks, kinds, threads, ...options }, say) {
    const cells = [];
    for (const network of networks) {
      for (const kind of kinds) {
        say(`${network}: ${kind} …`);
        const tasks = [1, threads].map((count) => taskOf(findKind(kind), network, count));
        const [one, all] = await contestOf(tasks, options);
        cells.push({ network, kind, one, all });
      }
    }
    return { cells };
  },

  format({ options, cells }) {
    const ratios = cells.map(({ one, all }) => median(all.map((rate, turn) => rate / one[turn])));
    const rows = cells.map(({ network, kind, one, all }, i) => [
      `${network}, ${kind}`,
      figure(median(one)),
      figure(median(all)),
      figure(ratios[i]),
    ]);
    const mean = ["geometric mean", "", "", figure(geometricMean(ratios))];
    return table([["images/s", "1 thread", `${options.threads} threads`, "×"], ...rows, mean]);
  },
};
