/** MultiheadAttention: PyTorch's names, what a position may see, and its values by ops that say the same at length. */
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { planForWasm } from "../../src/engine/backends/wasm/wasm.ts";
import { softmax } from "../../src/engine/ops/activation.ts";
import { attention, selfAttention } from "../../src/engine/ops/attention.ts";
import { uniform } from "../../src/engine/ops/constant.ts";
import { mul } from "../../src/engine/ops/elementwise.ts";
import { linear, matmul } from "../../src/engine/ops/matmul.ts";
import { slice } from "../../src/engine/ops/movement.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { opNames, type Tracer, trace } from "../../src/engine/trace.ts";
import { GELU } from "../../src/nn/activation.ts";
import { MultiheadAttention } from "../../src/nn/attention.ts";
import { inferenceContext, trainingContext } from "../../src/nn/context.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { LayerNorm } from "../../src/nn/norm.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { uniformNoise } from "../helpers/noise.ts";

const [B, T, C, H] = [2, 6, 12, 3];

describe("MultiheadAttention", () => {
  it("has PyTorch's names and shapes", () => {
    const shapes = [...new MultiheadAttention(C, H).namedParameters()].map(([name, { shape }]) => [name, shape]);
    expect(Object.fromEntries(shapes)).toEqual({
      in_proj_weight: [3 * C, C],
      in_proj_bias: [3 * C],
      "out_proj.weight": [C, C],
      "out_proj.bias": [C],
    });
    const without = new MultiheadAttention(C, H, { bias: false });
    expect([...without.namedParameters()].map(([name]) => name)).toEqual(["in_proj_weight", "out_proj.weight"]);
  });

  it("computes softmax(q kᵀ / √size) v between its projections", () => {
    const layer = new MultiheadAttention(C, H);
    const graph = trace((tracer) => {
      const x = tracer.input("x", [B, T, C]);
      const y = layer.forward(x, inferenceContext());
      const qkv = linear(x, layer.in_proj_weight, layer.in_proj_bias as Tensor);
      const [q, k, v] = [0, 1, 2].map((i) =>
        slice(qkv, [{}, {}, { start: i * C, end: (i + 1) * C }])
          .reshape([B, T, H, C / H])
          .permute([0, 2, 1, 3]),
      );
      const weights = softmax(mul(matmul(q, k, { transposeB: true }), 1 / Math.sqrt(C / H)), -1);
      const mixed = matmul(weights, v).permute([0, 2, 1, 3]).reshape([B, T, C]);
      return { y, expected: layer.out_proj.forward(mixed, inferenceContext()) };
    });
    const { y, expected } = evaluate(graph, { x: uniformNoise(3, B * T * C) });
    y.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
  });

  it("drops weights while training as dropout draws them, scales the others, and only then leaves its one op", () => {
    const [heads, S, p, stream] = [4, 5, 0.3, 7];
    // Values that are the identity show the weights.
    const identity = Float32Array.from({ length: B * S * 2 * S }, (_, i) =>
      Number(i % S === Math.floor(i / (2 * S)) % S),
    );
    const graph = trace((tracer) => {
      const q = tracer.input("q", [B, T, heads, S]);
      const k = tracer.input("k", [B, S, 2, S]);
      const v = tracer.input("v", [B, S, 2, S]);
      const key = tracer.input("key", [2], "int32");
      const drawn = uniform(key, { shape: [B, heads, T, S], stream, batched: true }).permute([0, 2, 1, 3]);
      const masks = { causal: true };
      return {
        dropped: attention(q, k, v, { ...masks, dropout: { p, key, stream } }),
        whole: attention(q, k, v, masks),
        drawn,
      };
    });
    const feeds = { q: uniformNoise(1, B * T * heads * S), k: uniformNoise(2, B * S * 2 * S), v: identity };
    const { dropped, whole, drawn } = evaluate(graph, { ...feeds, key: Int32Array.of(12345, -678) });
    let zeros = 0;
    whole.forEach((weight, i) => {
      const kept = drawn[i] >= p;
      expect(dropped[i]).toBeCloseTo(kept ? weight / (1 - p) : 0, 12);
      zeros += Number(!kept);
    });
    expect(zeros).toBeGreaterThan(0.2 * whole.length);
    expect(zeros).toBeLessThan(0.4 * whole.length);
    const ops = (rate: number): string[] =>
      opNames(
        trace((tracer) => {
          const x = tracer.input("x", [B, T, 3, S]);
          const key = tracer.input("key", [2], "int32");
          return { y: selfAttention(x, { heads: 1, dropout: { p: rate, key, stream } }) };
        }),
      );
    expect(ops(0)).toContain("attention");
    expect(ops(0.1)).not.toContain("attention");
  });

  it("as a layer: drops while training, not in use, and wants a key and a probability", () => {
    const layer = new MultiheadAttention(C, H, { dropout: 0.5 });
    expect(layer.describe()).toBe("MultiheadAttention(12, 3, dropout=0.5)");
    const names = (contextOf: (tracer: Tracer) => Context): readonly string[] =>
      opNames(trace((tracer) => ({ y: layer.forward(tracer.input("x", [B, T, C]), contextOf(tracer)) })));
    expect(names(inferenceContext)).not.toContain("dropout");
    expect(names((tracer) => trainingContext(tracer, tracer.input("key", [2], "int32")))).toContain("dropout");
    expect(() => names((tracer) => trainingContext(tracer))).toThrow(/^MultiheadAttention: .*key of two int32 words$/);
    expect(() => new MultiheadAttention(C, H, { dropout: 1 })).toThrow(/at least 0 and less than 1/);
  });

  it("causal: a position does not see those behind it", () => {
    const layer = new MultiheadAttention(C, H, { causal: true });
    const graph = trace((tracer) => ({ y: layer.forward(tracer.input("x", [1, T, C]), inferenceContext()) }));
    const x = uniformNoise(3, T * C);
    const changed = x.map((value, i) => (i < 3 * C ? value : -value));
    const [before, after] = [x, changed].map((values) => evaluate(graph, { x: values })["y"]);
    expect(after.slice(0, 3 * C)).toEqual(before.slice(0, 3 * C));
    expect(after.slice(3 * C)).not.toEqual(before.slice(3 * C));
  });

  it("refuses heads that do not divide the features", () => {
    expect(() => new MultiheadAttention(10, 3)).toThrow(
      "MultiheadAttention: 10 features cannot be divided among 3 heads",
    );
  });
});

