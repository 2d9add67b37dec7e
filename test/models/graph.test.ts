import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { DataError, DuctusError, ShapeError } from "../../src/engine/errors.ts";
import { softmax } from "../../src/engine/ops/activation.ts";
import { constant } from "../../src/engine/ops/constant.ts";
import { add, cast, div } from "../../src/engine/ops/elementwise.ts";
import { concat, pad } from "../../src/engine/ops/movement.ts";
import { mean, sum } from "../../src/engine/ops/reduce.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { type GraphJson, modelToJson, type StoredNode } from "../../src/models/graph-json.ts";
import { GraphModule, type NamedValues } from "../../src/models/graph-module.ts";
import { Model } from "../../src/models/model.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import { inferenceContext } from "../../src/nn/context.ts";
import { Embedding, Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { LSTM } from "../../src/nn/recurrent.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import type { AnyTask } from "../../src/task/task.ts";
import { TextInput } from "../../src/task/text-input.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { averaged } from "../helpers/sequence-models.ts";
import { everything } from "./everything.ts";

const weightsOf = (network: Module): Map<string, NamedValues> =>
  new Map([...network.namedParameters()].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));

/** The graph after a trip through a file. */
const stored = (model: Model): unknown => JSON.parse(JSON.stringify(modelToJson(model)));

async function logits(model: Model, batch: number): Promise<number[]> {
  const shape = [batch, ...model.inputShape];
  const graph = trace((tracer) => ({
    logits: model.logits(tracer.input("x", shape, "uint8", true), inferenceContext()),
  }));
  const program = await referenceBackend().compile(graph);
  program.inputs.x.set(program.inputs.x.map((_, i) => (i * 89 + 7) % 256));
  program.run();
  return [...program.outputs.logits];
}

/** The stored graph already begins with raw bytes, so nothing is normalized before it. */
const reload = async (model: Model, json: unknown): Promise<Model> =>
  new Model(await GraphModule.read(json, weightsOf(model.network)), {
    inputShape: model.inputShape,
    classes: model.classes,
    normalization: null,
  });

const TEXT = new TextInput(CharacterTokenizer.of("abcde"));
const READS = new Classify(TEXT, ["low", "high"]);
const GOES_ON = new Generate(TEXT);

/** A recurrent layer and attention over a text of any length: lengths alone, times others, and plus one. */
class Reader extends Module {
  readonly embedding = new Embedding(5, 6);
  readonly lstm = new LSTM(6, 3, { bidirectional: true });
  readonly dense = new Linear(6, 6);
  readonly head: Linear;
  readonly goesOn: boolean;

  constructor(goesOn: boolean) {
    super();
    this.goesOn = goesOn;
    this.head = new Linear(6, goesOn ? 5 : 2);
  }

  forward(x: Tensor, context: Context): Tensor {
    const [B, T] = x.shape;
    const lengths = context.inputs?.length;
    const embedded = this.lstm.sequence(this.embedding.forward(x, context), context, { lengths }).output;
    const rows = this.dense.forward(embedded.reshape([B * T, 6]), context).reshape([B, T, 6]);
    const ends = pad(concat([rows, embedded], 1), [
      [0, 0],
      [0, 1],
      [0, 0],
    ]); // [B, 2T + 1, 6]
    const attention = softmax(rows.matmul(ends.permute([0, 2, 1]))); // [B, T, 2T + 1]
    const mixed = attention.matmul(ends);
    if (this.goesOn) return this.head.forward(mixed, context);
    const length = cast(context.inputs?.length as Tensor, "float32").reshape([B, 1]);
    return this.head.forward(div(sum(mixed, [1]), add(length, T)), context);
  }
}

async function textLogits(model: Model<AnyTask>, batch: number, time: number): Promise<number[]> {
  const program = await referenceBackend().compile(inferenceGraph(model, batch, { time }));
  program.inputs.x.set(program.inputs.x.map((_, i) => (i * 7 + 3) % 5));
  program.inputs.length?.fill(time);
  program.run();
  return [...program.outputs.logits];
}

