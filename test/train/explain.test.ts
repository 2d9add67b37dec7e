/** Explanations: layers and their values, evidence against integrals computed here, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, UsageError } from "../../src/engine/errors.ts";
import { relu, sigmoid } from "../../src/engine/ops/elementwise.ts";
import { Random } from "../../src/engine/random.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { exportOnnx } from "../../src/export/onnx.ts";
import { importModel } from "../../src/import/import-model.ts";
import { Model } from "../../src/models/model.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { writePixels } from "../../src/task/classify/ranking.ts";
import { ensembleOf } from "../../src/use/ensemble.ts";
import { Explainer, type ExplainOptions, type Explanation, explain } from "../../src/use/explain.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { Predictor } from "../../src/use/predict.ts";
import { averagedOver, shifts } from "../../src/use/test-time.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { MODELS } from "../export/models.ts";
import { softmax } from "../helpers/softmax.ts";

setPlatform(nodePlatform);

/** Dark strokes on light paper, by no hand: an arch of dots with a tail. */
const PICTURE: Picture = drawing(60, 80, (x, y) => Math.abs(Math.hypot(x - 30, y - 28) - 16) < 4 || (x > 40 && y > 30));

function drawing(width: number, height: number, isInk: (x: number, y: number) => boolean): Picture {
  const data = Uint8Array.from({ length: width * height }, (_, i) =>
    isInk(i % width, Math.floor(i / width)) && i < width * (height - 12) ? 20 : 240,
  );
  return { width, height, channels: 1, data };
}

/** ln p of every class for some inputs, one after the other. */
async function logProbabilities(model: Model, inputs: readonly Uint8Array[]): Promise<number[][]> {
  const backend = await nodePlatform.createBackend({ threads: 1 });
  const program = await backend.compile(inferenceGraph(model, 1));
  const found = inputs.map((pixels) => {
    writePixels(pixels, program.inputs.x, model.inputType);
    program.run();
    const logits = [...program.outputs.logits];
    const top = Math.max(...logits);
    const rest = Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0));
    return logits.map((value) => value - top - rest);
  });
  await backend.close();
  return found;
}

async function explained(model: Model, options?: ExplainOptions): Promise<Explanation> {
  return explain(model, PICTURE, options);
}

const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
const layerOf = ({ layers }: Explanation, name: string): Explanation["layers"][number] => {
  const found = layers.find((layer) => layer.name === name);
  if (found === undefined) throw new Error(`no layer ${name} among ${layers.map((layer) => layer.name).join(", ")}`);
  return found;
};

/** Weights as training leaves them rather than as it finds them: answers that are sure of something. */
function sharpened(model: Model): Model {
  const parameters = [...model.network.namedParameters()].filter(([, { data }]) => data instanceof Float32Array);
  const [, last] = parameters.filter(([, { shape }]) => shape.length === 2).at(-1) ?? parameters[0];
  for (let i = 0; i < last.data.length; i++) last.data[i] *= 4;
  return model;
}

function digits(name: string): Model {
  const model = create(name, { seed: 3 });
  model.preprocessing = { ...MNIST_PREPROCESSING };
  return sharpened(model);
}

