/** Cropping changes no number: forward, and gradients, against the graph as it was written, in double precision. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { type ConvAttrs, conv2d } from "../../src/engine/ops/conv.ts";
import { add, mul, relu, tanh } from "../../src/engine/ops/elementwise.ts";
import { avgPool2d, maxPool2d } from "../../src/engine/ops/pool.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import { cropUnread } from "../../src/engine/passes/crop.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { graphOrder, trace } from "../../src/engine/trace.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { uniformNoise } from "../helpers/noise.ts";

const parameter = (shape: readonly number[], seed: number): Parameter =>
  new Parameter(
    shape,
    uniformNoise(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ),
  );

/** Two rounds of convolution, bias, activation and pooling over noise. */
const networks = fc
  .record({
    size: fc.integer({ min: 12, max: 19 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    pool: fc.integer({ min: 1, max: 3 }),
    poolStride: fc.integer({ min: 2, max: 4 }),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.integer({ min: 0, max: 2 }),
    average: fc.boolean(),
  })
  .filter(({ size, pool, poolStride }) => size >= 12 && pool + poolStride > 2);

type Network = typeof networks extends fc.Arbitrary<infer T> ? T : never;

function build(n: Network): { x: Tensor; y: Tensor; weights: Parameter[] } {
  const x = parameter([2, n.size, n.size + 1, 2], 1);
  const weights = [parameter([n.kernel, n.kernel, 2, 3], 2), parameter([3], 3), parameter([2, 2, 3, 2], 4)];
  const pool = n.average ? avgPool2d : maxPool2d;
  const a = conv2d(x, weights[0], { padding: n.padding });
  const b = pool(tanh(add(a, weights[1])), n.pool, { stride: n.poolStride });
  const c = conv2d(b, weights[2], { stride: n.stride, dilation: n.dilation, padding: n.padding });
  return { x, y: pool(relu(c), Math.min(2, c.shape[1], c.shape[2])), weights };
}

const fits = (n: Network): boolean => {
  try {
    return build(n).y.size > 0;
  } catch {
    return false;
  }
};

/** Gradients by the rules, of the graph as it is written: a tensor that is no leaf among the wanted keeps cropping out. */
function uncropped(loss: Tensor, wanted: readonly Tensor[], witness: Tensor): Tensor[] {
  return gradients(loss, [...wanted, witness]).slice(0, -1);
}

describe("cropUnread", () => {
  it("keeps values and gradients", () => {
    fc.assert(
      fc.property(networks.filter(fits), (network) => {
        const { x, y, weights } = build(network);
        const loss = sum(mul(y, y));
        const wanted = [x, ...weights];
        const graph = trace(() => ({
          y,
          cropped: cropUnread([y])[0],
          ...Object.fromEntries(gradients(loss, wanted).map((g, i) => [`with ${i}`, g])),
          ...Object.fromEntries(uncropped(loss, wanted, y).map((g, i) => [`without ${i}`, g])),
        }));
        const values = evaluate(graph, {});
        expect(values.cropped).toEqual(values.y);
        for (const i of wanted.keys()) {
          const [got, want] = [values[`with ${i}`], values[`without ${i}`]];
          for (const [k, value] of got.entries()) expect(value).toBeCloseTo(want[k], 10);
        }
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it("goes from pooling through convolutions up to the picture", () => {
    const x = parameter([1, 28, 28, 1], 1);
    const first = maxPool2d(relu(conv2d(x, parameter([3, 3, 1, 4], 2))), 2); // 26² → 13²
    const second = maxPool2d(relu(conv2d(first, parameter([3, 3, 4, 4], 3))), 2); // 11² → 5²
    const [cropped] = cropUnread([second]);
    const convolutions = graphOrder(trace(() => ({ cropped }))).filter(({ op }) => op.name === "conv2d");
    expect(convolutions.map(({ shape, attrs }) => [shape, (attrs as ConvAttrs).padding])).toEqual([
      [
        [1, 24, 24, 4],
        [0, -2, 0, -2],
      ],
      [
        [1, 10, 10, 4],
        [0, 0, 0, 0],
      ],
    ]);
    expect(cropped.shape).toEqual(second.shape);
  });

  it("leaves alone what nothing is cut from, and what others read whole", () => {
    const x = parameter([1, 8, 8, 4], 1);
    const even = maxPool2d(relu(conv2d(x, parameter([3, 3, 4, 4], 2))), 2);
    expect(cropUnread([even])[0]).toBe(even);
    const odd = mul(sum(parameter([1, 9, 9, 4], 5), [1, 2], true), parameter([1, 9, 9, 4], 6));
    const pooled = maxPool2d(odd, 2);
    expect(cropUnread([pooled])[0]).toBe(pooled);
  });
});
