/** Cases of attention, of its row sums and of its gradient. Letters as in src/engine/ops/attention.ts. */
import * as a from "../../../src/engine/ops/attention.ts";
import { reshape, slice } from "../../../src/engine/ops/movement.ts";
import { apply, type Tensor } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, fixed, ints, x } from "./case.ts";

const none = { gradient: "none" } as const;

/** An input with these numbers; scalars are no batch. */
const listed = (shape: readonly number[], ...list: number[]): CaseInput => ({
  ...ints(shape, 0, 1),
  fill: { list },
});

interface Masks {
  readonly causal?: boolean;
  readonly position?: CaseInput;
  readonly length?: CaseInput;
  readonly scale?: number;
}

/** The tensors of masks, which come behind others. */
function options({ position, length, causal, scale }: Masks, rest: readonly Tensor[]): a.AttentionOptions {
  const more = [...rest];
  return {
    ...(causal === undefined ? {} : { causal }),
    ...(scale === undefined ? {} : { scale }),
    ...(position === undefined ? {} : { position: more.shift() }),
    ...(length === undefined ? {} : { length: more.shift() }),
  };
}

const maskInputs = ({ position, length }: Masks): CaseInput[] =>
  [position, length].filter((input) => input !== undefined);

/** [B, T, S, H, G, D] */
type Sizes = readonly [number, number, number, number, number, number];

function apart(label: string, [B, T, S, H, G, D]: Sizes, masks: Masks = {}): Case {
  const inputs = [x([B, T, H, D]), x([B, S, G, D]), x([B, S, G, D]), ...maskInputs(masks)];
  return define(label, inputs, (q, k, v, ...rest) => a.attention(q, k, v, options(masks, rest)));
}

function packed(label: string, [B, T, H, G, D]: readonly number[], masks: Masks = {}): Case {
  return define(label, [x([B, T, H + 2 * G, D]), ...maskInputs(masks)], (qkv, ...rest) =>
    a.selfAttention(qkv, { heads: H, ...options(masks, rest) }),
  );
}

const ATTENTIONS: Case[] = [
  apart("one of everything", [1, 1, 1, 1, 1, 1]),
  apart("2×5 queries, 7 keys", [2, 5, 7, 2, 2, 4]),
  apart("grouped heads, odd size", [2, 6, 9, 6, 2, 5]),
  apart("one head of keys for all", [1, 4, 18, 3, 1, 8]),
  apart("causal, more queries than keys", [1, 7, 3, 1, 1, 3], { causal: true }),
  apart("one query of a cache", [2, 1, 33, 4, 2, 8], { position: listed([], 20) }),
  apart("one query, odd sizes", [2, 1, 7, 3, 1, 6], { length: listed([2], 7, 2) }),
  apart("more keys than queries, ending together", [1, 5, 40, 2, 1, 16], { position: listed([], 35) }),
  apart("a position for each sample", [3, 4, 19, 2, 2, 4], { position: listed([3], 0, 15, 9) }),
  apart("queries that see nothing", [2, 5, 6, 1, 1, 4], { position: listed([], -3) }),
  apart("lengths, one of them 0", [3, 4, 20, 2, 1, 4], { length: listed([3], 7, 0, 20) }),
  apart("length and position", [2, 6, 17, 2, 2, 8], { position: listed([2], 3, 11), length: listed([2], 5, 30) }),
  apart("a scale", [1, 3, 4, 1, 1, 2], { scale: 0.3 }),
  apart("scale 0", [1, 3, 4, 1, 1, 4], { scale: 0 }),
  apart("several blocks of queries", [1, 61, 50, 2, 1, 20]),
  packed("packed", [2, 9, 3, 3, 8]),
  packed("packed, causal", [2, 33, 2, 2, 16], { causal: true }),
  packed("packed, grouped, causal", [1, 50, 4, 2, 12], { causal: true }),
  packed("packed, causal, lengths", [3, 10, 2, 1, 6], { causal: true, length: listed([3], 10, 4, 1) }),
  packed("packed, size of a head 33", [1, 26, 1, 1, 33], { causal: true }),
  define("from slices", [x([2, 5, 3, 8])], (qkv) => {
    const [q, k, v] = [0, 1, 2].map((i) => reshape(slice(qkv, [{}, {}, { start: i, end: i + 1 }]), [2, 5, 2, 4]));
    return a.attention(q, k, v, { causal: true });
  }),
  define("large scores", [x([1, 5, 1, 4], [-12, 12]), x([1, 6, 1, 4], [-12, 12]), x([1, 6, 1, 4])], (q, k, v) =>
    a.attention(q, k, v),
  ),
];

const ATTRS: a.AttentionAttrs = {
  packed: true,
  heads: 2,
  scale: 0.5,
  causal: true,
  position: false,
  length: false,
};

export const attentionCases = {
  attention: ATTENTIONS,
  attentionLse: [
    define("alone", [fixed(x([3, 7, 6, 4]))], (qkv) => apply(a.attentionLseOp, [qkv], ATTRS), none),
    define(
      "beside the result",
      [fixed(x([2, 30, 4, 4]))],
      (qkv) => {
        const y = apply(a.attentionOp, [qkv], ATTRS);
        return y.sum([3]).add(apply(a.attentionLseOp, [qkv], ATTRS));
      },
      none,
    ),
  ],
  attentionGrad: [
    define(
      "of any result",
      [fixed(x([2, 9, 4, 4])), fixed(x([2, 9, 2], [2, 5])), fixed(x([2, 9, 2, 4])), fixed(x([2, 9, 2, 4]))],
      (qkv, lse, y, g) => apply(a.attentionGradOp, [qkv, lse, y, g], ATTRS),
      none,
    ),
  ],
} satisfies Record<string, Case[]>;

/** Some weights dropped. */
const KEY: CaseInput = ints([2], -2147483648, 2147483647, false);

export const attentionFunctions: Readonly<Record<string, readonly Case[]>> = {
  "attention that drops weights": [
    define("2×5 queries, 7 keys", [x([2, 5, 2, 4]), x([2, 7, 2, 4]), x([2, 7, 2, 4]), KEY], (q, k, v, key) =>
      a.attention(q, k, v, { dropout: { p: 0.25, key, stream: 3 } }),
    ),
    define("packed, causal, grouped heads", [x([3, 6, 8, 3]), KEY], (qkv, key) =>
      a.selfAttention(qkv, { heads: 4, causal: true, dropout: { p: 0.5, key, stream: 0 } }),
    ),
    define(
      "a position and a length for each sample, where some queries see nothing",
      [x([2, 3, 2, 4]), x([2, 6, 1, 4]), x([2, 6, 1, 4]), listed([2], 2, -2), listed([2], 4, 6), KEY],
      (q, k, v, position, length, key) =>
        a.attention(q, k, v, { position, length, scale: 0.7, dropout: { p: 0.1, key, stream: 1 } }),
    ),
  ],
};
