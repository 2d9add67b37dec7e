/**
 * Kernels of connectionist temporal classification (ops/ctc.ts): a thread takes one sample after the other, frame by frame,
 * four states at a time. Logarithms of probabilities are kept in double precision; what is added to the largest of three when
 * they are added up lies between 0 and ln 3, and comes from exp and log in single precision.
 *
 * A row of states has one pair of −∞ before it and one behind its last four, so that neighbors can be read everywhere.
 */
import type { CtcAttrs } from "../../../ops/ctc.ts";
import {
  addI,
  andI,
  anyTrue,
  divU,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  load32Zero,
  loadI32,
  ltU,
  maxS,
  minS,
  mulI,
  neI,
  select,
  shuffle,
  splatConst,
  splatConstD,
  subI,
  type V128,
  v,
  vd,
} from "../assembler.ts";
import { exp, log } from "../math.ts";
import type { Domain, Kernel, RootKernel } from "./kernel.ts";

/** Four numbers in double precision. */
type Four = readonly [low: V128, high: V128];

/** Where a thread keeps what belongs to a sample, in bytes from the start of its scratch memory. */
interface Layout {
  /** Byte offset of each symbol's output in a frame, int32. */
  readonly symbols: number;
  /** What is added to what skips a blank to reach a state: 0 where that is allowed, else −∞; float32. */
  readonly skips: number;
  /** Log-probability of each state's class in a frame, float32. */
  readonly emissions: number;
  /** What share of all paths is in each state in a frame, float32. */
  readonly shares: number;
  /** Each class's share of its frame's softmax, times a number near 1, float32; behind the last, 0. */
  readonly odds: number;
  /** The sum of the shares of each class's states, likewise. */
  readonly counts: number;
  /** State 0 of the first row of states, and the bytes of a row. */
  readonly rows: number;
  readonly rowBytes: number;
}

const GUARD = 16;

function layoutOf([logits, , targets]: Kernel["root"]["inputs"]): Layout {
  const length = targets.shape[1];
  const states = Math.ceil((2 * length + 1) / 4) * 4;
  const skips = Math.ceil(length / 4) * 16;
  const emissions = skips + (states + 4) * 4;
  const shares = emissions + states * 4;
  const odds = shares + states * 4;
  const counts = odds + classBytes(logits.shape[2]);
  const rows = counts + classBytes(logits.shape[2]) + GUARD;
  return { symbols: 0, skips, emissions, shares, odds, counts, rows, rowBytes: states * 8 + 2 * GUARD };
}

const scratchFor = (root: Kernel["root"], rows: number): number => {
  const layout = layoutOf(root.inputs);
  return layout.rows + rows * layout.rowBytes;
};

/** Two rows, the one before and the next. */
const ctcScratch = (root: Kernel["root"]): number => scratchFor(root, 2);

/** Forward, a row for every frame and the one before; backward two. */
const ctcGradScratch = (root: Kernel["root"]): number => scratchFor(root, root.shape[1] + 3);

const ctcDomain = ({ shape }: Kernel["group"]): Domain => ({ size: shape[0], unit: 1 });

/** What both kernels do with a sample. */
class Sample {
  readonly kernel: Kernel;
  readonly layout: Layout;
  readonly n: I32;
  /** How many frames and symbols there are. */
  readonly frames: Local<"i32">;
  readonly length: Local<"i32">;
  /** Whether all symbols are among the outputs. */
  readonly isValid: Local<"i32">;
  /** Bytes of a row up to its last four states. */
  readonly reach: Local<"i32">;

