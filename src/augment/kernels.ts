/**
 * The inner loops of augmentation as WebAssembly SIMD, for pictures of one size: sampling a moved picture (sampling.ts),
 * and thickening or thinning its strokes. Every picture has a record of what is to be done to it, so the threads of a crew
 * can take pictures one by one. Kernels read a padded plane (one channel with a margin of one pixel) and write a plane
 * without margin. No fused arithmetic: the same bytes on every machine, by every thread.
 */
import {
  addI,
  atomicAdd,
  atomicLoad,
  atomicWait,
  eqI,
  type Func,
  gtS,
  type I32,
  i32,
  leS,
  load,
  loadI32,
  loadU8,
  ltS,
  type MemoryLimits,
  ModuleBuilder,
  minS,
  mulI,
  select,
  splatH,
  subI,
  type V128,
  v,
  vb,
  vh,
} from "../engine/backends/wasm/assembler.ts";
import { emitBarrier, SPINS } from "../engine/backends/wasm/barrier.ts";
import { RECORD, recordWords, WAYS } from "./picture-record.ts";
import { sample } from "./sampling.ts";

/** Vectors are stored whole, so so many bytes after a plane are overwritten. */
export const OVERRUN = 16;

/** Words of the queue, each on a cache line of its own: the next picture to take, how many may be taken, how many there are. */
export const QUEUE = { next: 0, published: 16, total: 32, count: 48 } as const;

/** What one module is made for. */
export interface WorkShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** What lies around a picture; without it, the nearest pixel. */
  readonly ground?: number | undefined;
  /** Numbers from one row of a field to the next. */
  readonly fieldStride: number;
  /** Strokes of a record. */
  readonly strokes: number;
  /** Addresses: the queue, the records, pictures before and after, and the threads' planes, so many bytes apart. */
  readonly queue: number;
  readonly records: number;
  readonly raw: number;
  readonly out: number;
  readonly planes: number;
  readonly planeBytes: number;
}

/** What {@link workCode} exports for the caller's thread. */
export interface Kernels {
  /** Does what its record says to picture `index`, on the planes at `planes`. */
  readonly work: (index: number, planes: number) => void;
  /** Moves the edges of the picture at `at` by `amount` 256ths of a pixel. */
  readonly stroke: (amount: number, at: number, planes: number) => void;
  /** Takes pictures from the queue until there are none, then meets the other threads. */
  readonly run: (thread: number, threads: number) => void;
}

/** Bytes that a thread's planes take: a padded one and one without margin. */
export const planeBytes = ({ height, width }: Pick<WorkShape, "height" | "width">): number =>
  Math.ceil(((height + 2) * (width + 2) + height * width + 2 * OVERRUN) / 64) * 64;

/** The code of all kernels. */
export function workCode(shape: WorkShape, memory: MemoryLimits): Uint8Array<ArrayBuffer> {
  const { height, width, channels } = shape;
  const module = new ModuleBuilder();
  const define = (name: string, paramCount: number, body: (f: Func) => void): Func => {
    const f = module.func(name, paramCount);
    body(f);
    return f;
  };
  const barrier = emitBarrier(module);
  const pad = define("pad", 2, (f) => padPlane(f, shape));
  const spread = define("spread", 2, (f) => spreadPlane(f, shape));
  const samplers = [
    [WAYS.affine, define("affine", 5, (f) => sample(f, shape, { isProjective: false, isDisplaced: false }))],
    [WAYS.affineField, define("affineField", 5, (f) => sample(f, shape, { isProjective: false, isDisplaced: true }))],
    [WAYS.projective, define("projective", 5, (f) => sample(f, shape, { isProjective: true, isDisplaced: false }))],
    [
      WAYS.projectiveField,
      define("projectiveField", 5, (f) => sample(f, shape, { isProjective: true, isDisplaced: true })),
    ],
  ] as const;
  const grow = define("grow", 3, (f) => blendWithNeighbors(f, shape, true));
  const shrink = define("shrink", 3, (f) => blendWithNeighbors(f, shape, false));
  const size = height * width * channels;
  type PlaneKernel = (plane: I32, out: I32) => void;
  /**
   * Lets a kernel change every channel of the picture at `from`; what becomes of it goes to `to`.
   * @param isExact whether the kernel writes nothing beyond the plane, where the next picture is, perhaps another thread's
   */
  const change = (f: Func, from: I32, to: I32, planes: I32, isExact: boolean, kernel: PlaneKernel): void => {
    if (channels === 1 && isExact) {
      f.call(pad, [from, planes]);
      kernel(planes, to);
      return;
    }
    const flat = f.let(addI(planes, (height + 2) * (width + 2) + OVERRUN));
    f.for(0, channels, 1, (c) => {
      f.call(pad, [addI(from, c), planes]);
      kernel(planes, flat);
      if (channels === 1) f.copy(to, flat, i32(size));
      else f.call(spread, [flat, addI(to, c)]);
    });
  };

  const stroke = define("stroke", 3, (f) => {
    const [amount, at, planes] = f.params;
    const isGrowing = f.let(gtS(amount, i32(0)));
    const left = f.let(select(isGrowing, amount, subI(i32(0), amount)));
    f.if(gtS(left, i32(0)), () =>
      f.doWhile(
        () => {
          const share = f.let(minS(left, i32(256)));
          change(f, at, at, planes, width >= 16, (plane, out) =>
            f.if(
              isGrowing,
              () => f.call(grow, [share, plane, out]),
              () => f.call(shrink, [share, plane, out]),
            ),
          );
          f.set(left, subI(left, share));
        },
        () => gtS(left, i32(0)),
      ),
    );
  });

  const work = define("work", 2, (f) => {
    const [index, planes] = f.params;
    const record = f.let(addI(mulI(index, 4 * recordWords(shape.strokes)), shape.records));
    const at = f.let(mulI(index, size));
    const from = f.let(addI(at, shape.raw));
    const to = f.let(addI(at, shape.out));
    const way = f.let(loadI32(record, 4 * RECORD.way));
    f.if(eqI(way, i32(WAYS.copy)), () => f.copy(to, from, i32(size)));
    const [fieldX, fieldY] = [loadI32(record, 4 * RECORD.fieldX), loadI32(record, 4 * RECORD.fieldY)];
    for (const [known, sampler] of samplers) {
      f.if(eqI(way, i32(known)), () =>
        change(f, from, to, planes, width % 4 === 0, (plane, out) =>
          f.call(sampler, [record, plane, out, fieldX, fieldY]),
        ),
      );
    }
    for (let s = 0; s < shape.strokes; s++) {
      f.call(stroke, [loadI32(record, 4 * (RECORD.strokes + s)), to, planes]);
    }
  });

  const run = define("run", 2, (f) => {
    const [thread, threads] = f.params;
    const planes = f.let(addI(mulI(thread, shape.planeBytes), shape.planes));
    const [next, published] = [i32(shape.queue + 4 * QUEUE.next), i32(shape.queue + 4 * QUEUE.published)];
    const total = f.let(atomicLoad(i32(shape.queue + 4 * QUEUE.total)));
    const index = f.let(atomicAdd(next, i32(1)));
    f.if(ltS(index, total), () =>
      f.doWhile(
        () => {
          waitUntilAbove(f, published, index);
          f.call(work, [index, planes]);
          f.set(index, atomicAdd(next, i32(1)));
        },
        () => ltS(index, total),
      ),
    );
    f.call(barrier, [threads]);
  });
  for (const func of [work, stroke, run]) module.export(func);
  return module.encode(memory);
}

