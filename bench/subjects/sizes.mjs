/** Images/s of `fit` as the data set grows. */
import { fit, models } from "../../dist/index.js";
import { syntheticSet } from "../lib/synthetic.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { median } from "../lib/timing.mjs";
import { number, numbers, OPTIONS } from "../lib/usage.mjs";

/** Images before the watch starts: V8 has translated the step by then. */
const WARM_UP = 10_000;

export const subject = {
  summary: "images/s of fit as the data set grows",
  about: `Made-up pictures as bytes in memory. Every measurement is a run of fit that goes through the same number of images:
small sets many times, with all that comes between two epochs, large ones in part. Rounds are interleaved over the sizes.`,
  options: {
    networks: OPTIONS.networks("mlp,cnn-3x3,separable"),
    images: { value: "n,m", default: "1000,10000,60000,600000", read: numbers(1), about: "sizes of the data set" },
    through: { value: "N", default: "20000", read: number(1, true), about: "images of a measurement" },
    threads: OPTIONS.threads(),
    rounds: OPTIONS.rounds("3"),
  },
  examples: ["--networks cnn-3x3 --images 1000,60000", "--networks mlp --through 600000"],

  async measure({ networks, images, through, threads, rounds }, say) {
    const rows = networks.map((network) => ({ network, rates: images.map(() => []) }));
    say("making pictures …");
    const sets = images.map(syntheticSet);
    for (const { network, rates } of rows) {
      for (let turn = 1; turn <= rounds; turn++) {
        say(`${network}, round ${turn} …`);
        for (const [i, set] of sets.entries()) rates[i].push(await imagesPerSecond(network, set, through, threads));
      }
    }
    return { rows };
  },

  format({ options, rows }) {
    const body = rows.map(({ network, rates }) => {
      // Ratios of one round are the steadiest.
      const ratios = rates.map((list) => median(list.map((rate, turn) => rate / rates[0][turn])));
      const spread = `${percent(Math.min(...ratios))} … ${percent(Math.max(...ratios))}`;
      return [network, ...rates.map((list) => figure(median(list))), spread];
    });
    return table([["images/s by images", ...options.images.map(figure), "of the first"], ...body]);
  },
};

async function imagesPerSecond(network, set, through, threads) {
  let [seen, started, ended] = [0, { images: 0, time: 0 }, { images: 0, time: 0 }];
  const onStep = ({ count, stop }) => {
    seen += count;
    if (started.images === 0 && seen >= WARM_UP) started = { images: seen, time: performance.now() };
    if (seen >= WARM_UP + through && ended.images === 0) {
      ended = { images: seen, time: performance.now() };
      stop("measured");
    }
  };
  const epochs = Math.ceil((WARM_UP + through) / set.length) + 1;
  await fit(models.create(network), set, { epochs, threads, seed: 0, callbacks: [{ onStep }] });
  return ((ended.images - started.images) * 1000) / (ended.time - started.time);
}
