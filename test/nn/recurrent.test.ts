/** LSTM and GRU as modules: PyTorch's values forward and backward, names, states, lengths, dropout, and what is refused. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { ShapeError, UsageError } from "../../src/engine/errors.ts";
import { add, mul } from "../../src/engine/ops/elementwise.ts";
import { slice } from "../../src/engine/ops/movement.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import type { Shape } from "../../src/engine/shape.ts";
import { sizeOf } from "../../src/engine/shape.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { type Graph, type Tracer, trace } from "../../src/engine/trace.ts";
import { inferenceContext, trainingContext } from "../../src/nn/context.ts";
import { initialize } from "../../src/nn/init.ts";
import { GRU, LSTM, type RecurrentLayerOptions } from "../../src/nn/recurrent.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { formatSummary, summary } from "../../src/nn/summary.ts";
import { familyBackends } from "../helpers/backends.ts";
import { uniformNoise } from "../helpers/noise.ts";
import { runGraph } from "../helpers/run.ts";
import { difference } from "./evaluate.ts";

interface GoldenCase {
  readonly kind: "LSTM" | "GRU";
  readonly batch: number;
  readonly time: number;
  readonly features: number;
  readonly hidden: number;
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly bias: boolean;
  readonly states: boolean;
  readonly lengths: readonly number[] | null;
  readonly results: Readonly<Record<string, readonly number[]>>;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL("./golden/recurrent.json", import.meta.url), "utf8"),
);

const noise = (seed: number, shape: Shape): Float32Array => uniformNoise(seed, sizeOf(shape));

function make(kind: "LSTM" | "GRU", features: number, hidden: number, options: RecurrentLayerOptions): LSTM | GRU {
  const layer = kind === "LSTM" ? new LSTM(features, hidden, options) : new GRU(features, hidden, options);
  for (const [i, parameter] of layer.trainable().entries()) parameter.data.set(noise(100 + i, parameter.shape));
  return layer;
}

/** A layer's results for noise, and the gradients of their sum with random weights, by name. */
function graphOf(c: GoldenCase): { readonly graph: Graph; readonly feeds: Record<string, ArrayLike<number>> } {
  const { kind, batch, time, features, hidden, layers, bidirectional, bias } = c;
  const layer = make(kind, features, hidden, { numLayers: layers, bidirectional, bias });
  const feeds: Record<string, ArrayLike<number>> = {};
  const graph = trace((tracer) => {
    const given = (name: string, seed: number, shape: Shape): Tensor => {
      feeds[name] = noise(seed, shape);
      return tracer.input(name, shape, "float32", true);
    };
    const x = given("x", 1, [batch, time, features]);
    const states = [batch, layers * (bidirectional ? 2 : 1), hidden];
    const names = kind === "LSTM" ? ["hidden", "cell"] : ["hidden"];
    const first = c.states ? names.map((name, i) => given(`first ${name}`, 2 + i, states)) : [];
    if (c.lengths !== null) feeds["lengths"] = c.lengths;
    const lengths = c.lengths === null ? undefined : tracer.input("lengths", [batch], "int32", true);
    const results = Object.entries(
      layer.sequence(x, inferenceContext(), { hidden: first[0], cell: first[1], lengths } as object),
    ).sort(([a], [b]) => ["output", ...names].indexOf(a) - ["output", ...names].indexOf(b));
    const loss = results
      .map(([name, y], i) => sum(mul(y, given(`weights of ${name}`, 10 + i, y.shape))))
      .reduce((a, b) => add(a, b));
    const wanted = new Map<string, Tensor>([
      ["input", x],
      ...first.map((state, i) => [names[i], state] as const),
      ...layer.namedParameters(),
    ]);
    const grads = gradients(loss, [...wanted.values()]);
    return Object.fromEntries([
      ...results,
      ...[...wanted.keys()].map((name, i) => [`gradient of ${name}`, grads[i]] as const),
    ]);
  });
  return { graph, feeds };
}