describe("a stored graph", () => {
  it("gives the same numbers at every batch size, without the network's class", async () => {
    const model = everything();
    const again = await reload(model, stored(model));
    for (const batch of [1, 2, 7]) expect(await logits(again, batch)).toEqual(await logits(model, batch));
  });

  it("with axes of any length gives the same numbers at all lengths and batch sizes", async () => {
    for (const task of [READS, GOES_ON]) {
      const model = new Model<AnyTask>(new Reader(task === GOES_ON), { task, seed: 3 });
      const json = JSON.parse(JSON.stringify(modelToJson(model)));
      const again = new Model<AnyTask>(await GraphModule.read(json, weightsOf(model.network)), { task });
      for (const batch of [1, 2, 5]) {
        for (const time of [1, 2, 7, 16, 33]) {
          const wanted = await textLogits(model, batch, time);
          expect(wanted.every(Number.isFinite)).toBe(true);
          expect(await textLogits(again, batch, time), `${batch} × ${time}`).toEqual(wanted);
        }
      }
      expect(JSON.parse(JSON.stringify(modelToJson(again)))).toEqual(json);
    }
  });

  it("with axes of any length keeps a mean over one of them", async () => {
    const model = averaged();
    const json = JSON.parse(JSON.stringify(modelToJson(model)));
    expect(JSON.stringify(json)).toContain(JSON.stringify({ inverse: [[1, "time"]] }));
    const again = new Model<AnyTask>(await GraphModule.read(json, weightsOf(model.network)), { task: model.task });
    for (const time of [1, 3, 16, 29]) {
      expect(await textLogits(again, 2, time)).toEqual(await textLogits(model, 2, time));
    }
  });

  it("with axes of any length stores lengths as sums of products, and refuses inputs that do not agree", async () => {
    const model = new Model<AnyTask>(new Reader(false), { task: READS, seed: 3 });
    const { nodes } = modelToJson(model);
    const shapes = nodes.filter(({ op }) => op === "input").map(({ attrs }) => [attrs.name, attrs.shape]);
    const batch = { batch: 1, plus: 0 };
    expect(Object.fromEntries(shapes)).toEqual({ input: [batch, { terms: [[1, "time"]] }], length: [batch] });
    expect(JSON.stringify(nodes)).toContain(JSON.stringify({ terms: [[1, "batch", "time"]] }));
    const network = await GraphModule.read(
      JSON.parse(JSON.stringify({ nodes, output: nodes.length - 1 })),
      weightsOf(model.network),
    );
    const context = { ...inferenceContext(), inputs: { length: constant([1, 2, 3], "int32") } };
    trace((tracer) => {
      const x = tracer.input("x", [2, 4], "int32", true);
      expect(() => network.forward(x, context)).toThrow(
        new ShapeError('graph: the input "length" is int32 [3] but must be int32 [batch]'),
      );
      expect(() => network.forward(x, inferenceContext())).toThrow(/^graph: the input "length" is missing/);
      return { x: cast(x, "float32") };
    });
  });

  it("keeps names, shapes and what is trained", async () => {
    const { network } = everything();
    const again = await GraphModule.read(stored(everything()), weightsOf(network));
    const described = (module: Module): unknown =>
      [...module.namedParameters()]
        .map(([name, { shape, dtype, requiresGrad }]) => [name, shape, dtype, requiresGrad])
        .sort();
    expect(described(again)).toEqual(described(network));
  });

  it("has its weights from input to output, in whatever order a file holds them", async () => {
    const model = create("lenet5", { inputShape: [16, 16, 1] });
    const names = async (weights: ReadonlyMap<string, NamedValues>): Promise<string[]> =>
      [...(await GraphModule.read(stored(model), weights)).namedParameters()].map(([name]) => name);
    const weights = weightsOf(model.network);
    const reversed = new Map([...weights].reverse());
    expect(await names(reversed)).toEqual([...weights.keys()]);
  });

  it("can be stored again, to the same JSON", async () => {
    const model = everything();
    expect(stored(await reload(model, stored(model)))).toEqual(stored(model));
  });

  it("exists for every named network", async () => {
    for (const { name } of ARCHITECTURES) {
      const model = create(name, { inputShape: [16, 16, 1] });
      const again = await reload(model, stored(model));
      expect(again.summary().multiplyAdds, name).toBe(model.summary().multiplyAdds);
    }
  });

  it("refuses a batch of something else", async () => {
    const network = await GraphModule.read(stored(everything()), weightsOf(everything().network));
    const x = (type: "int32" | "float32", shape: number[]): Tensor => constant(0, type, shape);
    expect(() => network.forward(x("int32", [1, 8, 8, 1]), inferenceContext())).toThrow(ShapeError);
    expect(() => network.forward(x("float32", [1, 9, 8, 1]), inferenceContext())).toThrow(/\[batch, 8, 8, 1\]/);
  });
});

