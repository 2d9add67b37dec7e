/**
 * Scaled dot-product attention (Vaswani et al., arXiv 1706.03762) as one primitive, so that scores never travel to memory:
 * beside the result only the logarithm of each row's sum is kept, and the gradient computes the scores again (Dao,
 * FlashAttention-2, arXiv 2307.08691). The same op trains, fills a cache of keys and values, and reads from one. Letters:
 * batch B, queries T, keys S, query heads H, heads of keys and values G (each serves H / G neighboring query heads), size of
 * a head D.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import {
  apply,
  type BatchRule,
  type Call,
  type NdArray,
  type Primitive,
  type Reference,
  type Spec,
  type Tensor,
} from "../tensor.ts";
import { dropout, softmax } from "./activation.ts";
import { arange } from "./arange.ts";
import { add, ge, gt, mul, where } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { permute, reshape, slice } from "./movement.ts";
import { requireRank, requireType } from "./op-helpers.ts";
import { finite, MOST, truth, whole } from "./stored.ts";

export interface AttentionAttrs {
  /** Whether one input holds queries, keys and values side by side, as heads of axis 2: H, G and G. Otherwise there are three. */
  readonly packed: boolean;
  /** Query heads, H. */
  readonly heads: number;
  /** Scores are multiplied by this. */
  readonly scale: number;
  /** Whether query i sees only the keys up to `position` + i. */
  readonly causal: boolean;
  /** Whether there is an input `position`, int32 [] or [B]; 0 otherwise. */
  readonly position: boolean;
  /** Whether there is an input `length`, int32 [B]: keys from there on are not seen. */
  readonly length: boolean;
}

/** Sizes of an attention; letters as at the top of this file. */
export interface AttentionDims {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  readonly H: number;
  readonly G: number;
  readonly D: number;
}

/** The sizes that inputs of these shapes have. */
export function attentionDims([q, k = q]: readonly { readonly shape: Shape }[], attrs: AttentionAttrs): AttentionDims {
  const [B, T, heads, D] = q.shape;
  const H = attrs.heads;
  return attrs.packed ? { B, T, S: T, H, G: (heads - H) / 2, D } : { B, T, S: k.shape[1], H, G: k.shape[2], D };
}

/** The inputs by what they are; those behind them are the caller's. */
export function attentionInputs<T>(inputs: readonly T[], { packed, position, length }: AttentionAttrs) {
  const arrays = packed ? 1 : 3;
  const rest = inputs.slice(arrays);
  return {
    arrays: inputs.slice(0, arrays),
    position: position ? rest.shift() : undefined,
    length: length ? rest.shift() : undefined,
    rest,
  };
}

/** Checks the inputs and gives the sizes. @throws ShapeError */
function checked(name: string, inputs: readonly Spec[], attrs: AttentionAttrs): AttentionDims {
  const { arrays, position, length } = attentionInputs(inputs, attrs);
  const roles = attrs.packed ? ["queries, keys and values"] : ["query", "key", "value"];
  arrays.forEach((x, i) => {
    requireRank(name, x, 4, "[batch, time, heads, size]", roles[i]);
    requireType(name, x, "float32", roles[i]);
  });
  const dims = attentionDims(arrays, attrs);
  const { B, H, G, D } = dims;
  if (!(H >= 1) || !(G >= 1) || !Number.isInteger(G) || H % G !== 0) {
    throw new ShapeError(
      attrs.packed
        ? `${name}: ${formatShape(arrays[0].shape)} must have, on axis 2, the ${H} heads of queries and twice a divisor of ${H}, those of keys and values`
        : `${name}: the ${H} query heads are no multiple of the ${G} heads of keys and values`,
    );
  }
  const [q, k, v] = arrays;
  if (!attrs.packed && (!sameShape(k.shape, v.shape) || k.shape[0] !== B || k.shape[3] !== D || q.shape[2] !== H)) {
    throw new ShapeError(
      `${name}: query ${formatShape(q.shape)}, key ${formatShape(k.shape)} and value ${formatShape(v.shape)} must agree on batch and size of a head, and key and value on everything`,
    );
  }
  for (const [x, role, scalar] of [
    [position, "position", true],
    [length, "length", false],
  ] as const) {
    if (x === undefined) continue;
    requireType(name, x, "int32", role);
    if (!(scalar && x.shape.length === 0) && !sameShape(x.shape, [B])) {
      throw new ShapeError(`${name}: ${role} is ${formatShape(x.shape)} but must be ${scalar ? "[] or " : ""}[${B}]`);
    }
  }
  return dims;
}

