/** Matrix products: one primitive, with either operand read transposed so that gradients need no copies. */
import { ShapeError } from "../errors.ts";
import { broadcastShapes, broadcastStrides, formatShape, type Shape } from "../shape.ts";
import { apply, type BatchRule, type Call, type Primitive, type Reference, type Spec, type Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { reshape } from "./movement.ts";
import { requireType, walk } from "./op-helpers.ts";
import { truth } from "./stored.ts";

export interface MatmulAttrs {
  /** Read a as [… K, M] instead of [… M, K]. */
  readonly transposeA: boolean;
  /** Read b as [… N, K] instead of [… K, N]. */
  readonly transposeB: boolean;
}

/** Dimensions of a product: leading axes L (broadcast), rows M, depth K, columns N. */
export interface MatmulDims {
  readonly L: Shape;
  readonly M: number;
  readonly K: number;
  readonly N: number;
}

export function matmulDims(a: Spec, b: Spec, { transposeA, transposeB }: MatmulAttrs): MatmulDims {
  const [rows, depthA] = transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
  const [depthB, columns] = transposeB ? b.shape.slice(-2).reverse() : b.shape.slice(-2);
  if (depthA !== depthB) {
    const t = (shape: Shape, transposed: boolean): string => `${formatShape(shape)}${transposed ? " transposed" : ""}`;
    throw new ShapeError(
      `matmul: ${t(a.shape, transposeA)} has ${depthA} columns but ${t(b.shape, transposeB)} has ${depthB} rows`,
    );
  }
  const L = broadcastShapes("matmul", [a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return { L, M: rows, K: depthA, N: columns };
}

export const matmulOp: Primitive<MatmulAttrs> = {
  name: "matmul",
  layer: { kind: "Linear", completed: "Linear" },
  stored: { inputs: [2, 2], attrs: { transposeA: truth, transposeB: truth } },
  infer: ([a, b], attrs) => {
    for (const [spec, role] of [
      [a, "a"],
      [b, "b"],
    ] as const) {
      requireType("matmul", spec, "float32", role);
      if (spec.shape.length < 2) {
        throw new ShapeError(
          `matmul: ${role} has shape ${formatShape(spec.shape)}; both need at least 2 axes, reshape it`,
        );
      }
    }
    const { L, M, N } = matmulDims(a, b, attrs);
    return { shape: [...L, M, N], dtype: "float32" };
  },
  batch: ([a, b], { inputs, output, attrs }: Call<MatmulAttrs>): BatchRule => {
    const [left, right] = inputs;
    if (output.rank > 2) {
      const apart = (x: Tensor, batched: boolean): boolean =>
        batched ? x.rank === output.rank : x.rank < output.rank || x.shape[0] === 1;
      return apart(left, a) && apart(right, b) ? "map" : "whole";
    }
    if (a && b) return attrs.transposeA && !attrs.transposeB ? "sum" : "whole";
    return a && !attrs.transposeA ? "map" : "whole";
  },
  // y = ab: da = g bᵀ, db = aᵀ g; the other three cases are the same with a or b transposed
  gradient: (g, { inputs: [a, b], attrs: { transposeA, transposeB } }) => [
    transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB),
    transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false),
  ],
};

export const matmulReference: Reference<MatmulAttrs> = ([a, b], output, attrs) => {
  const { L, M, K, N } = matmulDims({ ...a, dtype: "float32" }, { ...b, dtype: "float32" }, attrs);
  const leading = (x: Shape): number[] => {
    const matrix = x[x.length - 1] * x[x.length - 2];
    return broadcastStrides(x.slice(0, -2), L).map((stride) => stride * matrix);
  };
  const [aRow, aDepth] = attrs.transposeA ? [1, M] : [K, 1];
  const [bDepth, bColumn] = attrs.transposeB ? [1, K] : [N, 1];
  walk(L, [leading(a.shape), leading(b.shape)], (l, [atA, atB]) => {
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let total = 0;
        for (let k = 0; k < K; k++) {
          total += a.data[atA + m * aRow + k * aDepth] * b.data[atB + k * bDepth + n * bColumn];
        }
        output.data[(l * M + m) * N + n] = total;
      }
    }
  });
};

const product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
  apply(matmulOp, [a, b], { transposeA, transposeB });

/** Matrix product [… M, K] × [… K, N] → [… M, N]; leading axes broadcast. Operands may be read transposed. */
export function matmul(a: Tensor, b: Tensor, attrs: Partial<MatmulAttrs> = {}): Tensor {
  return product(a, b, attrs.transposeA ?? false, attrs.transposeB ?? false);
}

/**
 * y = x Wᵀ + b, as torch.nn.functional.linear: input [… in], weight [out, in], bias [out].
 * @throws ShapeError when the number of features differs
 */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, features] = weight.shape;
  if (input.shape.at(-1) !== features) {
    const likely =
      input.rank < 2
        ? "flatten(x, 1) keeps the batch axis"
        : "is a flatten or a pooling missing before it, or its inFeatures out of date?";
    throw new ShapeError(
      `linear: input is ${formatShape(input.shape)} but the weight expects ${features} features; ${likely}`,
    );
  }
  const rows = input.rank === 2 ? input : reshape(input, [-1, features]);
  const product2d = matmul(rows, weight, { transposeB: true });
  const y = bias === undefined ? product2d : add(product2d, bias);
  return input.rank === 2 ? y : reshape(y, [...input.shape.slice(0, -1), out]);
}
