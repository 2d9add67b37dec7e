/** Drawings and photographs: digits written by hand-made strokes, in scenes that no training has seen. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { DataError, UsageError } from "../../dist/engine/errors.js";
import { Random } from "../../dist/engine/random.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { Predictor } from "../../dist/train/predict.js";
import { load } from "../../dist/train/trained-model.js";
import { drawDigit, SCENES, WAY_COUNT } from "../lib/drawn-digits.mjs";
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
    rounds: { value: "N", default: "5", read: number(1, true), about: `times all ${WAY_COUNT} ways to write a digit` },
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
      for (let k = 0; k < rounds * WAY_COUNT; k++) {
        const random = new Random(seed, "user", Object.keys(SCENES).indexOf(scene) * 10_000 + k);
        const { digit, bytes, extension } = await picture(k % WAY_COUNT, scene, random);
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

/** The drawing, seen by the scene's camera, as the bytes of a file. */
async function picture(way, sceneName, random) {
  const { digit, svg, width, height, scene } = drawDigit(way, sceneName, random);
  const { shadow = 0, noise = 0, blur = 0, jpeg } = scene;
  if (shadow === 0 && noise === 0 && blur === 0) {
    return { digit, bytes: await sharp(Buffer.from(svg)).png().toBuffer(), extension: "png" };
  }
  const drawn = sharp(Buffer.from(svg)).flatten();
  const { data: still } = await (blur > 0 ? drawn.blur(blur) : drawn).raw().toBuffer({ resolveWithObject: true });
  const data = moved(still, width, height, scene.moved ?? 0, random);
  const light = lightOf(scene, random);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const { factor, glare } = light(x / width, y / height);
      const grain = glare + noise * (random.uniform() + random.uniform() + random.uniform() - 1.5);
      for (let c = 0; c < 3; c++, i++) data[i] = Math.max(0, Math.min(255, data[i] * factor + grain));
    }
  }
  const seen = sharp(data, { raw: { width, height, channels: 3 } });
  const file = jpeg === undefined ? seen.png() : seen.jpeg({ quality: jpeg });
  return { digit, bytes: await file.toBuffer(), extension: jpeg === undefined ? "png" : "jpg" };
}

/**
 * How light falls on the page, at x and y from 0 to 1. A lamp leaves one side darker, and a shadow falls across along an edge, which is soft unless
 * the scene says so; the folds of crumpled paper have light and dark sides; a shining ground mirrors a lamp.
 */
function lightOf({ shadow = 0, shadowEdge = 14, crumpled = 0, glare = 0 }, random) {
  const [angle, edge] = [2 * Math.PI * random.uniform(), 0.2 + 0.6 * random.uniform()];
  const folds = Array.from({ length: crumpled > 0 ? 12 : 0 }, () => ({
    angle: Math.PI * random.uniform(),
    at: random.uniform() - 0.5,
    depth: crumpled * (random.uniform() - 0.5),
  }));
  const lamp = [random.uniform(), random.uniform()];
  return (x, y) => {
    const across = 0.5 + (x - 0.5) * Math.cos(angle) + (y - 0.5) * Math.sin(angle);
    let factor = 1 - shadow * (0.5 * across + 0.5 / (1 + Math.exp((edge - across) * shadowEdge)));
    for (const fold of folds) {
      const distance = (x - 0.5) * Math.cos(fold.angle) + (y - 0.5) * Math.sin(fold.angle) - fold.at;
      factor *= 1 + fold.depth * Math.sign(distance) * Math.exp(-Math.abs(distance) * 6);
    }
    const fromLamp = Math.hypot(x - lamp[0], y - lamp[1]);
    return { factor, glare: glare * Math.exp(-((fromLamp / 0.15) ** 2)) };
  };
}

/** The mean of what is seen along a short straight way, in parts of the height. */
function moved(data, width, height, by, random) {
  const steps = Math.round(by * height * random.uniform());
  if (steps < 2) return data;
  const angle = 2 * Math.PI * random.uniform();
  const out = Buffer.alloc(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) {
        let sum = 0;
        for (let s = 0; s < steps; s++) {
          const u = Math.max(0, Math.min(width - 1, Math.round(x + s * Math.cos(angle))));
          const v = Math.max(0, Math.min(height - 1, Math.round(y + s * Math.sin(angle))));
          sum += data[(v * width + u) * 3 + c];
        }
        out[i] = sum / steps;
      }
    }
  }
  return out;
}