describe.each(ARCHITECTURES.map(({ name }) => name))("%s", (name) => {
  let model: Model;
  let found: Explanation;
  beforeAll(async () => {
    model = digits(name);
    found = await explained(model);
  });

  it("is read as a predictor reads it", async () => {
    const predictor = await Predictor.open(model);
    const { ranking } = predictor.predict(PICTURE);
    await predictor.close();
    expect(found.ranking.map(({ name: label }) => label)).toEqual(ranking.map(({ name: label }) => label));
    for (const [k, { probability }] of ranking.entries()) {
      expect(found.ranking[k].probability).toBeCloseTo(probability, 6);
    }
    expect(found).toMatchObject({ name: ranking[0].name, about: ranking[0] });
  });

  it("has the layers of its summary, in their order; the last gives the answer", () => {
    // Dropout computes nothing once a network is trained.
    const rows = model.summary().rows.filter((row) => !row.description.startsWith("Dropout"));
    expect(found.layers.map((layer) => layer.name.replace(/_\d+$/, ""))).toEqual(rows.map((row) => row.name));
    expect(found.layers.map(({ shape }) => shape)).toEqual(rows.map(({ outputShape }) => outputShape));
    expect(found.layers.map(({ kind }) => kind)).toEqual(rows.map((row) => row.description.replace(/\(.*/, "")));
    expect(new Set(found.layers.map((layer) => layer.name)).size).toBe(rows.length);
    for (const { shape, values } of found.layers) expect(values).toHaveLength(shape.reduce((a, b) => a * b));
    const probabilities = softmax(found.layers[found.layers.length - 1].values);
    for (const { index, probability } of found.ranking) expect(probabilities[index]).toBeCloseTo(probability, 6);
  });

  it("finds evidence that adds up to the difference to a picture without ink", async () => {
    const [seen, black] = await logProbabilities(model, [found.seen, new Uint8Array(found.seen.length)]);
    const wanted = seen[found.index] - black[found.index];
    expect(Math.abs(total(found.evidence) - wanted)).toBeLessThan(0.03 * Math.max(1, Math.abs(wanted)));
    expect(found.evidence).toHaveLength(28 * 28);
  });
});

it("finds the evidence that an integral by hand gives: a linear network", async () => {
  const [height, width, classes] = [4, 5, 3];
  const random = new Random(2, "user");
  const model = new Model(new Sequential(new Flatten(), new Linear(height * width, classes)), {
    inputShape: [height, width, 1],
    classes,
    preprocessing: { kind: "resize", height, width, channels: 1, invert: false },
  });
  const [weight, bias] = [...model.network.namedParameters()].map(([, { data }]) => data);
  for (const data of [weight, bias]) for (let i = 0; i < data.length; i++) data[i] = random.between(-1, 1);
  const picture: Picture = {
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: 20 }, () => random.integer(256)),
  };

  for (const asked of [undefined, "0", "1", "2"]) {
    const found = await explain(model, picture, { class: asked });
    expect(found.seen).toEqual(picture.data);
    // xᵢ ∫ (W_ci − Σ_k p_k(αx) W_ki) dα
    const x = [...picture.data].map((byte) => byte / 255);
    const logit = (k: number, strength: number): number =>
      x.reduce((sum, value, i) => sum + strength * value * weight[k * x.length + i], bias[k]);
    const c = found.about.index;
    const PIECES = 2000;
    const wanted = x.map(() => 0);
    for (let piece = 0; piece < PIECES; piece++) {
      const p = softmax([0, 1, 2].map((k) => logit(k, (piece + 0.5) / PIECES)));
      for (const [i, value] of x.entries()) {
        const mean = p.reduce((sum, share, k) => sum + share * weight[k * x.length + i], 0);
        wanted[i] += (value * (weight[c * x.length + i] - mean)) / PIECES;
      }
    }
    for (const [i, value] of wanted.entries()) expect(found.evidence[i]).toBeCloseTo(value, 3);
    const most = Math.max(...wanted);
    for (const [i, value] of wanted.entries()) expect(found.attention[i]).toBeCloseTo(Math.max(0, value) / most, 2);
    expect(found.about.name).toBe(asked ?? found.name);
  }
});

/** A user's own: a convolution, an activation and a shortcut in plain code, and a block of its own inside. */
class Own extends Module {
  readonly conv = new Conv2d(1, 2, 1);
  readonly block = new Block();
  readonly dropout = new Dropout(0.5);
  readonly flatten = new Flatten();
  readonly fc = new Linear(2 * 16, 2);

  forward(x: Tensor, context: Context): Tensor {
    const a = relu(this.conv.forward(x, context));
    const b = this.dropout.forward(this.block.forward(a, context), context);
    return this.fc.forward(this.flatten.forward(b.add(a), context), context);
  }
}

class Block extends Module {
  readonly conv = new Conv2d(2, 2, 1, { bias: false });

  forward(x: Tensor, context: Context): Tensor {
    return sigmoid(relu(this.conv.forward(x, context)).mul(0.5));
  }
}

