/**
 * The inner loops of augmentation as WebAssembly SIMD, for pictures of one size: sampling a moved picture, and thickening
 * or thinning its strokes. Both read a padded plane (one channel with a margin of one pixel, see workspace.ts) and write
 * a plane without margin. No fused arithmetic: the same bytes on every machine.
 */
import {
  addI,
  extractI,
  type Func,
  type I32,
  i32,
  i32x4Const,
  type Local,
  load,
  load16Lane,
  load32Splat,
  ModuleBuilder,
  mulI,
  splatConst,
  splatConstI,
  splatH,
  splatI,
  subI,
  type V128,
  v,
  vb,
  vh,
  vi,
} from "../../engine/backends/wasm/assembler.ts";

/** Positions have so many binary places: with 11, all products fit into 32 bits. */
const PLACES = 11;
const ONE = 2 ** PLACES;

/** Vectors are stored whole, so so many bytes after a plane are overwritten. */
export const OVERRUN = 16;

/** Words of the parameter block: the map's matrix row by row, then the strength of the displacements. */
export const PARAMETERS = { matrix: 0, strength: 9, count: 10 } as const;

/** Functions of {@link augmentationKernels}; all arguments are addresses in bytes but those that say otherwise. */
export interface Kernels {
  /** Copies a plane into the middle of a padded one. */
  readonly pad: (from: number, plane: number) => void;
  /** Samples `plane` at the positions that the matrix says. */
  readonly affine: (parameters: number, plane: number, out: number) => void;
  /** Fields of displacements [height, width of `fieldStride`] are added to the positions. */
  readonly affineField: (parameters: number, plane: number, out: number, fieldX: number, fieldY: number) => void;
  readonly projective: (parameters: number, plane: number, out: number) => void;
  readonly projectiveField: (parameters: number, plane: number, out: number, fieldX: number, fieldY: number) => void;
  /** Each value goes `share`/256 of the way to the largest of its own and its four neighbours'. */
  readonly grow: (share: number, plane: number, out: number) => void;
  /** … to the smallest. */
  readonly shrink: (share: number, plane: number, out: number) => void;
}

export interface PlaneShape {
  readonly height: number;
  readonly width: number;
  /** Numbers from one row of a field to the next. */
  readonly fieldStride: number;
}

/** Assembles, compiles and instantiates the kernels over `memory`. */
export function augmentationKernels(shape: PlaneShape, memory: WebAssembly.Memory, pages: number): Kernels {
  const module = new ModuleBuilder();
  const define = (name: keyof Kernels, paramCount: number, body: (f: Func) => void): void => {
    const f = module.func(name, paramCount);
    body(f);
    module.export(f);
  };
  define("pad", 2, (f) => pad(f, shape));
  define("affine", 3, (f) => sample(f, shape, false, false));
  define("affineField", 5, (f) => sample(f, shape, false, true));
  define("projective", 3, (f) => sample(f, shape, true, false));
  define("projectiveField", 5, (f) => sample(f, shape, true, true));
  define("grow", 3, (f) => blendWithNeighbours(f, shape, true));
  define("shrink", 3, (f) => blendWithNeighbours(f, shape, false));
  const compiled = new WebAssembly.Module(module.encode({ shared: false, maximum: pages }));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels;
}

function pad(f: Func, { height, width }: PlaneShape): void {
  const from = f.let(f.params[0]);
  const to = f.let(addI(f.params[1], width + 2 + 1));
  f.for(0, height, 1, () => {
    if (width < 16) f.copy(to, from, i32(width));
    else {
      // The last vector reaches back, so that nothing is written beyond the row.
      for (let x = 0; x < width; x += 16) {
        const at = Math.min(x, width - 16);
        f.store(to, load(from, at), at);
      }
    }
    f.set(from, addI(from, width));
    f.set(to, addI(to, width + 2));
  });
}