/** Samples are apart where everything has them; one position may stand for all. */
function batchRule(batched: readonly boolean[], { inputs, attrs }: Call<AttentionAttrs>): BatchRule {
  const { position, ...others } = attentionInputs(
    inputs.map((input, i) => ({ input, batched: batched[i] })),
    attrs,
  );
  const all = [...others.arrays, ...(others.length === undefined ? [] : [others.length]), ...others.rest];
  const shared = position === undefined || position.batched || position.input.rank === 0;
  return shared && all.every((one) => one.batched) ? "map" : "whole";
}

/** One query of one head, for the reference loops. */
interface Row {
  /** Its number among all queries of all heads: [B, T, H] in order. */
  readonly at: number;
  /** Offsets of the query in the array that holds it, and of key and value j. */
  readonly query: number;
  readonly key: (j: number) => number;
  readonly value: (j: number) => number;
  /** Keys that it sees. */
  readonly seen: number;
}

/** Which array holds queries, keys, values, and where they begin. */
function overRows(
  inputs: readonly NdArray[],
  attrs: AttentionAttrs,
  visit: (row: Row, q: NdArray, k: NdArray, v: NdArray) => void,
): void {
  const { arrays, position, length } = attentionInputs(inputs, attrs);
  const { B, T, S, H, G, D } = attentionDims(arrays, attrs);
  const [q, k = q, v = q] = arrays;
  const [firstKey, firstValue] = attrs.packed ? [H, H + G] : [0, 0];
  const offset = (array: NdArray, b: number, t: number, head: number): number =>
    ((b * array.shape[1] + t) * array.shape[2] + head) * D;
  for (let b = 0; b < B; b++) {
    const end = Math.min(S, length?.data[b] ?? S);
    const start = position === undefined ? 0 : position.data[position.data.length === 1 ? 0 : b];
    for (let t = 0; t < T; t++) {
      for (let h = 0; h < H; h++) {
        const head = Math.floor((h * G) / H);
        const row: Row = {
          at: (b * T + t) * H + h,
          query: offset(q, b, t, h),
          key: (j) => offset(k, b, j, firstKey + head),
          value: (j) => offset(v, b, j, firstValue + head),
          seen: Math.max(0, attrs.causal ? Math.min(end, start + t + 1) : end),
        };
        visit(row, q, k, v);
      }
    }
  }
}

const dot = (a: NdArray, from: number, b: NdArray, at: number, D: number): number => {
  let total = 0;
  for (let d = 0; d < D; d++) total += a.data[from + d] * b.data[at + d];
  return total;
};

/** The scores of a row, and the logarithm of the sum of their exponentials; 0 where nothing is seen. */
function scoresOf(row: Row, q: NdArray, k: NdArray, scale: number): { scores: number[]; lse: number } {
  const D = q.shape[3];
  const scores = Array.from({ length: row.seen }, (_, j) => scale * dot(q, row.query, k, row.key(j), D));
  const top = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return { scores, lse: row.seen === 0 ? 0 : top + Math.log(total) };
}

/** softmax(scale · q kᵀ) v, per head: [B, T, H, D]. A query that sees no key gives 0. */
export const attentionOp: Primitive<AttentionAttrs> = {
  name: "attention",
  stored: {
    inputs: [1, 5],
    attrs: { packed: truth, heads: whole(1, MOST), scale: finite, causal: truth, position: truth, length: truth },
    fits: (inputs, { packed, position, length }) => {
      const wanted = [packed ? 1 : 3, position, length].reduce<number>((sum, more) => sum + Number(more), 0);
      return inputs.length === wanted ? undefined : `takes ${wanted} inputs with these attributes`;
    },
  },
  layer: { kind: "Attention" },
  infer: (inputs, attrs) => {
    const { B, T, H, D } = checked("attention", inputs, attrs);
    return { shape: [B, T, H, D], dtype: "float32" };
  },
  batch: batchRule,
  gradient: (g, { inputs, output, attrs }) => {
    const lse = apply(attentionLseOp, inputs, attrs);
    const all = apply(attentionGradOp, [...inputs, lse, output, g], attrs);
    if (attrs.packed) return [all];
    // [B, T·H + 2·S·G, D]
    const { T, H } = attentionDims(inputs, attrs);
    let start = 0;
    return inputs.slice(0, 3).map(({ shape }, i) => {
      const end = start + (i === 0 ? T * H : shape[1] * shape[2]);
      const part = slice(all, [{}, { start, end }]);
      start = end;
      return reshape(part, shape);
    });
  },
};

