/** Drawings and photographs: digits written by hand-made strokes, in scenes that no training has seen. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, UsageError } from "../../dist/engine/errors.js";
import { Random } from "../../dist/engine/random.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { Predictor } from "../../dist/use/predict.js";
import { load } from "../../dist/use/trained-model.js";
import { WAYS } from "../lib/digit-strokes.mjs";
import { photograph } from "../lib/photograph.mjs";
import { SCENES } from "../lib/scenes.mjs";
import { table } from "../lib/table.mjs";
import { names, number } from "../lib/usage.mjs";

export const subject = {
  summary: "what a model makes of drawings and photographs",
  about: `Digits are drawn by strokes of our own, with other pens, papers and lights, and read as ductus predict reads a file.`,
  options: {
    model: { value: "FILE", read: (_, text) => text, about: "model file" },
    scenes: {
      value: "a,b",
      default: "all",
      read: names("scene", Object.keys(SCENES)),
      about: `of: ${Object.keys(SCENES).join(", ")}`,
    },
    rounds: {
      value: "N",
      default: "5",
      read: number(1, true),
      about: `times all ${WAYS.length} ways to write a digit`,
    },
    seed: { value: "N", default: "1", read: number(0, true), about: "of all that varies" },
    keep: { value: "FOLDER", read: (_, text) => text, about: "write the pictures there, wrong ones named so" },
  },
  examples: ["--model runs/mnist-ductus-s-1/best.safetensors", "--model m.safetensors --scenes photo --keep pictures/"],

  async measure({ model, scenes, rounds, seed, keep }, say) {
    if (model === undefined) throw new UsageError("--model names the model file");
    setPlatform(nodePlatform);
    const predictor = await Predictor.open(await load(model));
    const read = [];
    if (keep !== undefined) await mkdir(keep, { recursive: true });
    for (const scene of scenes) {
      for (let k = 0; k < rounds * WAYS.length; k++) {
        const random = new Random(seed, "user", Object.keys(SCENES).indexOf(scene) * 10_000 + k);
        const { digit, bytes, extension } = await photograph(k % WAYS.length, scene, random);
        const label = await readLabel(predictor, bytes);
        read.push({ scene, digit, read: label });
        const fate = label === String(digit) ? "right" : `wrong-${label}`;
        if (keep !== undefined) await writeFile(join(keep, `${scene}-${k}-${digit}-${fate}.${extension}`), bytes);
      }
      const own = read.filter((item) => item.scene === scene);
      say(`${scene}: ${own.filter(isRight).length} of ${own.length}`);
    }
    await predictor.close();
    return { read };
  },

  format({ options, read }) {
    const row = (name, about, items) => {
      const wrong = items.filter((item) => !isRight(item)).map(({ digit, read: label }) => `${digit}→${label}`);
      const share = (100 * (items.length - wrong.length)) / items.length;
      return [name, about, wrong.join(" "), String(items.length), share.toFixed(1)];
    };
    const rows = options.scenes.map((name) =>
      row(
        name,
        SCENES[name].about,
        read.filter(({ scene }) => scene === name),
      ),
    );
    return table([["scene", "", "wrong", "pictures", "right, %"], ...rows, row("together", "", read)], 3);
  },
};

/** The class that a model takes a file for, or "blank" where it finds no ink. */
async function readLabel(predictor, bytes) {
  try {
    return predictor.predict(await nodePlatform.decodePicture(bytes)).name;
  } catch (error) {
    if (error instanceof DataError) return "blank";
    throw error;
  }
}

const isRight = ({ digit, read }) => read === String(digit);
