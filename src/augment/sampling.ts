/**
 * Sampling a moved picture, four pixels at a time: where each comes from by the map and the displacements of its record, and
 * what lies there between four pixels of the original. What the ink of the original cannot reach is filled, not sampled.
 */
import {
  addI,
  andI,
  anyTrue,
  bitmask,
  clz,
  ctz,
  extractI,
  type Func,
  type I32,
  i32,
  i32x4Const,
  type Local,
  load,
  load16Lane,
  load32Splat,
  maxS,
  minS,
  mulI,
  shuffle,
  splatConst,
  splatConstI,
  splatI,
  subI,
  type V128,
  v,
  vb,
  vh,
  vi,
} from "../engine/backends/wasm/assembler.ts";
import type { WorkShape } from "./kernels.ts";
import { RECORD } from "./picture-record.ts";

/** Positions have so many binary places: with 11, all products fit into 32 bits. */
const PLACES = 11;
const ONE = 2 ** PLACES;

/** Rows and columns of the moved picture that are sampled; what they end with is not. */
interface Box {
  readonly top: I32;
  readonly bottom: I32;
  /** A multiple of four. */
  readonly left: I32;
  readonly right: I32;
}

/** The kernel `(record, padded plane, plane to write, field of x, field of y)`. */
export function sample(
  f: Func,
  shape: WorkShape,
  { isProjective, isDisplaced }: { readonly isProjective: boolean; readonly isDisplaced: boolean },
): void {
  const { height, width, channels, ground, fieldStride } = shape;
  const [record, plane, out, fieldX, fieldY] = f.params;
  const word = (index: number): Local<"v128"> => f.let(load32Splat(record, 4 * index));
  const [a, b, c, d, e, shiftY, g, h, i] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(word);
  const strength = word(RECORD.strength);
  const [centerX, centerY] = [(width - 1) / 2, (height - 1) / 2];
  const lanes = [0, 1, 2, 3].map((lane) => lane - centerX);
  // Pixels of one row may not run over into the next, which is not written there.
  const hasBox = !isProjective && ground !== undefined && channels === 1 && width >= 16 && width % 4 === 0;
  if (hasBox) f.fill(out, i32(ground), i32(height * width));
  const whole: Box = { top: i32(0), bottom: i32(height), left: i32(0), right: i32(width) };
  const { top, bottom, left, right } = hasBox ? inkBox(f, { height, width, ground }, word) : whole;
  const from = f.let(mulI(top, width)); // first pixel of the row
  const field = f.let(mulI(top, 4 * fieldStride)); // first byte of the field's row

  f.for(top, bottom, 1, (y) => {
    const below = f.let(v.sub(v.fromI(splatI(y)), splatConst(centerY)));
    const rowX = f.let(v.add(v.mul(b, below), c));
    const rowY = f.let(v.add(v.mul(e, below), shiftY));
    const rowW = isProjective ? f.let(v.add(v.mul(h, below), i)) : i;
    f.for(left, right, 4, (x) => {
      const beside = f.let(v.add(v.fromI(splatI(x)), constF(lanes)));
      let px: V128 = v.add(v.mul(a, beside), rowX);
      let py: V128 = v.add(v.mul(d, beside), rowY);
      if (isProjective) {
        const scale = f.let(v.div(splatConst(1), v.add(v.mul(g, beside), rowW)));
        [px, py] = [v.mul(px, scale), v.mul(py, scale)];
      }
      if (isDisplaced) {
        const at = f.let(addI(field, mulI(x, 4)));
        px = v.add(px, v.mul(strength, load(addI(fieldX, at))));
        py = v.add(py, v.mul(strength, load(addI(fieldY, at))));
      }
      const values = interpolate(f, plane, width + 2, fixed(f, px, centerX, width), fixed(f, py, centerY, height));
      f.storeLanes(addI(addI(out, from), x), values, 1);
    });
    f.set(from, addI(from, width));
    if (isDisplaced) f.set(field, addI(field, 4 * fieldStride));
  });
}

