/** Transfer: what a trained network is worth for other data, from one label a class to all of them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../dist/engine/errors.js";
import { DUCTUS, runJson } from "../lib/processes.mjs";
import { table } from "../lib/table.mjs";
import { names, numbers, OPTIONS } from "../lib/usage.mjs";

const DATA = ["usps", "optdigits", "telugu-digits", "fashion-mnist"];

/** Words behind `ductus finetune MODEL --data …` by the name of the way. */
const WAYS = {
  "fine-tuned": ["--no-check"],
  "last layer": ["--freeze", "features*", "--no-check", "--no-compare"],
};

export const subject = {
  summary: "what a trained network is worth for other data",
  about: `A model trained on MNIST is fine-tuned on so many labels of each class, in whole and its last layer alone, and the same network is
trained from scratch on the same samples for as many steps. All are tested on the test split of the new data, and what the
old task has lost on MNIST's. What is trained is kept even where few labels do not show that it is better (--no-check).
Data come from DUCTUS_DATA.`,
  options: {
    base: {
      value: "FILE",
      read: (_, text) => text,
      about: "model file to start from (ductus train --model ductus-s --val 0)",
    },
    data: { value: "a,b", default: "all", read: names("data set", DATA), about: `of: ${DATA.join(", ")}` },
    shots: { value: "a,b", default: "1,5,10,100,0", read: numbers(0), about: "labels per class; 0 is all" },
    ways: { value: "a,b", default: "all", read: names("way", Object.keys(WAYS)), about: `of: ${Object.keys(WAYS)}` },
    seeds: { value: "a,b", default: "1,2,3", read: numbers(0), about: "seeds: which labels, and their order" },
    threads: OPTIONS.threads(),
  },
  examples: ["--base runs/mnist-ductus-s-1/best.safetensors --data usps --shots 10"],

  async measure({ base, data, shots, ways, seeds, threads }, say) {
    if (base === undefined) throw new UsageError("--base names the model file to start from");
    const folder = await mkdtemp(join(tmpdir(), "ductus-transfer-"));
    const runs = [];
    try {
      for (const name of data) {
        for (const count of shots) {
          for (const seed of seeds) {
            for (const way of ways) {
              const out = join(folder, `${runs.length}`);
              const some = count === 0 ? [] : ["--shots", count];
              const how = ["--seed", seed, "--threads", threads, "--json", "--out", out, "--old-data", "mnist"];
              const words = ["finetune", base, "--data", name, ...some, ...how, ...WAYS[way]];
              const { comparison, seconds } = (await runJson([...DUCTUS, ...words.map(String)])).result;
              runs.push({ data: name, shots: count, seed, way, seconds, ...comparison });
              say(`${name}, ${labels(count)}, seed ${seed}, ${way}: ${percent(comparison.finetuned.test)}`);
            }
          }
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return { runs };
  },

  format({ options, runs }) {
    const rows = options.data.flatMap((data) =>
      options.shots.map((shots) => {
        const own = runs.filter((run) => run.data === data && run.shots === shots);
        const all = (way, which) => own.filter((run) => run.way === way).flatMap((run) => which(run) ?? []);
        const lost = (way) => all(way, ({ base, finetuned }) => base.old - finetuned.old);
        return [
          data,
          labels(shots),
          spread(own.flatMap(({ base }) => base?.test ?? [])),
          ...options.ways.map((way) => spread(all(way, ({ finetuned }) => finetuned.test))),
          spread(own.flatMap(({ scratch }) => scratch?.test ?? [])),
          ...options.ways.map((way) => points(lost(way))),
        ];
      }),
    );
    const heads = [...options.ways, "from scratch", ...options.ways.map((way) => `MNIST lost: ${way}`)];
    return table([["data", "labels", "untouched", ...heads], ...rows], 2);
  },
};

const labels = (count) => (count === 0 ? "all" : `${count} a class`);
const percent = (share) => (100 * share).toFixed(1);
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean, and in brackets the least and the most where they differ. */
function spread(shares) {
  if (shares.length === 0) return "–";
  const [least, most] = [Math.min(...shares), Math.max(...shares)].map(percent);
  return least === most ? least : `${percent(mean(shares))} (${least}–${most})`;
}

const points = (shares) => (shares.length === 0 ? "–" : (100 * mean(shares)).toFixed(2));