function sample(f: Func, shape: PlaneShape, isProjective: boolean, isDisplaced: boolean): void {
  const { height, width, fieldStride } = shape;
  const [parameters, plane, out, fieldX, fieldY] = f.params;
  const word = (index: number): Local<"v128"> => f.let(load32Splat(parameters, 4 * index));
  const [a, b, c, d, e, shiftY, g, h, i] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(word);
  const strength = word(PARAMETERS.strength);
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const lanes = [0, 1, 2, 3].map((lane) => lane - centreX);
  const from = f.let(i32(0)); // first pixel of the row
  const field = f.let(i32(0)); // first byte of the field's row

  f.for(0, height, 1, (y) => {
    const below = f.let(v.sub(v.fromI(splatI(y)), splatConst(centreY)));
    const rowX = f.let(v.add(v.mul(b, below), c));
    const rowY = f.let(v.add(v.mul(e, below), shiftY));
    const rowW = isProjective ? f.let(v.add(v.mul(h, below), i)) : i;
    f.for(0, width, 4, (x) => {
      const right = f.let(v.add(v.fromI(splatI(x)), constF(lanes)));
      let px: V128 = v.add(v.mul(a, right), rowX);
      let py: V128 = v.add(v.mul(d, right), rowY);
      if (isProjective) {
        const scale = f.let(v.div(splatConst(1), v.add(v.mul(g, right), rowW)));
        [px, py] = [v.mul(px, scale), v.mul(py, scale)];
      }
      if (isDisplaced) {
        const at = f.let(addI(field, mulI(x, 4)));
        px = v.add(px, v.mul(strength, load(addI(fieldX, at))));
        py = v.add(py, v.mul(strength, load(addI(fieldY, at))));
      }
      const values = interpolate(f, plane, width + 2, fixed(f, px, centreX, width), fixed(f, py, centreY, height));
      f.storeLanes(addI(addI(out, from), x), values, 1);
    });
    f.set(from, addI(from, width));
    if (isDisplaced) f.set(field, addI(field, 4 * fieldStride));
  });
}

const constF = (values: readonly number[]): V128 => i32x4Const([...new Int32Array(new Float32Array(values).buffer)]);

/** From pixels off the centre to fixed point in the padded plane; all that is outside lies on the margin. */
function fixed(f: Func, position: V128, centre: number, size: number): Local<"v128"> {
  const scaled = v.add(v.mul(position, splatConst(ONE)), splatConst((centre + 1) * ONE + 0.5));
  // The last position still has a neighbour in the margin.
  const last = (size + 1) * ONE - 1;
  return f.let(vi.min(vi.max(v.truncToI(scaled), splatConstI(0)), splatConstI(last)));
}

/** Four values between pixels, as the low four bytes. */
function interpolate(f: Func, plane: I32, stride: number, px: V128, py: V128): V128 {
  const fraction = splatConstI(ONE - 1);
  const corner = f.let(vi.add(vi.mul(vi.shrU(py, PLACES), splatConstI(stride)), vi.shrU(px, PLACES)));
  // 16-bit lanes 0 … 3 get two neighbours of the upper row each, lanes 4 … 7 those below them.
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

function blendWithNeighbours(f: Func, { height, width }: PlaneShape, isGrowing: boolean): void {
  const [share, plane, out] = f.params;
  const stride = width + 2;
  const factor = f.let(splatH(share));
  const from = f.let(addI(plane, stride + 1));
  const to = f.let(out);
  const pick = isGrowing ? vb.max : vb.min;
  const scaled = (part: V128): V128 => vh.shrU(vh.mul(part, factor), 8);
  f.for(0, height, 1, () => {
    f.for(0, width, 16, (x) => {
      const at = f.let(addI(from, x));
      const own = f.let(load(at));
      const level = pick(load(subI(at, 1)), load(at, 1));
      const upright = pick(load(subI(at, stride)), load(at, stride));
      const best = f.let(pick(own, pick(level, upright)));
      const difference = f.let(isGrowing ? vb.sub(best, own) : vb.sub(own, best));
      const step = vb.narrow(scaled(v.widenLow8(difference)), scaled(v.widenHigh8(difference)));
      f.store(addI(to, x), isGrowing ? vb.add(own, step) : vb.sub(own, step));
    });
    f.set(from, addI(from, stride));
    f.set(to, addI(to, width));
  });
}
