/**
 * Rotary position embedding (Su et al., RoFormer, arXiv 2104.09864): pairs of features are turned by an angle that grows with
 * the position, so that products of queries and keys depend on how far apart they are.
 *
 * Which features make a pair is a matter of the files that weights come from, and a wrong choice is hard to notice: so the style
 * has no default. Angles are worked out in double precision while tracing and stand in tables.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { apply, type Composite, Tensor } from "../tensor.ts";
import { arange } from "./arange.ts";
import { constant } from "./constant.ts";
import { add, cast, mul, sub } from "./elementwise.ts";
import { embedding } from "./gather.ts";
import { concat, flip, reshape, slice } from "./movement.ts";
import { requireType } from "./op-helpers.ts";
import { finite, MOST, oneOf, truth, whole } from "./stored.ts";

/** "half": feature i with i + dims/2 (Hugging Face, ONNX interleaved = 0); "pairs": 2i with 2i + 1 (llama2.c, interleaved = 1). */
export type RopeStyle = "half" | "pairs";

export interface RopeAttrs {
  readonly style: RopeStyle;
  /** Pair i turns by theta^(−2i/dims) a position. */
  readonly theta: number;
  /** How many features are turned, from the first on; even. */
  readonly dims: number;
  /** Position of row 0 where no input says it. */
  readonly offset: number;
  /** Where an input says it: how many positions there are. */
  readonly positions: number;
  /** Whether to turn back, which is also what the gradient does. */
  readonly inverse: boolean;
}

/** Inputs: x [batch, time, …, features], and perhaps int32 positions: [] or [batch] of row 0, or [batch, time]. */
export const ropeOp: Composite<RopeAttrs> = {
  name: "rope",
  layer: { kind: "RotaryEmbedding" },
  stored: {
    inputs: [1, 2],
    attrs: {
      style: oneOf("half", "pairs"),
      theta: finite,
      dims: whole(2, MOST),
      offset: whole(-MOST, MOST),
      positions: whole(0, MOST),
      inverse: truth,
    },
  },
  infer: ([x, position], { theta, dims, positions }) => {
    requireType("rope", x, "float32");
    const features = x.shape[x.shape.length - 1];
    if (x.shape.length < 3) {
      throw new ShapeError(`rope: input is ${formatShape(x.shape)}; expected [batch, time, …, features]`);
    }
    if (dims % 2 !== 0 || dims > features) {
      throw new ShapeError(`rope: ${dims} features cannot be turned in pairs, of ${formatShape(x.shape)}`);
    }
    if (!(theta > 0)) throw new ShapeError(`rope: theta is ${theta} but must be more than 0`);
    if (position === undefined) return x;
    requireType("rope", position, "int32", "position");
    if (![[], x.shape.slice(0, 1), x.shape.slice(0, 2)].some((s) => formatShape(s) === formatShape(position.shape))) {
      throw new ShapeError(
        `rope: positions are ${formatShape(position.shape)} but the input is ${formatShape(x.shape)}; expected [], [batch] or [batch, time]`,
      );
    }
    if (positions < 1) throw new ShapeError("rope: say how many positions there are at most, as `positions`");
    return x;
  },
  body: ([x, position], attrs) => turned(x, turns(x.shape, position, attrs), attrs),
  // A rotation's transpose is the rotation back.
  gradient: (g, { inputs: [, ...position], attrs }) => [
    apply(ropeOp, [g, ...position], { ...attrs, inverse: !attrs.inverse }),
    ...position.map(() => undefined),
  ],
};

/**
 * The body of {@link ropeOp} for graphs that are written once for any time: the same tables whatever the time is, where no input
 * says the positions. Places are 256·h + l, and the angle of a place is the sum of two, whose sines and cosines stand in two
 * tables: for 65,536 places. The products are rounded, so results differ from those of the body in the last bit.
 */
export const ropeOfAnyLength: Composite<RopeAttrs>["body"] = ([x, position], attrs) => {
  if (position !== undefined) return turned(x, turns(x.shape, position, attrs), attrs);
  const [, T, ...rest] = x.shape;
  const places = arange(T);
  const high = cast(mul(cast(places, "float32"), 1 / STRIDE), "int32"); // without the fraction
  const low = sub(places, mul(high, STRIDE));
  const rowsOf = (rows: Tensor, { cosines, sines }: Tables): readonly [Tensor, Tensor] => [
    embedding(rows, cosines), // [T, dims]
    embedding(rows, sines),
  ];
  const [cosHigh, sinHigh] = rowsOf(high, tables(attrs, attrs.offset, STRIDE, STRIDE));
  const [cosLow, sinLow] = rowsOf(low, tables(attrs, 0, STRIDE));
  const over = [T, ...rest.slice(0, -1).map(() => 1), attrs.dims];
  // cos(a + b) and sin(a + b); that the sine of a pair's first feature has the other sign changes neither.
  const cosines = reshape(sub(mul(cosHigh, cosLow), mul(sinHigh, sinLow)), over);
  const sines = reshape(add(mul(sinHigh, cosLow), mul(cosHigh, sinLow)), over);
  return turned(x, { cosines, sines }, attrs);
};

