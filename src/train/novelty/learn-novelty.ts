/**
 * Learns the novelty score of a classifier of pictures (task/classify/novelty.ts) for fit-novelty.ts: a small network learns to tell
 * the classes and drawings of no class (strangers.ts) apart, and the least score that is refused is chosen so that a given share of
 * other known samples is refused. The classifier's weights are not looked at and stay as they are. The same data and seed give the
 * same score on every machine.
 */
import { type Dataset, ImageDataset } from "../../data/dataset.ts";
import { arraysFor } from "../../data/port.ts";
import { Random } from "../../engine/random.ts";
import { Model } from "../../models/model.ts";
import { ReLU } from "../../nn/activation.ts";
import { Conv2d } from "../../nn/conv.ts";
import { Flatten } from "../../nn/flatten.ts";
import { Linear } from "../../nn/linear.ts";
import { Sequential } from "../../nn/sequential.ts";
import type { Preprocessing } from "../../picture/preprocessing.ts";
import { platform } from "../../platform/platform.ts";
import { grayOf, NOVELTY_SIDE, Novelty, type NoveltyLayer, type NoveltyRecord } from "../../task/classify/novelty.ts";
import { preprocessingOf } from "../../use/predict.ts";
import { fit } from "../fit.ts";
import { alike } from "./alike.ts";
import { type Known, knownDrawing, stranger } from "./strangers.ts";

/** Known samples to learn from, at most, and others to choose the threshold by. */
const KNOWN = 12000;
const ASIDE = 5000;
/** Strangers that are drawn to see how many of them are refused. */
const DRAWINGS = 1000;
/** Each is learned from as it is and changed, few of them in many ways: so many in all, at least. As many strangers stand beside. */
const WAYS = 2;
const LEAST_LEARNED = 3000;
/** Of ten known samples that are changed, one is drawn anew, where its class can be. */
const DRAWN = 10;
/** Of three strangers, one is changed as known samples are. */
const CHANGED = 3;
/** Of more classes the network does not tell one from the other. */
const MOST_CLASSES = 64;
const CHANNELS = 16;
const HIDDEN = 32;
const TRAINING = { epochs: 12, batchSize: 128, optimizer: "adamw", lr: 0.004, schedule: "oneCycle" } as const;
/** How all samples are changed anew in each epoch, where they are of strokes; other pictures stay as they are. */
const AUGMENTED = { ink: "digits", resize: "none" } as const;

/**
 * Learns a score from samples of a model's classes. Those that it is not trained on choose the threshold.
 * @param share of known samples that is refused
 */
export async function learnNovelty(model: Model, known: Dataset, share: number, seed: number): Promise<NoveltyRecord> {
  const preprocessing = preprocessingOf(model);
  const order = new Random(seed, "split", 1).shuffle(Int32Array.from({ length: known.length }, (_, i) => i));
  const most = Math.min(KNOWN, Math.ceil(known.length * 0.6));
  const learned = samplesOf(model, known, order.subarray(0, most));
  const aside = samplesOf(model, known, order.subarray(most, most + ASIDE));
  const layers = await learn(learned, preprocessing, seed);
  // With the threshold at 0 first, to see the scores that known samples have.
  const found = { layers, ofStrokes: preprocessing.kind === "ink", share, samples: aside.count };
  const loose = new Novelty({ ...found, threshold: 0, strangers: 0 });
  const score = (pixels: Uint8Array): number => loose.score(pixels, [NOVELTY_SIDE, NOVELTY_SIDE, 1], 255);
  const scores = Float64Array.from({ length: aside.count }, (_, i) => score(aside.sample(i))).sort();
  const threshold = scores[Math.min(scores.length - 1, Math.floor((1 - share) * scores.length))];
  const drawing = new Random(seed, "synthesis", 4);
  const refused = Array.from(
    { length: DRAWINGS },
    (_, i) => score(stranger(drawing, i, aside, preprocessing)) > threshold,
  );
  const strangers = refused.filter(Boolean).length / DRAWINGS;
  return { ...found, threshold, strangers };
}

/** Some of the samples, as the novelty network gets them. */
function samplesOf(model: Model, dataset: Dataset, indices: Int32Array): Known {
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, 1);
  const size = NOVELTY_SIDE * NOVELTY_SIDE;
  const images = new Uint8Array(indices.length * size);
  const white = dataset.inputs.x.dtype === "float32" ? 1 : 255;
  for (let i = 0; i < indices.length; i++) {
    dataset.read(indices, i, 1, arrays);
    const gray = grayOf(arrays.x as ArrayLike<number>, model.inputShape, white);
    for (let k = 0; k < size; k++) images[i * size + k] = Math.min(255, Math.max(0, Math.round(255 * gray[k])));
  }
  const { label } = dataset;
  return {
    classes: model.classes,
    sample: (index) => images.subarray(index * size, (index + 1) * size),
    label: label && ((index) => label.call(dataset, indices[index])),
    count: indices.length,
  };
}