/** Returns when the word is larger than `value`: spins for a moment, then sleeps. */
function waitUntilAbove(f: Func, word: I32, value: I32): void {
  const seen = f.local("i32");
  const spins = f.let(i32(SPINS));
  f.doWhile(
    () => {
      f.set(seen, atomicLoad(word));
      f.set(spins, subI(spins, 1));
    },
    () => select(leS(seen, value), spins, i32(0)),
  );
  f.if(leS(seen, value), () =>
    f.doWhile(
      () => {
        f.drop(atomicWait(word, seen));
        f.set(seen, atomicLoad(word));
      },
      () => leS(seen, value),
    ),
  );
}

/** Copies a channel into the middle of a padded plane, and fills the margin. */
function padPlane(f: Func, { height, width, channels, ground }: WorkShape): void {
  const stride = width + 2;
  const from = f.let(f.params[0]);
  const to = f.let(addI(f.params[1], stride + 1));
  f.for(0, height, 1, () => {
    if (channels > 1) {
      f.for(0, width, 1, (x) => f.storeU8(addI(to, x), loadU8(addI(from, mulI(x, channels)))));
    } else if (width < 16) f.copy(to, from, i32(width));
    else {
      // The last vector reaches back, so that nothing is written beyond the row.
      for (let x = 0; x < width; x += 16) {
        const at = Math.min(x, width - 16);
        f.store(to, load(from, at), at);
      }
    }
    if (ground === undefined) {
      f.storeU8(subI(to, 1), loadU8(to));
      f.storeU8(to, loadU8(to, width - 1), width);
    }
    f.set(from, addI(from, width * channels));
    f.set(to, addI(to, stride));
  });
  if (ground !== undefined) return;
  const plane = f.params[1];
  f.copy(plane, addI(plane, stride), i32(stride));
  f.copy(addI(plane, (height + 1) * stride), addI(plane, height * stride), i32(stride));
}

/** Writes a plane without margin into a channel. */
function spreadPlane(f: Func, { height, width, channels }: WorkShape): void {
  const [flat, to] = f.params;
  f.for(0, height * width, 1, (i) => f.storeU8(addI(to, mulI(i, channels)), loadU8(addI(flat, i))));
}

function blendWithNeighbors(f: Func, { height, width }: WorkShape, isGrowing: boolean): void {
  const [share, plane, out] = f.params;
  const stride = width + 2;
  const factor = f.let(splatH(share));
  const from = f.let(addI(plane, stride + 1));
  const to = f.let(out);
  const pick = isGrowing ? vb.max : vb.min;
  const scaled = (part: V128): V128 => vh.shrU(vh.mul(part, factor), 8);
  f.for(0, height, 1, () => {
    f.for(0, width, 16, (next) => {
      // The last vector reaches back.
      const x = f.let(width < 16 ? next : minS(next, i32(width - 16)));
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