class Block extends Module {
  readonly norm1 = new LayerNorm(C);
  readonly attention = new MultiheadAttention(C, H, { causal: true });
  readonly norm2 = new LayerNorm(C);
  readonly mlp = new Sequential(new Linear(C, 4 * C), new GELU(), new Linear(4 * C, C));

  forward(x: Tensor, context: Context): Tensor {
    const mixed = x.add(this.attention.forward(this.norm1.forward(x, context), context));
    return mixed.add(this.mlp.forward(this.norm2.forward(mixed, context), context));
  }
}

describe("a transformer block", () => {
  const network = new Sequential(new Block(), new Block());

  it("follows the batch from its input to its output, and its gradient back", async () => {
    const { stages } = await planForWasm(
      trace((tracer) => {
        const x = tracer.input("x", [8, 16, C], "float32", true);
        const y = network.forward(x, inferenceContext());
        const loss = sum(mul(y, tracer.input("v", y.shape, "float32", true)));
        const wanted = network.trainable();
        return Object.fromEntries(gradients(loss, wanted).map((grad, i) => [`d${i}`, grad]));
      }),
    );
    // Weights laid out; the samples; the pieces of the sums over the batch together.
    expect(stages.length).toBeLessThanOrEqual(3);
    const waiting = stages.flatMap(({ ranges }) => ranges).flatMap(({ nodes }) => nodes);
    expect(waiting.filter(({ shape }) => shape[0] === 8 || shape[0] === 8 * 16)).toEqual([]);
  });
});