/** Places from one row of the coarse table to the next, and rows of both tables. */
const STRIDE = 256;

/** The features by tables that broadcast over them. */
function turned(x: Tensor, { cosines, sines }: Tables, { dims, style, inverse }: RopeAttrs): Tensor {
  const features = x.shape[x.rank - 1];
  const upTo = (end: number): Tensor => slice(x, [...x.shape.slice(1).map(() => ({})), { end }]);
  const front = dims === features ? x : upTo(dims);
  const pairs = style === "half" ? [2, dims / 2] : [dims / 2, 2];
  const split = reshape(front, [...x.shape.slice(0, -1), ...pairs]);
  const swapped = reshape(flip(split, [style === "half" ? -2 : -1]), front.shape);
  const [own, other] = [mul(front, cosines), mul(swapped, sines)];
  const result = inverse ? sub(own, other) : add(own, other);
  if (dims === features) return result;
  return concat([result, slice(x, [...x.shape.slice(1).map(() => ({})), { start: dims }])], -1);
}

/** What each feature, and the other one of its pair, is multiplied by: [time, 1, …, dims], or with the batch before it. */
function turns(shape: Shape, position: Tensor | undefined, attrs: RopeAttrs): Tables {
  const [B, T, ...rest] = shape;
  const between = rest.slice(0, -1).map(() => 1);
  if (position === undefined) {
    const { cosines, sines } = tables(attrs, attrs.offset, T);
    const over = [T, ...between, attrs.dims];
    return { cosines: reshape(cosines, over), sines: reshape(sines, over) };
  }
  const { cosines, sines } = tables(attrs, 0, attrs.positions);
  const rows = position.rank === 2 ? position : add(reshape(position, [position.size, 1]), arange(T)); // [B, T] or [1, T]
  const over = [position.rank === 0 ? 1 : B, T, ...between, attrs.dims];
  return { cosines: reshape(embedding(rows, cosines), over), sines: reshape(embedding(rows, sines), over) };
}

interface Tables {
  readonly cosines: Tensor;
  readonly sines: Tensor;
}

/** The last tables: all layers of a network ask for the same ones. */
const known = new Map<string, Tables>();
const MOST_KNOWN = 8;

/** Rows for `count` positions from `first` on, each `stride` behind the one before; [count, dims] each. */
function tables({ style, theta, dims }: RopeAttrs, first: number, count: number, stride = 1): Tables {
  const key = `${style} ${theta} ${dims} ${first} ${count} ${stride}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const half = dims / 2;
  const cosines: number[] = [];
  const sines: number[] = [];
  for (let row = 0; row < count; row++) {
    for (let d = 0; d < dims; d++) {
      const pair = style === "half" ? d % half : Math.floor(d / 2);
      const isFirst = style === "half" ? d < half : d % 2 === 0;
      const angle = (first + row * stride) * Math.exp((-2 * pair * Math.log(theta)) / dims);
      cosines.push(Math.fround(Math.cos(angle)));
      sines.push(Math.fround(isFirst ? -Math.sin(angle) : Math.sin(angle)));
    }
  }
  const shape = [count, dims];
  const made = { cosines: constant(cosines, "float32", shape), sines: constant(sines, "float32", shape) };
  known.set(key, made);
  for (const oldest of known.keys()) if (known.size > MOST_KNOWN) known.delete(oldest);
  return made;
}

/** Options of {@link rope}. */
export interface RopeOptions {
  /** Which features make a pair; see {@link RopeStyle}. */
  readonly style: RopeStyle;
  /** Position of row 0, a number or int32 [] or [batch], or those of all rows, int32 [batch, time]; default 0. */
  readonly position?: number | Tensor | undefined;
  /** With positions in a tensor: how many there are. A row at another is set to 0. */
  readonly positions?: number | undefined;
  /** Base of the angles; default 10,000. */
  readonly theta?: number | undefined;
  /** How many features are turned, from the first on; default all. The others stay as they are. */
  readonly dims?: number | undefined;
}

/**
 * Turns the features of queries or keys [batch, time, …, features] by their positions, as Hugging Face's models do or llama2.c's.
 * @throws ShapeError for an odd number of features, or positions that do not fit
 */
export function rope(x: Tensor, options: RopeOptions): Tensor {
  const { style, position = 0, positions = 0, theta = 10_000, dims = x.shape[x.rank - 1] } = options;
  const given = position instanceof Tensor ? [position] : [];
  const offset = position instanceof Tensor ? 0 : position;
  return apply(ropeOp, [x, ...given], { style, theta, dims, offset, positions, inverse: false });
}