export const attentionReference: Reference<AttentionAttrs> = (inputs, output, attrs) => {
  overRows(inputs, attrs, (row, q, k, v) => {
    const { scores, lse } = scoresOf(row, q, k, attrs.scale);
    const D = q.shape[3];
    scores.forEach((score, j) => {
      const p = Math.exp(score - lse);
      for (let d = 0; d < D; d++) output.data[row.at * D + d] += p * v.data[row.value(j) + d];
    });
  });
};

/** log Σ exp of each row of scores, [B, T, H]; computed beside the attention, for its gradient. */
export const attentionLseOp: Primitive<AttentionAttrs> = {
  name: "attentionLse",
  infer: (inputs, attrs) => {
    const { B, T, H } = checked("attentionLse", inputs, attrs);
    return { shape: [B, T, H], dtype: "float32" };
  },
  batch: batchRule,
  gradient: null,
};

export const attentionLseReference: Reference<AttentionAttrs> = (inputs, output, attrs) => {
  overRows(inputs, attrs, (row, q, k) => {
    output.data[row.at] = scoresOf(row, q, k, attrs.scale).lse;
  });
};

/**
 * The gradients of an attention's arrays, given its inputs, then lse, result and gradient of the result. In the layout of the
 * one input that holds everything, or of each sample one after the other: [B, T·H + 2·S·G, D].
 */
export const attentionGradOp: Primitive<AttentionAttrs> = {
  name: "attentionGrad",
  infer: (inputs, attrs) => {
    const { B, T, S, H, G, D } = checked("attentionGrad", inputs, attrs);
    return { shape: attrs.packed ? inputs[0].shape : [B, T * H + 2 * S * G, D], dtype: "float32" };
  },
  batch: batchRule,
  gradient: null,
};

// p = softmax(s): dv = pᵀ g, dp = g vᵀ, ds = p ∘ (dp − Σ g ∘ y), dq = scale · ds k, dk = scale · dsᵀ q
export const attentionGradReference: Reference<AttentionAttrs> = (inputs, output, attrs) => {
  const { B, T, S, H, G, D } = attentionDims(inputs, attrs);
  const [lse, y, g] = attentionInputs(inputs, attrs).rest;
  const data = output.data;
  // Where the gradient of what lies at an offset of its array goes.
  const perSample = sizeOf(output.shape) / B;
  const place = (array: number, at: number): number => {
    if (attrs.packed) return at;
    const length = (array === 0 ? T * H : S * G) * D;
    const before = [0, T * H, T * H + S * G][array] * D;
    return Math.floor(at / length) * perSample + before + (at % length);
  };
  overRows(inputs, attrs, (row, q, k, v) => {
    const { scores } = scoresOf(row, q, k, attrs.scale);
    const own = row.at * D;
    const delta = dot(g, own, y, own, D);
    const query = place(0, row.query);
    scores.forEach((score, j) => {
      const p = Math.exp(score - lse.data[row.at]);
      const ds = attrs.scale * p * (dot(g, own, v, row.value(j), D) - delta);
      const [key, value] = [place(1, row.key(j)), place(2, row.value(j))];
      for (let d = 0; d < D; d++) {
        data[query + d] += ds * k.data[row.key(j) + d];
        data[key + d] += ds * q.data[row.query + d];
        data[value + d] += p * g.data[own + d];
      }
    });
  });
};

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Whether query i sees only the keys up to `position` + i; default: whether there is a position. */
  readonly causal?: boolean | undefined;
  /**
   * Keys before the first query, int32 [] or [batch]; default 0. With as many keys before the queries as in a cache, rows and
   * columns end together ("bottom right").
   */
  readonly position?: Tensor | undefined;
  /** Keys that count, int32 [batch]; those behind are not seen, whatever they hold. Default: all. */
  readonly length?: Tensor | undefined;
  /** Scores are multiplied by this; default 1 / √size. */
  readonly scale?: number | undefined;
  /**
   * For training: zeroes weights of values with probability p and scales the rest by 1 / (1 − p), as dropout_p of PyTorch's
   * scaled_dot_product_attention. Element [b, h, i, j] of the weights is drawn as `dropout` draws it. With p above 0, attention is
   * composed of products, softmax and dropout, so weights travel through memory; with 0 it stays one op.
   */
  readonly dropout?: AttentionDropout | undefined;
}

