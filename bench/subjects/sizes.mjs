/** Images/s of `fit` as the data set grows. */
import { fit, models } from "../../dist/index.js";
import { syntheticSet } from "../lib/synthetic.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { median } from "../lib/timing.mjs";
import { number, numbers, OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "images/s of fit as the data set grows",
  about: `Made-up pictures as bytes in memory. Small sets are gone through several times, until --least images; the first
epoch, in which V8 still translates, does not count where there are more.`,
  options: {
    networks: OPTIONS.networks("mlp,separable"),
    images: { value: "n,m", default: "1000,10000,60000,600000", read: numbers(1), about: "sizes of the data set" },
    least: { value: "N", default: "60000", read: number(1, true), about: "images that a measurement goes through" },
    threads: OPTIONS.threads(),
    rounds: OPTIONS.rounds("1"),
  },
  examples: ["--networks cnn-3x3 --images 1000,60000", "--networks mlp --rounds 3"],

  async measure({ networks, images, least, threads, rounds }, say) {
    const rows = [];
    for (const network of networks) {
      const rates = images.map(() => []);
      for (let turn = 0; turn < rounds; turn++) {
        for (const [i, count] of images.entries()) {
          say(`${network}: ${figure(count)} images …`);
          rates[i].push(await imagesPerSecond(network, count, Math.max(1, Math.ceil(least / count)), threads));
        }
      }
      rows.push({ network, rates });
    }
    return { rows };
  },

  format({ options, rows }) {
    const body = rows.map(({ network, rates }) => {
      const all = rates.map(median);
      const spread = `${percent(Math.min(...all) / all[0])} … ${percent(Math.max(...all) / all[0])}`;
      return [network, ...all.map(figure), spread];
    });
    return table([["images/s by images", ...options.images.map(figure), "of the first"], ...body]);
  },
};

async function imagesPerSecond(network, count, epochs, threads) {
  const { history } = await fit(models.create(network), syntheticSet(count), { epochs, threads, seed: 0 });
  const counted = history.length > 1 ? history.slice(1) : history;
  return (counted.length * count) / counted.reduce((total, { seconds }) => total + seconds, 0);
}