/** Where the ink of the padded plane may come to lie. */
function inkBox(
  f: Func,
  { height, width, ground }: { readonly height: number; readonly width: number; readonly ground: number },
  word: (index: number) => Local<"v128">,
): Box {
  const stride = width + 2;
  // The last vector reaches back.
  const starts = Array.from({ length: Math.ceil(width / 16) }, (_, i) => Math.min(16 * i, width - 16));
  const columns = starts.map(() => f.let(splatConstI(0)));
  const [first, last] = [f.let(i32(height)), f.let(i32(-1))];
  const row = f.let(addI(f.params[1], stride + 1));
  f.for(0, height, 1, (y) => {
    const parts = starts.map((x) => f.let(v.xor(load(row, x), splatConstI(ground * 0x01010101))));
    for (const [i, part] of parts.entries()) f.set(columns[i], v.or(columns[i], part));
    f.if(anyTrue(parts.reduce<V128>((all, part) => v.or(all, part), splatConstI(0))), () => {
      f.set(first, minS(first, y));
      f.set(last, y);
    });
    f.set(row, addI(row, stride));
  });
  const [west, east] = [f.let(i32(width)), f.let(i32(-1))];
  for (const [i, x] of starts.entries()) {
    // Of a vector without ink they are beside it, which widens the box a little.
    const mask = f.let(bitmask(vb.ne(columns[i], splatConstI(0))));
    const [low, high] = [f.let(addI(ctz(mask), x)), f.let(subI(i32(x + 31), clz(mask)))];
    f.set(west, minS(west, low));
    f.set(east, maxS(east, high));
  }

  // Its corners, wider by the reach, go through the inverse map.
  const reach = word(RECORD.reach);
  const [centerX, centerY] = [(width - 1) / 2, (height - 1) / 2];
  const off = (at: I32, center: number): V128 => v.sub(v.fromI(splatI(at)), splatConst(center));
  const xs = f.let(shuffle(v.sub(off(west, centerX), reach), v.add(off(east, centerX), reach), [0, 4, 0, 4]));
  const ys = f.let(shuffle(v.sub(off(first, centerY), reach), v.add(off(last, centerY), reach), [0, 0, 4, 4]));
  const span = (row: number, center: number, size: number): readonly [from: Local<"i32">, to: Local<"i32">] => {
    const [p, q, r] = [0, 1, 2].map((k) => word(RECORD.inverse + row + k));
    const at = f.let(v.add(v.add(v.add(v.mul(p, xs), v.mul(q, ys)), r), splatConst(center)));
    const extreme = (pick: (one: V128, other: V128) => V128): I32 => {
      const two = f.let(pick(at, shuffle(at, at, [2, 3, 0, 1])));
      return extractI(v.truncToI(v.floor(pick(two, shuffle(two, two, [1, 0, 3, 2])))), 0);
    };
    const within = (value: I32): Local<"i32"> => f.let(minS(f.let(maxS(f.let(value), i32(0))), i32(size)));
    return [within(extreme(v.min)), within(addI(extreme(v.max), 1))];
  };
  const [top, bottom] = span(3, centerY, height);
  const [left, right] = span(0, centerX, width);
  return { top, bottom, left: f.let(andI(left, -4)), right };
}

const constF = (values: readonly number[]): V128 => i32x4Const([...new Int32Array(new Float32Array(values).buffer)]);

/** From pixels off the center to fixed point in the padded plane; all that is outside lies on the margin. */
function fixed(f: Func, position: V128, center: number, size: number): Local<"v128"> {
  const scaled = v.add(v.mul(position, splatConst(ONE)), splatConst((center + 1) * ONE + 0.5));
  // The last position still has a neighbor in the margin. What is no number is taken for 0.
  const last = (size + 1) * ONE - 1;
  const inside = v.floor(v.pmin(v.pmax(splatConst(0), scaled), splatConst(last)));
  // Beside 2²³ a float32 has no places: its low bits are the whole number. V8 converts in twice as many instructions.
  return f.let(v.and(v.add(inside, splatConst(2 ** 23)), splatConstI(2 ** 23 - 1)));
}

/** Four values between pixels, as the low four bytes. */
function interpolate(f: Func, plane: I32, stride: number, px: V128, py: V128): V128 {
  const fraction = splatConstI(ONE - 1);
  const corner = f.let(vi.add(vi.mul(vi.shrU(py, PLACES), splatConstI(stride)), vi.shrU(px, PLACES)));
  // 16-bit lanes 0 … 3 get two neighbors of the upper row each, lanes 4 … 7 those below them.
  let pairs: V128 = splatConstI(0);
  for (let lane = 0; lane < 4; lane++) {
    const address = f.let(addI(plane, extractI(corner, lane)));
    pairs = load16Lane(address, load16Lane(address, pairs, lane), lane + 4, stride);
  }
  const loaded = f.let(pairs);
  const fx = f.let(v.and(px, fraction));
  const fy = f.let(v.and(py, fraction));
  const weights = f.let(v.or(vi.shl(fx, 16), vi.sub(splatConstI(ONE), fx)));
  const upper = vh.dot(v.widenLow8(loaded), weights);
  const lower = vh.dot(v.widenHigh8(loaded), weights);
  const sum = vi.add(vi.mul(upper, vi.sub(splatConstI(ONE), fy)), vi.mul(lower, fy));
  const rounded = f.let(vi.shrU(vi.add(sum, splatConstI(1 << (2 * PLACES - 1))), 2 * PLACES));
  const halves = f.let(vh.narrow(rounded, rounded));
  return vb.narrow(halves, halves);
}
