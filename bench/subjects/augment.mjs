/** Images/s of training with and without augmentation. */
import { augmentBy } from "../../dist/augment/augment.js";
import { PRESET_NAMES, resolveAugmentations } from "../../dist/augment/presets.js";
import { models } from "../../dist/index.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { resolveSettings } from "../../dist/train/settings.js";
import { Trainer } from "../../dist/train/trainer.js";
import { syntheticSet } from "../lib/synthetic.mjs";
import { figure, percent, table } from "../lib/table.mjs";
import { median } from "../lib/timing.mjs";
import { names, number, OPTIONS } from "../lib/usage.mjs";

const NONE = "none";
/** Seconds before the watch starts: V8 has translated all loops by then. */
const WARM_UP = 1;

export const subject = {
  summary: "images/s of training with and without augmentation",
  about: `Made-up pictures as bytes in memory, the batch size and optimizer of each network's recipe (cnn-strided is that of --recipe fast).
Reading, shuffling and augmenting count. Rounds are interleaved: none, digits, …, none, digits, …`,
  options: {
    networks: OPTIONS.networks("cnn-3x3,cnn-strided,ductus-s,ductus-m"),
    presets: {
      value: "a,b",
      default: "digits",
      read: names("preset", PRESET_NAMES),
      about: `of: ${PRESET_NAMES.join(", ")}`,
    },
    images: { value: "N", default: "20000", read: number(1, true), about: "size of the data set" },
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("1"),
    rounds: OPTIONS.rounds("7"),
  },
  examples: ["--networks cnn-strided --rounds 15", "--presets digits,photos --threads 1"],

  async measure({ networks, presets, images, threads, seconds, rounds }, say) {
    const all = [NONE, ...presets.filter((preset) => preset !== NONE)];
    const set = syntheticSet(images);
    const rows = [];
    for (const network of networks) {
      say(`${network} …`);
      const backend = nodeWasmBackend({ threads });
      const trainers = [];
      for (const preset of all) trainers.push(await open(network, set, preset, backend));
      const rates = all.map(() => []);
      for (const trainer of trainers) await imagesPerSecond(trainer, WARM_UP);
      for (let turn = 0; turn < rounds; turn++) {
        for (const [i, trainer] of trainers.entries()) rates[i].push(await imagesPerSecond(trainer, seconds));
      }
      for (const trainer of trainers) trainer.dispose();
      await backend.close();
      rows.push({ network, rates });
    }
    return { presets: all, rows };
  },

  format({ presets, rows }) {
    const body = rows.map(({ network, rates: [plain, ...others] }) => [
      network,
      figure(median(plain)),
      ...others.flatMap((list) => [
        figure(median(list)),
        // Ratios of one round are the steadiest.
        percent(median(list.map((rate, turn) => rate / plain[turn]))),
      ]),
    ]);
    const heads = presets.slice(1).flatMap((preset) => [preset, "of none"]);
    return table([["images/s", NONE, ...heads], ...body]);
  },
};

/** A training of a network that can be gone on with at any time. */
async function open(network, set, preset, backend) {
  const model = models.create(network);
  const settings = resolveSettings(model, {});
  const augment = augmentBy(resolveAugmentations(preset, set.inputs.x.shape));
  // At a rate of 0 all steps work on the same numbers.
  const trainer = new Trainer({ model, ...settings }, backend, set, { ...settings, augment, lr: () => 0 });
  await trainer.compile();
  trainer.start(1);
  return trainer;
}

async function imagesPerSecond(trainer, seconds) {
  const started = performance.now();
  const end = started + 1000 * seconds;
  let images = 0;
  while (performance.now() < end) {
    if (trainer.isEpochOver) trainer.start(trainer.state.epoch + 1);
    await trainer.run(({ count }) => {
      images += count;
      return performance.now() < end;
    });
  }
  return (images * 1000) / (performance.now() - started);
}