function own(): Model {
  const preprocessing = { kind: "resize", height: 4, width: 4, channels: 1, invert: false };
  const options = { inputShape: [4, 4, 1], classes: ["a", "b"], preprocessing, seed: 5 };
  const model = new Model(new Own(), options);
  const weights = new Map([...model.network.namedParameters()].map(([name, { data }]) => [name, data]));
  weights.get("conv.weight")?.set([2, -1]);
  weights.get("conv.bias")?.set([-0.5, 0.25]);
  weights.get("block.conv.weight")?.set([1, 0, 0, -3]);
  return model;
}

const SMALL: Picture = { width: 4, height: 4, channels: 1, data: Uint8Array.from({ length: 16 }, (_, i) => i * 17) };
const ATTRIBUTES = Array.from({ length: 16 }, (_, i) => i / 15);

describe("a network of a user's own", () => {
  it("names what is computed outside of modules by its op, and has the numbers that it should have", async () => {
    const found = await explain(own(), SMALL);
    expect(found.layers.map(({ name, kind, shape }) => [name, kind, shape])).toEqual([
      ["conv", "Conv2d", [4, 4, 2]],
      ["relu", "ReLU", [4, 4, 2]],
      ["block.conv", "Conv2d", [4, 4, 2]],
      ["block.relu", "ReLU", [4, 4, 2]],
      ["block.sigmoid", "Sigmoid", [4, 4, 2]],
      ["add", "Add", [4, 4, 2]],
      ["flatten", "Flatten", [32]],
      ["fc", "Linear", [2]],
    ]);
    const wanted = (f: (x: number) => readonly number[]): number[] => ATTRIBUTES.flatMap(f);
    const close = (name: string, f: (x: number) => readonly number[]): void => {
      for (const [i, value] of wanted(f).entries()) expect(layerOf(found, name).values[i]).toBeCloseTo(value, 5);
    };
    const plus = (x: number): number => Math.max(0, x);
    const squash = (x: number): number => 1 / (1 + Math.exp(-x));
    close("conv", (x) => [2 * x - 0.5, 0.25 - x]);
    close("relu", (x) => [plus(2 * x - 0.5), plus(0.25 - x)]);
    close("block.conv", (x) => [plus(2 * x - 0.5), -3 * plus(0.25 - x)]);
    close("add", (x) => [squash(plus(2 * x - 0.5) / 2) + plus(2 * x - 0.5), 0.5 + plus(0.25 - x)]);
  });

  it("keeps names and numbers when it is loaded without its class, or comes from ONNX", async () => {
    const model = own();
    const before = await explain(model, SMALL);
    const { files } = await exportOnnx(model, "own");
    const others = [
      await load(await encodeModel(model)),
      await importModel(files.get("own.onnx") as Uint8Array, { name: "own.onnx" }),
    ];
    for (const other of others) {
      const found = await explain(other, SMALL);
      for (const [name, kind] of [
        ["conv", "Conv2d"],
        ["relu", "ReLU"],
        ["block.conv", "Conv2d"],
        ["sigmoid", "Sigmoid"],
        ["add", "Add"],
        ["fc", "Linear"],
      ] as const) {
        const same = layerOf(before, name === "sigmoid" ? "block.sigmoid" : name);
        const { kind: foundKind, shape, values } = layerOf(found, name);
        expect([foundKind, shape]).toEqual([kind, same.shape]);
        for (const [i, value] of same.values.entries()) expect(values[i]).toBeCloseTo(value, 5);
      }
      expect(found.layers.map(({ kind }) => kind)).toEqual([
        "Conv2d",
        "ReLU",
        "Conv2d",
        "ReLU",
        "Sigmoid",
        "Add",
        "Linear",
      ]);
      for (const [i, value] of before.evidence.entries()) expect(found.evidence[i]).toBeCloseTo(value, 4);
    }
  });
});

