/** Ops that read or write by index: gather along an axis, rows of an embedding table, and their adjoints. */
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { apply, type Primitive, type Reference, type Tensor } from "../tensor.ts";
import { requireRank, requireType, walk } from "./op-helpers.ts";
import { axis, inRank, plain } from "./stored.ts";

export interface GatherAttrs {
  readonly axis: number;
}

export interface ScatterAttrs extends GatherAttrs {
  readonly shape: Shape;
}

/**
 * out[i][j][k] = x[i][index[i][j][k]][k] for axis 1, and so on. An index out of range reads 0 in every backend (and its
 * gradient goes nowhere), so that a program cannot leave its memory.
 */
export const gatherOp: Primitive<GatherAttrs> = {
  name: "gather",
  stored: { inputs: [2, 2], attrs: { axis }, fits: inRank },
  infer: ([x, index], { axis }) => {
    requireType("gather", index, "int32", "index");
    const fits =
      index.shape.length === x.shape.length && index.shape.every((dim, a) => a === axis || dim === x.shape[a]);
    if (!fits) {
      throw new ShapeError(
        `gather: index ${formatShape(index.shape)} must have the shape of the input ${formatShape(x.shape)} but for axis ${axis}`,
      );
    }
    return { shape: index.shape, dtype: x.dtype };
  },
  batch: ([x, index], { attrs }) => (x && index && attrs.axis !== 0 ? "map" : "whole"),
  gradient: (g, { inputs: [x, index], attrs }) => [
    apply(scatterAddOp, [index, g], { ...attrs, shape: x.shape }),
    undefined,
  ],
};

export const gatherReference: Reference<GatherAttrs> = ([x, index], output, { axis }) => {
  visitIndexed(x.shape, index.shape, axis, index.data, (n, at) => {
    output.data[n] = at < 0 ? 0 : x.data[at];
  });
};

/** Zeros of `shape`, to which x is added at the indexed places, in row-major order of x: the adjoint of gather. */
export const scatterAddOp: Primitive<ScatterAttrs> = {
  name: "scatterAdd",
  infer: (_, { shape }) => ({ shape, dtype: "float32" }),
  batch: ([index, x], { attrs }) => (x && index && attrs.axis !== 0 ? "map" : "whole"),
  gradient: (g, { inputs: [index], attrs: { axis } }) => [undefined, apply(gatherOp, [g, index], { axis })],
};

export const scatterAddReference: Reference<ScatterAttrs> = ([index, x], output, { axis }) => {
  visitIndexed(output.shape, index.shape, axis, index.data, (n, at) => {
    if (at >= 0) output.data[at] += x.data[n];
  });
};

/** Calls `visit` with each position of the index tensor and the offset that it points to, −1 when out of range. */
function visitIndexed(
  shape: Shape,
  indexShape: Shape,
  axis: number,
  index: ArrayLike<number>,
  visit: (n: number, at: number) => void,
): void {
  const strides = stridesOf(shape);
  const others = strides.map((stride, a) => (a === axis ? 0 : stride));
  walk(indexShape, [others], (n, [base]) => {
    const i = index[n];
    visit(n, i < 0 || i >= shape[axis] ? -1 : base + i * strides[axis]);
  });
}

/** Rows of a table: weight [V, D], index […] → […, D]. An index out of range gives zeros. */
export const embeddingOp: Primitive = {
  name: "embedding",
  layer: { kind: "Embedding" },
  stored: plain(2),
  infer: ([weight, index]) => {
    requireType("embedding", index, "int32", "index (the first argument)");
    requireRank("embedding", weight, 2, "[rows, features]", "weight (the second argument)");
    return { shape: [...index.shape, weight.shape[1]], dtype: weight.dtype };
  },
  batch: ([weight, index]) => (index && !weight ? "map" : "whole"),
  gradient: (g, { inputs: [weight, index] }) => [
    apply(embeddingGradOp, [index, g], { rows: weight.shape[0] }),
    undefined,
  ],
};