const label = (c: GoldenCase): string =>
  `${c.kind}, ${c.layers} × ${c.hidden} of ${c.features} features, ${c.batch} × ${c.time} steps${
    c.bidirectional ? ", both directions" : ""
  }${c.bias ? "" : ", no bias"}${c.states ? ", first states" : ""}${c.lengths ? `, lengths ${c.lengths}` : ""}`;

describe.each(familyBackends)("PyTorch's values on $name", ({ make: makeBackend }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await makeBackend();
  });
  afterAll(() => backend?.close());

  it.each(golden.cases.map((c) => [label(c), c] as const))("%s", async (_, c) => {
    const { graph, feeds } = graphOf(c);
    const got = await runGraph(backend, graph, feeds, { runs: 2 });
    const gradientsByName = Object.entries(c.gradients).map(
      ([name, values]) => [`gradient of ${name}`, values] as const,
    );
    const wanted = [...Object.entries(c.results), ...gradientsByName];
    expect(Object.keys(got).sort()).toEqual(wanted.map(([name]) => name).sort());
    for (const [name, values] of wanted) expect(difference(got[name], values), name).toBeLessThan(1e-5);
  });
});

/** Runs what `build` traces on two samples of three steps and two features. */
async function run(build: (x: Tensor, tracer: Tracer) => Record<string, Tensor>, feeds: object = {}) {
  const backend = await familyBackends[1].make();
  const graph = trace((tracer) => build(tracer.input("x", [2, 3, 2], "float32", true), tracer));
  const got = await runGraph(backend, graph, { x: noise(1, [2, 3, 2]), ...feeds });
  await backend.close();
  return got;
}

describe("lengths", () => {
  it("of 0 give zeros and the state that came in; beyond the time they count as all of it", async () => {
    const layer = make("LSTM", 2, 3, { bidirectional: true }) as LSTM;
    const got = await run(
      (x, tracer) => {
        const [hidden, cell] = ["hidden", "cell"].map((name) => tracer.input(name, [2, 2, 3], "float32", true));
        const lengths = tracer.input("lengths", [2], "int32", true);
        const plain = layer.sequence(x, inferenceContext(), { hidden, cell });
        const { output, hidden: h, cell: c } = layer.sequence(x, inferenceContext(), { hidden, cell, lengths });
        return { output, h, c, plain: plain.output };
      },
      { hidden: noise(5, [2, 2, 3]), cell: noise(6, [2, 2, 3]), lengths: [0, 7] },
    );
    expect([...got.output.slice(0, 18)]).toEqual(new Array(18).fill(0));
    expect(got.output.slice(18)).toEqual(got.plain.slice(18));
    expect(got.h.slice(0, 6)).toEqual(noise(5, [2, 2, 3]).slice(0, 6));
    expect(got.c.slice(0, 6)).toEqual(noise(6, [2, 2, 3]).slice(0, 6));
  });
});

describe("states", () => {
  it.each(["LSTM", "GRU"] as const)(
    "carried from one part of a sequence to the next give the whole: %s",
    async (kind) => {
      const layer = make(kind, 2, 5, { numLayers: 2 }) as LSTM; // a GRU's cell state is undefined and not looked at
      const { whole, parts, end, endOfParts } = await run((x) => {
        const context = inferenceContext();
        const first = layer.sequence(slice(x, [{}, { end: 2 }]), context);
        const { hidden, cell } = first;
        const second = layer.sequence(slice(x, [{}, { start: 2 }]), context, { hidden, cell });
        const all = layer.sequence(x, context);
        return {
          whole: slice(all.output, [{}, { start: 2 }]),
          parts: second.output,
          end: all.hidden,
          endOfParts: second.hidden,
        };
      });
      expect(difference(parts, whole)).toBeLessThan(1e-6);
      expect(difference(endOfParts, end)).toBeLessThan(1e-6);
    },
  );
});