describe("networks with batch norm", () => {
  it("use running statistics, and leave them as they were", async () => {
    const model = MODELS["batch norm, 7,796 weights"]();
    const weights = new Map([...model.network.namedParameters()].map(([name, { data }]) => [name, [...data]]));
    const found = await explained(model);
    const of = (name: string): number[] => weights.get(`norm1.${name}`) as number[];
    const [mean, variance, scale, shift] = ["running_mean", "running_var", "weight", "bias"].map(of);
    const { values } = layerOf(found, "conv1");
    const norm = layerOf(found, "norm1");
    expect(norm.kind).toBe("BatchNorm2d");
    for (const [i, x] of values.entries()) {
      const c = i % mean.length;
      const wanted = ((x - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * scale[c] + shift[c];
      expect(Math.abs(norm.values[i] - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
    }
    for (const [name, { data }] of model.network.namedParameters()) expect([...data]).toEqual(weights.get(name));
  });

  it("explain pictures in color, one number for each pixel", async () => {
    const model = MODELS["colors, numbers as inputs"]();
    const random = new Random(9, "user");
    const data = Uint8Array.from({ length: 20 * 24 * 3 }, () => random.integer(256));
    const found = await explain(model, { width: 24, height: 20, channels: 3, data });
    expect(found.attention).toHaveLength(20 * 24);
    const [seen, black] = await logProbabilities(model, [found.seen, new Uint8Array(found.seen.length)]);
    const wanted = seen[found.index] - black[found.index];
    expect(Math.abs(total(found.evidence) - wanted)).toBeLessThan(0.05 * Math.max(1, Math.abs(wanted)));
  });
});

describe("models of models", () => {
  it("show the layers of every member, and of every view", async () => {
    const members = [digits("mlp"), digits("lenet5")];
    const together = await explained(ensembleOf(members));
    const names = together.layers.map(({ name }) => name);
    expect(names).toContain("members.0.fc1");
    expect(names).toContain("members.1.conv1");
    const alone = await explained(members[1]);
    expect(layerOf(together, "members.1.conv1").values).toEqual(layerOf(alone, "conv1").values);
    const views = await explained(averagedOver(digits("mlp"), shifts(1)));
    expect(views.layers.filter(({ name }) => /^fc1(_\d)?$/.test(name))).toHaveLength(9);
  });
});

describe("an explainer", () => {
  let explainer: Explainer;
  beforeAll(async () => {
    explainer = await Explainer.open(digits("cnn-strided"));
  });
  afterAll(() => explainer.close());

  it("answers about any class; what it answered before stays as it was", () => {
    const first = explainer.explain(PICTURE);
    const kept = [first.seen, first.evidence, first.attention, ...first.layers.map(({ values }) => values)];
    const copies = kept.map((values) => values.slice());
    const rival = first.ranking[1].name;
    const second = explainer.explain(PICTURE, { class: rival });
    expect(second.about).toEqual(first.ranking[1]);
    expect(second.ranking).toEqual(first.ranking);
    expect(second.evidence).not.toEqual(first.evidence);
    explainer.explain(drawing(50, 50, (x) => x > 20 && x < 26));
    expect(kept).toEqual(copies);
    expect(explainer.explain(PICTURE, { class: first.name }).evidence).toEqual(first.evidence);
    expect(explainer.explain(PICTURE)).toEqual(first);
  });

  it("gives attention from 0 to 1: the evidence for the class by its strongest pixel", () => {
    const { evidence, attention } = explainer.explain(PICTURE);
    const most = Math.max(...evidence);
    expect(Math.min(...evidence)).toBeLessThan(0);
    expect(attention).toEqual(evidence.map((value) => Math.max(0, value) / most));
    expect([Math.min(...attention), Math.max(...attention)]).toEqual([0, 1]);
  });

  it("gives no attention to a picture that is black all over, where that is no blank one", async () => {
    const { evidence, attention } = await explain(own(), { ...SMALL, data: new Uint8Array(16) });
    expect([...evidence, ...attention].every((value) => value === 0)).toBe(true);
  });

  it("refuses blank pictures and unknown classes", () => {
    const blank = drawing(40, 40, () => false);
    expect(() => explainer.explain(blank)).toThrow(DataError);
    expect(() => explainer.explain(blank)).toThrow(/blank/);
    expect(() => explainer.explain(PICTURE, { class: "77" })).toThrow(UsageError);
    expect(() => explainer.explain(PICTURE, { class: "77" })).toThrow(
      /unknown class "77"; (did you mean "7"|known: 0)/,
    );
  });

  it("refuses a model that does not say how pictures become its inputs", async () => {
    await expect(Explainer.open(create("mlp"))).rejects.toThrow(/does not say how pictures become its inputs/);
  });
});