export const embeddingReference: Reference = ([weight, index], output) => {
  const [V, D] = weight.shape;
  for (let n = 0; n < index.data.length; n++) {
    const row = index.data[n];
    for (let d = 0; d < D; d++) output.data[n * D + d] = row < 0 || row >= V ? 0 : weight.data[row * D + d];
  }
};

export interface EmbeddingGradAttrs {
  readonly rows: number;
}

export const embeddingGradOp: Primitive<EmbeddingGradAttrs> = {
  name: "embeddingGrad",
  infer: ([, g], { rows }) => ({ shape: [rows, g.shape[g.shape.length - 1]], dtype: "float32" }),
  batch: ([index, g]) => (index && g ? "sum" : "whole"),
  gradient: null,
};

export const embeddingGradReference: Reference<EmbeddingGradAttrs> = ([index, g], output) => {
  const [V, D] = output.shape;
  for (let n = 0; n < index.data.length; n++) {
    const row = index.data[n];
    if (row < 0 || row >= V) continue;
    for (let d = 0; d < D; d++) output.data[row * D + d] += g.data[n * D + d];
  }
};

/**
 * A tensor [B, S, …] with rows [B, T, …] written at `position` … along axis 1: int32 [] for all samples, or [B]. Rows that
 * would lie outside are left out. Inputs: the tensor, the rows, the position.
 */
export const writeRowsOp: Primitive = {
  name: "writeRows",
  infer: ([x, rows, position]) => {
    requireType("writeRows", position, "int32", "position");
    const fits =
      x.shape.length >= 2 &&
      rows.dtype === x.dtype &&
      rows.shape.length === x.shape.length &&
      rows.shape.every((dim, axis) => axis === 1 || dim === x.shape[axis]) &&
      (position.shape.length === 0 || formatShape(position.shape) === formatShape(x.shape.slice(0, 1)));
    if (!fits) {
      throw new ShapeError(
        `writeRows: ${rows.dtype} rows ${formatShape(rows.shape)} at a position ${formatShape(position.shape)} do not fit into ${x.dtype} ${formatShape(x.shape)}; all but axis 1 must agree, and the position be [] or [${x.shape[0]}]`,
      );
    }
    return x;
  },
  batch: ([x, rows, position], { inputs }) => (x && rows && (position || inputs[2].rank === 0) ? "map" : "whole"),
  gradient: null,
};

export const writeRowsReference: Reference = ([x, rows, position], output) => {
  const [B, S, ...rest] = x.shape;
  const T = rows.shape[1];
  const size = sizeOf(rest);
  output.data.set(x.data);
  for (let b = 0; b < B; b++) {
    const start = position.data[position.data.length === 1 ? 0 : b];
    for (let t = 0; t < T; t++) {
      if (start + t < 0 || start + t >= S) continue;
      for (let i = 0; i < size; i++) {
        output.data[(b * S + start + t) * size + i] = rows.data[(b * T + t) * size + i];
      }
    }
  }
};

/** Takes one element per index along an axis, as torch.gather: index has the rank of x. */
export function gather(x: Tensor, axis: number, index: Tensor): Tensor {
  return apply(gatherOp, [x, index], { axis: normalizeAxis("gather", axis, x.rank) });
}

/**
 * Looks up rows of a table [V, D] by an int32 index of any shape […] → […, D], in the order of torch.nn.functional.embedding. An
 * index out of range gives zeros, and its gradient goes nowhere.
 * @throws ShapeError when the index is not int32 or the table not of two axes
 */
export function embedding(index: Tensor, weight: Tensor): Tensor {
  return apply(embeddingOp, [weight, index], {});
}

/**
 * A tensor [batch, rows, …] with new rows [batch, count, …] from `position` on, an int32 scalar or one for each sample; those
 * outside are left out. In a program that carries the tensor (`Tracer.carry`), they are written in place: a cache of keys
 * and values. No gradient flows through.
 * @throws ShapeError when shapes do not agree
 */
export function writeRows(x: Tensor, rows: Tensor, position: Tensor): Tensor {
  return apply(writeRowsOp, [x, rows, position], {});
}
