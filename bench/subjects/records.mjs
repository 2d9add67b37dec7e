/** What the recipes reach on the full MNIST: whole trainings by the command line, several seeds each. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DUCTUS, runJson } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { names, numbers, OPTIONS } from "../lib/usage.mjs";

/** What a published network is trained with instead of the recipe of its tutorial. */
const OURS = "--optimizer adamw --lr 0.003 --schedule oneCycle --augment digits --label-smoothing 0.05 --epochs 10";
/** … one of about a thousand parameters, which does not get as far as to learn by heart, and needs longer strides. */
const OURS_TINY = "--optimizer adamw --lr 0.03 --schedule oneCycle --epochs 30";
const PUBLISHED = {
  "cnn-5x5": OURS,
  "cnn-3x3": OURS,
  "cnn-5x3": OURS,
  separable: OURS_TINY,
  "separable-dilated": OURS_TINY,
  "cnn-same": OURS,
};

const OWN = ["ductus-micro", "ductus-s", "ductus-m", "ductus-l", "ductus-l5", "ductus-xl"];

/** Words behind `ductus train` by name. Nothing is put aside for validation, and the last weights are tested once. */
const RECORDS = {
  ...Object.fromEntries(OWN.map((name) => [name, `--model ${name} --val 0`])),
  ...Object.fromEntries(
    Object.entries(PUBLISHED).map(([name, how]) => [`${name} ours`, `--model ${name} --val 0 ${how}`]),
  ),
};

export const subject = {
  summary: "what the recipes reach on the full MNIST",
  about: `Each is trained with every seed on all 60,000 training pictures, and its last weights are tested once on the 10,000 of the
test split. MNIST comes from DUCTUS_DATA. "… ours" is a published network with our defaults instead of its tutorial's.`,
  options: {
    records: {
      value: "a,b",
      default: OWN.join(","),
      read: names("record", Object.keys(RECORDS)),
      about: `of: ${Object.keys(RECORDS).join(", ")}; or all`,
    },
    seeds: { value: "a,b", default: "1,2,3", read: numbers(0), about: "seeds" },
    threads: OPTIONS.threads(),
    keep: { value: "FOLDER", read: (_, text) => text, about: "keep the run folders in this folder" },
  },
  examples: ["--records ductus-s --seeds 1,2,3,4,5", "--records 'cnn-3x3 ours' --seeds 1"],

  async measure({ records, seeds, threads, keep }, say) {
    const folder = keep ?? (await mkdtemp(join(tmpdir(), "ductus-records-")));
    const runs = [];
    try {
      for (const name of records) {
        for (const seed of seeds) {
          const out = join(folder, `${name.replaceAll(" ", "-")}-${seed}`);
          const how = `--seed ${seed} --threads ${threads} --json --out`.split(" ");
          const { result } = await runJson([...DUCTUS, "train", ...RECORDS[name].split(" "), ...how, out]);
          const { steps, seconds, test } = result;
          runs.push({ name, seed, steps, seconds, accuracy: test.accuracy, wrong: test.count * (1 - test.accuracy) });
          say(`${name}, seed ${seed}: ${(100 * test.accuracy).toFixed(2)} %, ${figure(seconds)} s`);
        }
      }
    } finally {
      if (keep === undefined) await rm(folder, { recursive: true, force: true });
    }
    return { commands: Object.fromEntries(records.map((name) => [name, `ductus train ${RECORDS[name]}`])), runs };
  },

  format({ commands, runs }) {
    const rows = Object.keys(commands).map((name) => {
      const own = runs.filter((run) => run.name === name);
      const shares = own.map(({ accuracy }) => 100 * accuracy);
      const seconds = own.map((run) => run.seconds).sort((a, b) => a - b);
      const accuracies = shares.map((share) => share.toFixed(2)).join(" ");
      return [name, accuracies, figure(mean(shares)), deviation(shares), figure(seconds[seconds.length >> 1])];
    });
    return table([["record", "accuracy of each seed, %", "mean", "deviation", "s"], ...rows], 2);
  },
};

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** Standard deviation of a sample; of one value there is none. */
function deviation(values) {
  if (values.length < 2) return "–";
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1)).toFixed(2);
}