/** Trains the network and gives its layers. */
async function learn(known: Known, preprocessing: Preprocessing, seed: number): Promise<readonly NoveltyLayer[]> {
  const data = togetherOf(known, preprocessing, seed);
  const [C, half] = [CHANNELS, NOVELTY_SIDE / 4];
  const side = Math.ceil(half / 2);
  const layers = [
    new Conv2d(1, C, 5, { stride: 2, padding: 2 }),
    new Conv2d(C, 2 * C, 3, { stride: 2, padding: 1 }),
    new Conv2d(2 * C, 4 * C, 3, { stride: 2, padding: 1 }),
    new Linear(4 * C * side * side, HIDDEN),
    new Linear(HIDDEN, data.classes.length),
  ] as const;
  const [first, second, third, hidden, last] = layers;
  const [convolutions, dense] = [
    [first, new ReLU(), second, new ReLU(), third, new ReLU()],
    [hidden, new ReLU(), last],
  ];
  const network = new Sequential(...convolutions, new Flatten(), ...dense);
  const model = new Model(network, { inputShape: [NOVELTY_SIDE, NOVELTY_SIDE, 1], classes: data.classes, seed });
  const backend = await platform().createBackend({ strict: true });
  try {
    await fit(model, data, { ...TRAINING, seed, backend, augment: AUGMENTED[preprocessing.kind] });
    await backend.pull(network.parameters());
  } finally {
    await backend.close();
  }
  return layers.map((layer) => layerOf(layer, layer === hidden ? side * side : 1));
}

/**
 * A layer as it is kept. Weights are [outputs, inputs, …] and become [outputs, …, inputs].
 * @param places of a layer that gets a flattened picture, how many pixels that has
 */
function layerOf({ weight, bias }: Conv2d | Linear, places: number): NoveltyLayer {
  const [outputs, , kernel = 0] = weight.shape;
  const all = weight.data as Float32Array;
  const each = all.length / outputs;
  const area = kernel === 0 ? places : kernel * kernel;
  const inputs = each / area;
  const scales: number[] = [];
  const bytes = new Uint8Array(all.length);
  for (let output = 0; output < outputs; output++) {
    const row = all.subarray(output * each, (output + 1) * each);
    const scale = Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6) / 127);
    scales.push(scale);
    for (let k = 0; k < each; k++) {
      const [place, channel] = [Math.floor(k / inputs), k % inputs];
      bytes[output * each + k] = Math.round(row[channel * area + place] / scale) & 255;
    }
  }
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return { kernel, weights: btoa(letters), scales, bias: Array.from(bias?.data ?? []) };
}

/** Known samples and strangers, as data to train on; the last class are the strangers. */
function togetherOf(known: Known, preprocessing: Preprocessing, seed: number): ImageDataset {
  const { classes, count, label } = known;
  const isApart = label !== undefined && classes.length <= MOST_CLASSES;
  const names = Array.from({ length: isApart ? classes.length + 1 : 2 }, (_, k) => String(k));
  const ways = Math.max(WAYS, Math.ceil(LEAST_LEARNED / count));
  const size = NOVELTY_SIDE * NOVELTY_SIDE;
  const images = new Uint8Array(2 * ways * count * size);
  const labels = new Int32Array(2 * ways * count).fill(names.length - 1);
  const [changes, drawing] = [new Random(seed, "augment", 1), new Random(seed, "synthesis", 3)];
  for (let i = 0; i < ways * count; i++) {
    const index = Math.floor(i / ways);
    const own = label?.(index) ?? 0;
    labels[i] = isApart ? own : 0;
    images.set(sampleOf(index, i % ways, own, i), i * size);
    const other = stranger(drawing, i, known, preprocessing);
    images.set(i % CHANGED === 0 ? alike(other, changes.item(i, 1)) : other, (ways * count + i) * size);
  }
  return new ImageDataset({
    name: "known samples and strangers",
    images,
    labels,
    height: NOVELTY_SIDE,
    width: NOVELTY_SIDE,
    classes: names,
  });

  function sampleOf(index: number, way: number, own: number, i: number): Uint8Array {
    const pixels = known.sample(index);
    if (way === 0) return pixels;
    const drawn = index % DRAWN === 0 ? knownDrawing(drawing.item(i, 1), classes[own], preprocessing) : undefined;
    return drawn ?? alike(pixels, changes.item(i));
  }
}
