/** Images/s as the batch grows. */
import { Ductus } from "../lib/ductus.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { findKind, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { median } from "../lib/timing.mjs";
import { numbers, OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "images/s as the batch grows",
  about: `Rounds are interleaved over the batch sizes. A fully connected layer reads its weights, and an optimizer all
parameters, once a batch, so larger batches may be faster; they should not be slower.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    kinds: OPTIONS.kinds(),
    batches: { value: "n,m", default: "32,64,128,256,512,1024", read: numbers(1), about: "samples of a step" },
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("0.4"),
    rounds: OPTIONS.rounds("3"),
  },
  examples: ["--networks cnn-3x3,separable"],

  async measure({ networks, kinds, batches, threads, seconds, rounds }, say) {
    const ductus = new Ductus({ threads });
    const rows = [];
    for (const network of networks) {
      for (const kind of kinds) {
        say(`${network}: ${kind} …`);
        const opened = [];
        for (const batch of batches) opened.push(await ductus.open(taskOf(findKind(kind), network, threads, batch)));
        const rates = batches.map(() => []);
        for (let turn = 0; turn < rounds; turn++) {
          for (const [i, { measure }] of opened.entries()) rates[i].push(await measure(seconds));
        }
        for (const { close } of opened) await close();
        rows.push({ network, kind, rates });
      }
    }
    await ductus.close();
    return { rows };
  },

  format({ options, rows }) {
    const body = rows.map(({ network, kind, rates }) => {
      const all = rates.map(median);
      // Ratios of one round are the steadiest.
      const ratios = rates.map((list) => median(list.map((rate, turn) => rate / rates[0][turn])));
      const spread = `${percent(Math.min(...ratios))} … ${percent(Math.max(...ratios))}`;
      return [`${network}, ${kind}`, ...all.map(figure), spread];
    });
    return table([["images/s by batch", ...options.batches.map(String), "of the first"], ...body]);
  },
};