describe("dropout", () => {
  const outputs = (layer: LSTM, training: boolean) =>
    run(
      (x, tracer) => {
        const key = tracer.input("key", [2], "int32");
        return { y: layer.forward(x, training ? trainingContext(tracer, key) : inferenceContext()) };
      },
      training ? { key: [1, 2] } : {},
    );

  it("acts between layers while training, and nowhere else", async () => {
    const two = make("LSTM", 2, 8, { numLayers: 2, dropout: 0.5 }) as LSTM;
    expect((await outputs(two, true)).y).not.toEqual((await outputs(two, false)).y);
    const one = make("LSTM", 2, 8, { dropout: 0.5 }) as LSTM;
    expect((await outputs(one, true)).y).toEqual((await outputs(one, false)).y);
  });

  it("wants a key", () => {
    const layer = new LSTM(2, 3, { numLayers: 2, dropout: 0.1 });
    expect(() => trace((t) => ({ y: layer.forward(t.input("x", [1, 2, 2]), trainingContext(t)) }))).toThrow(
      "LSTM: dropout needs random numbers; give the context a key of two int32 words",
    );
  });
});

describe("as modules", () => {
  it("have PyTorch's names, in its order", () => {
    const names = [...new LSTM(3, 4, { numLayers: 2, bidirectional: true }).namedParameters()].map(
      ([name, { shape }]) => `${name} ${shape}`,
    );
    expect(names).toEqual([
      "weight_ih_l0 16,3",
      "weight_hh_l0 16,4",
      "bias_ih_l0 16",
      "bias_hh_l0 16",
      "weight_ih_l0_reverse 16,3",
      "weight_hh_l0_reverse 16,4",
      "bias_ih_l0_reverse 16",
      "bias_hh_l0_reverse 16",
      "weight_ih_l1 16,8",
      "weight_hh_l1 16,4",
      "bias_ih_l1 16",
      "bias_hh_l1 16",
      "weight_ih_l1_reverse 16,8",
      "weight_hh_l1_reverse 16,4",
      "bias_ih_l1_reverse 16",
      "bias_hh_l1_reverse 16",
    ]);
  });

  it("print in a summary", () => {
    const network = new Sequential(
      new LSTM(5, 8, { bidirectional: true }),
      new GRU(16, 4, { numLayers: 2, dropout: 0.1 }),
    );
    expect(formatSummary(summary(network, [6, 5]))).toMatchInlineSnapshot(`
      "layer                                        output  parameters  multiply-adds
      ──────────────────────────────────────────────────────────────────────────────
      0      LSTM(5, 8, bidirectional=true)        6×16           960          4,992
      1      GRU(16, 4, numLayers=2, dropout=0.1)  6×4            384          2,016
      ──────────────────────────────────────────────────────────────────────────────
      total                                                     1,344          7,008"
    `);
  });

  it("draw all weights within 1/√hidden", () => {
    const layer = initialize(new GRU(3, 16), 1);
    for (const [name, { data }] of layer.namedParameters()) {
      const largest = Math.max(...Array.from(data, Math.abs));
      expect(largest, name).toBeLessThanOrEqual(0.25);
      expect(largest, name).toBeGreaterThan(0.15);
    }
  });

  it("refuse what does not fit, in one line", () => {
    const layer = new LSTM(3, 4, { numLayers: 2 });
    const context = inferenceContext();
    const refused = (build: (t: Tracer) => Tensor): unknown => {
      try {
        trace((t) => ({ y: build(t) }));
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(refused((t) => layer.forward(t.input("x", [2, 3, 4]), context))).toEqual(
      new ShapeError("LSTM: input is float32 [2, 3, 4] but must be float32 [batch, time, 3]"),
    );
    expect(
      refused((t) => layer.sequence(t.input("x", [2, 3, 3]), context, { hidden: t.input("h", [2, 2, 5]) }).output),
    ).toEqual(
      new ShapeError(
        "LSTM: the first hidden state is [2, 2, 5] but must be [2, 2, 4], [batch, layers · directions, hidden]",
      ),
    );
    expect(
      refused((t) => layer.sequence(t.input("x", [2, 3, 3]), context, { lengths: t.input("n", [3], "int32") }).output),
    ).toEqual(new ShapeError("lstm: lengths are int32 [3] but must be int32 [2], one for each sample"));
    expect(() => new GRU(3, 0)).toThrow(UsageError);
    expect(() => new GRU(3, 4, { dropout: 1 })).toThrow("GRU: dropout is 1 but must be at least 0 and less than 1");
  });
});