  constructor(kernel: Kernel, n: I32) {
    const { f, root } = kernel;
    const [logits, , targets, inputLengths, targetLengths] = root.inputs;
    const [, T, C] = logits.shape;
    const most = targets.shape[1];
    this.kernel = kernel;
    this.layout = layoutOf(root.inputs);
    this.n = n;
    const lengthOf = (tensor: typeof logits, limit: number): Local<"i32"> => {
      const given = f.let(loadI32(addI(kernel.pointer(tensor), mulI(n, 4))));
      return f.let(minS(f.let(maxS(given, i32(0))), i32(limit)));
    };
    this.frames = lengthOf(inputLengths, T);
    this.length = lengthOf(targetLengths, most);
    this.isValid = f.local("i32", i32(1));
    this.reach = f.let(mulI(andI(addI(mulI(this.length, 2), 4), -4), 8));

    const { symbols, skips, emissions, shares } = this.layout;
    this.#fill(skips, (emissions - skips) / 16);
    this.#fill(emissions, (shares - emissions) / 16);
    const before = f.local("i32", i32(-1));
    f.for(0, this.length, 1, (j) => {
      const label = f.let(loadI32(addI(kernel.pointer(targets), mulI(addI(mulI(n, most), j), 4))));
      const isClass = f.let(ltU(label, C));
      f.set(this.isValid, andI(this.isValid, isClass));
      f.storeI32(this.#at(symbols, j, 4), select(isClass, f.let(mulI(label, 4)), i32(0)));
      // From the label before, if it is another one.
      const mayBeSkipped = andI(neI(j, 0), neI(label, before));
      const skip = select(f.let(mayBeSkipped), splatConst(0), splatConst(Number.NEGATIVE_INFINITY));
      f.storeLanes(this.#at(skips, j, 8), skip, 1, 4);
      f.set(before, label);
    });
  }

  #at(part: number, index: I32, size: number): I32 {
    return addI(addI(this.kernel.scratch, mulI(index, size)), part);
  }

  /** Sets so many vectors to −∞. */
  #fill(part: number, vectors: number): void {
    const { f } = this.kernel;
    f.for(0, vectors, 1, (i) => f.store(this.#at(part, i, 16), splatConst(Number.NEGATIVE_INFINITY)));
  }

  /** State 0 of a row. */
  row(index: I32 | number): Local<"i32"> {
    const offset = typeof index === "number" ? i32(index * this.layout.rowBytes) : mulI(index, this.layout.rowBytes);
    return this.kernel.f.let(addI(addI(this.kernel.scratch, offset), this.layout.rows));
  }

  /** A row before the first frame, or behind the last one: all paths are in one state, 0 or the last. */
  start(row: I32, isLast: boolean): void {
    const { f } = this.kernel;
    f.for(0, this.reach, 16, (i) => f.store(addI(row, i), splatConstD(Number.NEGATIVE_INFINITY)));
    this.close(row);
    f.storeLanes(isLast ? addI(row, mulI(this.length, 16)) : row, splatConst(0), 2); // 0 in double precision
  }

  /** Writes the −∞ around a row. */
  close(row: I32): void {
    const { f } = this.kernel;
    f.store(subI(row, GUARD), splatConstD(Number.NEGATIVE_INFINITY));
    f.store(addI(row, this.reach), splatConstD(Number.NEGATIVE_INFINITY));
  }

  /** Index of frame t of the sample among all frames, and the address of its first class. */
  frame(t: I32): { readonly index: Local<"i32">; readonly outputs: Local<"i32"> } {
    const { f, root } = this.kernel;
    const [logits] = root.inputs;
    const [, T, C] = logits.shape;
    const index = f.let(addI(mulI(this.n, T), t));
    return { index, outputs: f.let(addI(this.kernel.pointer(logits), mulI(index, C * 4))) };
  }

  logSum(index: I32): I32 {
    return addI(this.kernel.pointer(this.kernel.root.inputs[1]), mulI(index, 4));
  }

  /** Writes the log-probabilities of the states' outputs in frame t. */
  emit(t: I32): void {
    const { f, root, scratch } = this.kernel;
    const { symbols, emissions } = this.layout;
    const { index, outputs } = this.frame(t);
    const logSum = f.let(load32Zero(this.logSum(index)));
    const blank = f.let(v.sub(load32Zero(outputs, (root.attrs as CtcAttrs).blank * 4), logSum));
    f.for(0, this.length, 1, (j) => {
      const to = f.let(this.#at(emissions, j, 8));
      f.storeLanes(to, blank, 1);
      const label = f.let(addI(outputs, loadI32(this.#at(symbols, j, 4))));
      f.storeLanes(to, v.sub(load32Zero(label), logSum), 1, 4);
    });
    f.storeLanes(addI(addI(scratch, emissions), mulI(this.length, 8)), blank, 1);
  }

  /** Calls `visit` for every four states, with the byte offset of the first in a row, and in rows of single precision. */
  overStates(visit: (offset: I32, half: I32) => void): void {
    const { f } = this.kernel;
    f.for(0, f.let(divU(this.reach, 2)), 16, (half) => visit(f.let(mulI(half, 2)), half));
  }

  emissions(half: I32): Four {
    return this.four(load(addI(this.kernel.scratch, half), this.layout.emissions));
  }

  /** What is added to what skips a blank to reach the four states from `ahead` states on. */
  skips(half: I32, ahead: number): Four {
    return this.four(load(addI(this.kernel.scratch, half), this.layout.skips + ahead * 4));
  }

  /** Four numbers of single precision in double precision. */
  four(single: V128): Four {
    const x = this.kernel.f.let(single);
    return [vd.fromF(x), vd.fromF(shuffle(x, x, [2, 3, 2, 3]))];
  }

  /** ln(eᵃ + eᵇ + eᶜ), −∞ where all are. */
  logAdd(...terms: readonly Four[]): Four {
    const { f, isa } = this.kernel;
    const known = terms.map(([low, high]): Four => [f.let(low), f.let(high)]);
    const largest = (half: 0 | 1): Local<"v128"> =>
      f.let(known.map((term) => term[half]).reduce((top, x) => vd.max(top, x), LEAST));
    const top: Four = [largest(0), largest(1)];
    const parts = known.map((term) => exp(f, isa, f.let(single(term, top))));
    const excess = log(f, isa, f.let(parts.reduce((total, part) => v.add(total, part))));
    return added(top, this.four(excess));
  }

  /** α of a frame whose emissions are written, from that of the frame before. */
  forward(before: I32, after: I32): void {
    const { f } = this.kernel;
    this.overStates((offset, half) => {
      const from = f.let(subI(addI(before, offset), 16));
      const stays: Four = [load(from, 16), load(from, 32)];
      const moves: Four = [load(from, 8), load(from, 24)];
      const jumps = added([load(from), load(from, 16)], this.skips(half, 0));
      store(this.kernel, addI(after, offset), added(this.logAdd(stays, moves, jumps), this.emissions(half)));
    });
    this.close(after);
  }

  /** ln of the probability of all paths that end in one of the last two states, in both lanes. */
  logProbability(last: I32): Local<"v128"> {
    const { f } = this.kernel;
    const ends = f.let(load(subI(addI(last, mulI(this.length, 16)), 8)));
    const swapped = shuffle(ends, ends, [2, 3, 0, 1]);
    return f.let(this.logAdd([ends, ends], [swapped, swapped])[0]);
  }
}

/** Below all logarithms of probabilities but −∞. */
const LEAST = splatConstD(-1e300);

const added = (a: Four, b: Four): Four => [vd.add(a[0], b[0]), vd.add(a[1], b[1])];

/** a − b in single precision. */
const single = (a: Four, b: Four): V128 =>
  shuffle(vd.toF(vd.sub(a[0], b[0])), vd.toF(vd.sub(a[1], b[1])), [0, 1, 4, 5]);

function swap({ f }: Kernel, a: Local<"i32">, b: Local<"i32">): void {
  const first = f.let(a);
  f.set(a, b);
  f.set(b, first);
}

function store({ f }: Kernel, address: I32, [low, high]: Four): void {
  const to = f.let(address);
  f.store(to, low);
  f.store(to, high, 16);
}

/** Where there is a target that no path gives, or a label that is no class: 1. */
function impossible({ kernel: { f }, isValid }: Sample, logProbability: V128): Local<"i32"> {
  const none = anyTrue(v.eq(vd.toF(logProbability), splatConst(Number.NEGATIVE_INFINITY)));
  return f.let(select(isValid, none, i32(1)));
}

function ctcKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const { zeroInfinity } = root.attrs as CtcAttrs;
  f.for(begin, end, 1, (n) => {
    const sample = new Sample(kernel, n);
    const rows = [sample.row(0), sample.row(1)] as const;
    sample.start(rows[0], false);
    f.if(sample.isValid, () => {
      f.for(0, sample.frames, 1, (t) => {
        sample.emit(t);
        sample.forward(...rows);
        swap(kernel, ...rows);
      });
    });
    const logProbability = sample.logProbability(rows[0]);
    const loss = f.local("v128", v.neg(vd.toF(logProbability)));
    f.if(impossible(sample, logProbability), () =>
      f.set(loss, splatConst(zeroInfinity ? 0 : Number.POSITIVE_INFINITY)),
    );
    kernel.finish(f, loss, f.let(mulI(n, 4)), i32(0), 0, 1);
  });
}

function ctcGradKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const { zeroInfinity } = root.attrs as CtcAttrs;
  const [, T, C] = root.shape;
  const g = root.inputs[root.inputs.length - 1];
  f.for(begin, end, 1, (n) => {
    const sample = new Sample(kernel, n);
    const { frames } = sample;
    f.zero(addI(kernel.scratch, sample.layout.odds), i32(classBytes(C)));
    const first = sample.row(0);
    sample.start(first, false);
    f.if(sample.isValid, () => {
      f.for(0, frames, 1, (t) => {
        sample.emit(t);
        sample.forward(sample.row(t), sample.row(addI(t, 1)));
      });
    });
    const logProbability = sample.logProbability(sample.row(frames));
    const result = f.let(addI(kernel.pointer(root), mulI(n, T * C * 4)));
    const used = f.let(mulI(frames, C * 4));
    f.if(
      impossible(sample, logProbability),
      () => f.fill(result, i32(zeroInfinity ? 0 : 255), used), // all bits set: NaN
      () => backward(sample, f.let(load32Splat(addI(kernel.pointer(g), mulI(n, 4))))),
    );
    f.zero(addI(result, used), subI(i32(T * C * 4), used));
  });
}

/** From the last frame to the first: β, and with it what each frame's gradient is. */
function backward(sample: Sample, g: V128): void {
  const { kernel, frames } = sample;
  const { f } = kernel;
  const T = kernel.root.shape[1];
  const rows = [sample.row(T + 1), sample.row(T + 2)] as const;
  sample.start(rows[0], true);
  f.for(0, frames, 1, (done) => {
    const t = f.let(subI(subI(frames, 1), done));
    sample.emit(t);
    const [after, before] = rows;
    const alpha = sample.row(addI(t, 1));
    const most: Local<"v128"> = f.let(LEAST);
    sample.overStates((offset, half) => {
      const from = f.let(addI(after, offset));
      const stays: Four = [load(from), load(from, 16)];
      const moves: Four = [load(from, 8), load(from, 24)];
      const jumps = added([load(from, 16), load(from, 32)], sample.skips(half, 2));
      const toEnd = sample.logAdd(stays, moves, jumps).map((x) => f.let(x)) as unknown as Four;
      store(kernel, addI(before, offset), added(toEnd, sample.emissions(half)));
      const at = f.let(addI(alpha, offset));
      const through = added([load(at), load(at, 16)], toEnd).map((x) => f.let(x)) as unknown as Four;
      store(kernel, at, through);
      f.set(most, vd.max(most, vd.max(...through)));
    });
    sample.close(before);
    frameGradient(sample, t, alpha, f.let(vd.max(most, shuffle(most, most, [2, 3, 0, 1]))), g);
    swap(kernel, ...rows);
  });
}

/**
 * (softmax − each class's share) · g of frame t. Where a network is sure, both are nearly 1: they are p/P and q/Q with sums P and
 * Q in double precision of the very numbers p and q of single precision, and (p·Q − q·P)/(P·Q) cancels what is near 1 exactly.
 * @param through ln of the probability of all paths that are in each state then
 * @param most the largest of those
 */
function frameGradient(sample: Sample, t: I32, through: I32, most: V128, g: V128): void {
  const { kernel, layout, length } = sample;
  const { f, isa, root, scratch } = kernel;
  const C = root.shape[2];
  const shares = f.let(addI(scratch, layout.shares));
  const [odds, counts] = [layout.odds, layout.counts].map((part) => f.let(addI(scratch, part)));
  sample.overStates((offset, half) => {
    const at = f.let(addI(through, offset));
    f.store(addI(shares, half), exp(f, isa, f.let(single([load(at), load(at, 16)], [most, most]))));
  });

  const { index, outputs } = sample.frame(t);
  const logSum = f.let(load32Splat(sample.logSum(index)));
  overClasses(f, C, (at, lanes) => {
    const x = f.let(v.sub(load(addI(outputs, at)), logSum));
    f.storeLanes(addI(odds, at), exp(f, isa, x), lanes);
  });

  f.zero(counts, i32(classBytes(C)));
  const count = (address: I32, share: V128): void => f.storeLanes(address, v.add(load32Zero(address), share), 1);
  const blank: Local<"v128"> = f.let(load32Zero(addI(shares, mulI(length, 8))));
  f.for(0, length, 1, (j) => {
    const at = f.let(addI(shares, mulI(j, 8)));
    f.set(blank, v.add(blank, load32Zero(at)));
    const label = loadI32(addI(addI(scratch, mulI(j, 4)), layout.symbols));
    count(f.let(addI(counts, label)), load32Zero(at, 4));
  });
  count(addI(counts, i32((root.attrs as CtcAttrs).blank * 4)), blank);

  // Lanes behind the last class are 0 in both.
  const [P, Q]: readonly Local<"v128">[] = [f.let(splatConstD(0)), f.let(splatConstD(0))];
  overClasses(f, C, (at) => {
    for (const [sum, numbers] of [
      [P, odds],
      [Q, counts],
    ] as const) {
      f.set(sum, vd.add(sum, vd.add(...sample.four(load(addI(numbers, at))))));
    }
  });
  for (const sum of [P, Q]) f.set(sum, vd.add(sum, shuffle(sum, sum, [2, 3, 0, 1])));
  const scale = f.let(vd.div(vd.fromF(g), vd.mul(P, Q)));
  const result = f.let(addI(kernel.pointer(root), mulI(index, C * 4)));
  overClasses(f, C, (at, lanes) => {
    const [p, q] = [odds, counts].map((numbers) => sample.four(load(addI(numbers, at))));
    const [low, high] = ([0, 1] as const).map((half) =>
      vd.toF(vd.mul(vd.sub(vd.mul(p[half], Q), vd.mul(q[half], P)), scale)),
    );
    f.storeLanes(addI(result, at), shuffle(low, high, [0, 1, 4, 5]), lanes);
  });
}

/** Calls `visit` for every four classes of a frame, with their byte offset and how many there are. */
function overClasses(f: Kernel["f"], classes: number, visit: (at: I32, lanes: number) => void): void {
  const whole = Math.floor(classes / 4) * 16;
  f.for(0, whole, 16, (at) => visit(at, 4));
  if (classes % 4 > 0) visit(i32(whole), classes % 4);
}

/** Bytes of one number of single precision for each class, up to whole vectors. */
const classBytes = (classes: number): number => Math.ceil(classes / 4) * 16;

export const ctcRoot: RootKernel = { domain: ctcDomain, emit: ctcKernel, rides: "dense", scratch: ctcScratch };
export const ctcGradRoot: RootKernel = {
  domain: ctcDomain,
  emit: ctcGradKernel,
  rides: "none",
  scratch: ctcGradScratch,
};