/** How weights are dropped. */
export interface AttentionDropout {
  /** From 0 to less than 1. */
  readonly p: number;
  /** Two int32 words, others in every step. */
  readonly key: Tensor;
  /** Number of the layer, so that layers draw apart. */
  readonly stream: number;
}

function attend(arrays: readonly Tensor[], heads: number, options: AttentionOptions): Tensor {
  const { position, length, causal = position !== undefined } = options;
  if (position !== undefined && !causal) {
    throw new ShapeError("attention: a position says which keys a query sees, so causal must not be false");
  }
  const scale = options.scale ?? 1 / Math.sqrt(arrays[0].shape[3] ?? 1);
  const inputs = [...arrays, ...(position === undefined ? [] : [position]), ...(length === undefined ? [] : [length])];
  const masks = { causal, position: position !== undefined, length: length !== undefined };
  const attrs = { packed: arrays.length === 1, heads, scale, ...masks };
  return options.dropout === undefined || options.dropout.p === 0
    ? apply(attentionOp, inputs, attrs)
    : attendDropping(inputs, attrs, options.dropout);
}

/** What {@link attentionOp} computes, of ops that store weights, some of which become 0. */
function attendDropping(
  inputs: readonly Tensor[],
  attrs: AttentionAttrs,
  { p, key, stream }: AttentionDropout,
): Tensor {
  const { B, T, S, H, G, D } = checked("attention", inputs, attrs);
  const { arrays, position, length } = attentionInputs(inputs, attrs);
  const [x, ...others] = arrays;
  const heads = (start: number, end: number): Tensor => slice(x, [{}, {}, { start, end }]);
  const [q, k, v] = attrs.packed ? [heads(0, H), heads(H, H + G), heads(H + G, H + 2 * G)] : [x, ...others];
  const queries = permute(reshape(q, [B, T, G, H / G, D]), [0, 2, 3, 1, 4]); // [B, G, H / G, T, D]
  const [keys, values] = [k, v].map((rows) => permute(reshape(rows, [B, S, G, 1, D]), [0, 2, 3, 1, 4])); // [B, G, 1, S, D]
  const perSample = (numbers: Tensor): Tensor => (numbers.rank === 0 ? numbers : reshape(numbers, [B, 1, 1, 1, 1]));
  const unseen: Tensor[] = [];
  if (attrs.causal) {
    const rows = reshape(arange(T), [T, 1]);
    unseen.push(gt(arange(S), position === undefined ? rows : add(rows, perSample(position))));
  }
  if (length !== undefined) unseen.push(ge(arange(S), perSample(length)));
  const scores = mul(matmul(queries, keys, { transposeB: true }), attrs.scale); // [B, G, H / G, T, S]
  const hide = (numbers: Tensor, hidden: number): Tensor =>
    unseen.reduce((shown, mask) => where(mask, hidden, shown), numbers);
  // Hidden once more, as a query that sees no key gives 0.
  const weights = hide(softmax(hide(scores, UNSEEN)), 0);
  const mixed = matmul(dropout(weights, key, { p, stream, batched: true }), values); // [B, G, H / G, T, D]
  return reshape(permute(mixed, [0, 3, 1, 2, 4]), [B, T, H, D]);
}

/** Below all scores; finite, so that a row of nothing else has a softmax. */
export const UNSEEN = -1e30;

/**
 * softmax(q kᵀ / √size) v for every head: query [batch, time, heads, size], key and value [batch, keys, groups, size] →
 * [batch, time, heads, size]. Each head of keys and values serves heads / groups neighboring query heads. As
 * torch.nn.functional.scaled_dot_product_attention with axes 1 and 2 swapped; a query that sees no key gives 0.
 * @throws ShapeError when shapes do not agree
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  return attend([query, key, value], query.shape[2] ?? 0, options);
}

/** Options of {@link selfAttention}. */
export interface SelfAttentionOptions extends AttentionOptions {
  /** Heads of the queries. */
  readonly heads: number;
}

/**
 * {@link attention} of a sequence to itself, where queries, keys and values lie side by side, as one linear layer gives them:
 * [batch, time, heads + 2 · groups, size] → [batch, time, heads, size]. Nothing is copied apart.
 * @throws ShapeError when axis 2 does not hold so many heads
 */
export function selfAttention(qkv: Tensor, { heads, ...options }: SelfAttentionOptions): Tensor {
  return attend([qkv], heads, options);
}