describe("a graph that cannot be stored", () => {
  const storing = (forward: (x: Tensor) => Tensor) => () => {
    class Odd extends Module {
      override forward(x: Tensor): Tensor {
        return forward(x.reshape([x.shape[0], 4]));
      }
    }
    return modelToJson(new Model(new Odd(), { inputShape: [2, 2, 1], classes: 4 }));
  };

  it("says why", () => {
    expect(storing((x) => add(x, mean(x, 0)))).toThrow(/constant's value depends on the batch size/);
    expect(storing((x) => (x.shape[0] % 2 === 0 ? x : add(x, 1)))).toThrow(/depends on the batch size/);
    expect(storing((x) => add(x, new Parameter([4], new Float32Array(4))))).toThrow(/a parameter/);
    const hidden = new Parameter([4], new Float32Array(4));
    expect(storing((x) => add(x, hidden))).toThrow(/not a property of one of its modules/);
  });
});

describe("a hostile graph", () => {
  const model = create("lenet5", { inputShape: [16, 16, 1] });
  const good = modelToJson(model);
  const weights = weightsOf(model.network);
  const find = (op: string): number => good.nodes.findIndex((node) => node.op === op);

  /** The good graph with one node changed. */
  const withNode = (op: string, change: Partial<StoredNode>): GraphJson => ({
    ...good,
    nodes: good.nodes.map((node, i) => (i === find(op) ? { ...node, ...change } : node)),
  });
  const withAttr = (op: string, key: string, value: unknown): unknown =>
    withNode(op, { attrs: { ...good.nodes[find(op)].attrs, [key]: value } as StoredNode["attrs"] });

  it.each<[unknown, RegExp]>([
    [null, /nodes/],
    [{ nodes: [] }, /nodes/],
    [{ ...good, output: good.nodes.length }, /output/],
    [{ ...good, output: -1 }, /output/],
    [withNode("conv2d", { op: "conv3d" }), /unknown op "conv3d"; did you mean "conv2d"/],
    [withNode("conv2d", { op: "__proto__" }), /unknown op/],
    [withNode("conv2d", { op: "dropout" }), /for training only/],
    [withNode("conv2d", { inputs: [0] }), /inputs/],
    [withNode("conv2d", { inputs: [0, find("conv2d")] }), /earlier/],
    [withNode("conv2d", { inputs: [0, 1.5] }), /earlier/],
    [withNode("parameter", { attrs: { name: "nowhere", trainable: true } }), /"nowhere", which is missing/],
    [withAttr("conv2d", "stride", [0, 1]), /stride must be a whole number from 1/],
    [withAttr("conv2d", "stride", [1, 1, 1]), /stride must be a list of 2/],
    [withAttr("conv2d", "groups", "1"), /groups must be a whole number/],
    [withAttr("conv2d", "padding", [1e9, 0, 0, 0]), /padding/],
    [withAttr("conv2d", "padding", [60000, 60000, 60000, 60000]), /too many/],
    [withAttr("conv2d", "extra", 1), /"extra" that it does not take/],
    [withAttr("conv2d", "stride", undefined), /stride/],
    [withAttr("reshape", "shape", [{ batch: 1, plus: 0 }, 7]), /cannot make/],
    [withAttr("reshape", "shape", [{ batch: 1e300, plus: 0 }]), /shape/],
    [withAttr("permute", "order", [0, 0, 1, 2]), /no order/],
    [withAttr("input", "shape", [3, 16, 16, 1]), /no batch axis/],
    [withAttr("input", "dtype", "float64"), /dtype must be one of/],
    [withAttr("avgPool2d", "kernel", [64, 64]), /does not fit/],
  ])("%#: is refused in one line", async (json, message) => {
    const load = GraphModule.read(json, weights);
    await expect(load).rejects.toThrow(DataError);
    await expect(load).rejects.toThrow(message);
  });

  it("is never read with another error than a DataError", async () => {
    const text = JSON.stringify(good);
    const junk = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.integer({ min: -3, max: 40 }),
      fc.constantFrom("relu", "sum", "slice", "concat", "layerNorm", "NaN", "float32"),
    );
    const paths: (string | number)[][] = [];
    const collect = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value !== "object" || value === null) return;
      for (const [key, child] of Object.entries(value)) collect(child, [...path, key]);
    };
    collect(good, []);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(paths.length - 1), junk), { minLength: 1, maxLength: 3 }),
        async (changes) => {
          const json = JSON.parse(text);
          for (const [at, value] of changes) {
            const path = paths[at];
            const parent = path.slice(0, -1).reduce((node, key) => node?.[key], json);
            if (typeof parent === "object" && parent !== null) parent[path[path.length - 1]] = value;
          }
          try {
            await GraphModule.read(json, weights);
          } catch (error) {
            if (!(error instanceof DuctusError)) throw error;
            expect(error).toBeInstanceOf(DataError);
            expect(error.message).not.toContain("\n");
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
