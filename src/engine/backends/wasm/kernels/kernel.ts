/**
 * What every kernel generator works with. A kernel is one WebAssembly function `(begin, end, pointers …)` that computes a
 * group of ops over a range of its domain: samples of the batch, or a part of the output. It knows shapes, not networks;
 * groups with the same structure share one function and get their addresses as arguments.
 */
import { groupTensors } from "../../../lower/keys.ts";
import type { LoweredName } from "../../../lower/lowered-ops.ts";
import { times } from "../../../lower/pieces.ts";
import type { Rides } from "../../../lower/rides.ts";
import type { PrimitiveName } from "../../../ops/index.ts";
import { storageOf } from "../../../passes/storage.ts";
import { alignment } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import type { PlannedGroup } from "../../cpu/plan.ts";
import {
  addI,
  divU,
  type Func,
  type HeldStores,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  loadI32,
  remU,
  type Stores,
  splatConst,
  type V128,
} from "../assembler.ts";
import type { Isa } from "../math.ts";
import { evaluate, type Lanes, numeric } from "./lanes.ts";

/** What a kernel's begin … end runs over, when it is divided between threads by range. */
export interface Domain {
  readonly size: number;
  /** Ranges begin at multiples of this. */
  readonly unit: number;
}

/**
 * How the engine translates a loop body: as written; with all arithmetic behind all loads ("late": V8 before 12), so that
 * everything loaded in one turn must fit into registers beside the results; or as written, with two neighboring vectors
 * joined into one of 256 bits wherever they are stored {@link Func.together} ("in pairs": V8 from 13 on, by a flag).
 */
export type Scheduling = "in order" | "late" | "in pairs";

/** What kernels are made for. */
export interface KernelTarget {
  readonly isa: Isa;
  readonly scheduling: Scheduling;
  /** Vectors that a tile of results may keep in registers. */
  readonly accumulators: number;
  /** Neighboring vectors that the engine makes one of. */
  readonly joined: 1 | 2;
}

/** Tiles for each scheduling: of the 16 vector registers, those without results hold operands. */
const TILES = {
  "in order": { accumulators: 12, joined: 1 },
  late: { accumulators: 8, joined: 1 },
  "in pairs": { accumulators: 24, joined: 2 },
} as const satisfies Record<Scheduling, Pick<KernelTarget, "accumulators" | "joined">>;

/** The target for some arithmetic and an engine. */
export const targetOf = (isa: Isa, scheduling: Scheduling): KernelTarget => ({
  isa,
  scheduling,
  ...TILES[scheduling],
});

/** The function being generated for one group. */
export class Kernel {
  readonly f: Func;
  readonly group: PlannedGroup;
  readonly target: KernelTarget;
  readonly begin: Local<"i32">;
  readonly end: Local<"i32">;
  /** Scratch memory of the thread; its size is what the generator asks for. */
  readonly scratch: Local<"i32">;
  readonly #pointers = new Map<Tensor, Local<"i32">>();

  constructor(f: Func, group: PlannedGroup, target: KernelTarget) {
    this.f = f;
    this.group = group;
    this.target = target;
    [this.begin, this.end, this.scratch] = f.params;
    groupTensors(group).forEach((tensor, i) => {
      this.#pointers.set(tensor, f.params[3 + i]);
    });
  }

  get isa(): Isa {
    return this.target.isa;
  }

  /** The group's root; only for generators of rooted groups. */
  get root(): Tensor {
    return this.group.root as Tensor;
  }

  /** So many vectors of zeros, to add to. */
  zeros(count: number): Local<"v128">[] {
    return times(count, () => this.f.local("v128", splatConst(0)));
  }

  /** Address of a tensor's first element. */
  pointer(tensor: Tensor): I32 {
    const pointer = this.#pointers.get(storageOf(tensor));
    if (pointer === undefined) throw new Error(`kernel: ${tensor.op.name} has no place`);
    return pointer;
  }

  /**
   * Applies the elementwise ops that follow the root to four neighboring results and stores what others need.
   * @param stores where to: the kernel's function, or what {@link Func.together} holds back
   * @param value the root's results; or, where a twin is computed beside it, those of both
   * @param offset byte offset of the results in the output
   * @param channel byte offset along the last axis
   * @param constant further bytes, the same for both, known now
   * @param lanes how many of the four count
   */
  finish(
    stores: Stores,
    value: V128 | ReadonlyMap<Tensor, V128>,
    offset: I32,
    channel: I32,
    constant = 0,
    lanes = 4,
    rootOffset = 0,
  ): void {
    const at = rootOffset + constant;
    const read = (operand: Tensor): V128 => {
      const address = this.pointer(operand);
      const kind = alignment(operand.shape, this.group.shape);
      if (kind === "scalar") return load32Splat(address);
      if (kind === "same") return load(stores.shared(addI(address, offset)), at);
      return load(stores.shared(addI(address, channel)), constant);
    };
    const values = evaluate(this, read, value instanceof Map ? value : new Map([[this.root, value as V128]]));
    for (const output of this.group.outputs) {
      stores.storeLanes(addI(this.pointer(output), offset), numeric(values.get(output) as Lanes), lanes, at);
    }
  }

  /** {@link finish} for neighboring vectors; of the last of them so many lanes count. */
  finishAll(
    held: HeldStores,
    values: readonly (V128 | ReadonlyMap<Tensor, V128>)[],
    offset: I32,
    channel: I32,
    lanes = 4,
    constant = 0,
    rootOffset = 0,
  ): void {
    values.forEach((value, k) => {
      this.finish(held, value, offset, channel, constant + k * 16, k === values.length - 1 ? lanes : 4, rootOffset);
    });
  }
}

/** Nested loops over `dims`; `body` gets the counters. Loops over a single position are left out. */
export function nest(f: Func, dims: readonly number[], body: (counters: readonly I32[]) => void): void {
  const enter = (axis: number, counters: readonly I32[]): void => {
    if (axis === dims.length) body(counters);
    else if (dims[axis] === 1) enter(axis + 1, [...counters, i32(0)]);
    else f.for(0, dims[axis], 1, (i) => enter(axis + 1, [...counters, i]));
  };
  enter(0, []);
}

/** Bytes of a cache line. */
const LINE = 64;

/**
 * Reads bytes from front to back, before something reads them in another order: what was written long ago comes from memory fast only
 * where it can be read ahead.
 */
export function readAhead({ f }: Kernel, address: I32, bytes: number | I32): void {
  const from = f.let(address);
  f.for(0, bytes, LINE, (at) => f.drop(loadI32(addI(from, at))));
}

/** A range of convolution or pooling: output rows [N·P], so that few samples can be divided, too. */
export function outputRows({ shape: [N, P] }: PlannedGroup): Domain {
  return { size: N * P, unit: 1 };
}

/** Walks the output rows p of the samples n at hand: of whole samples where the group follows the batch. */
export function overOutputRows({ f, group, begin, end }: Kernel, visit: (n: I32, p: I32) => void): void {
  const P = group.shape[1];
  if (group.split === "range") f.for(begin, end, 1, (row) => visit(f.let(divU(row, P)), f.let(remU(row, P))));
  else f.for(begin, end, 1, (n) => f.for(0, P, 1, (p) => visit(n, p)));
}

/**
 * Calls `visit` with the byte offset of channels: as many vectors at once as the engine joins, then one, then what is left.
 * Of the last vector, so many lanes count.
 */
export function overChannels(
  { f, target }: Kernel,
  channels: number,
  visit: (channel: I32, vectors: number, lanes: number) => void,
): void {
  const bytes = channels * 4;
  let from = 0;
  for (const vectors of new Set([target.joined, 1])) {
    const to = bytes - ((bytes - from) % (vectors * 16));
    f.for(from, to, vectors * 16, (channel) => visit(channel, vectors, 4));
    from = to;
  }
  if (from < bytes) visit(i32(from), 1, channels % 4);
}

/** How the op at the root of a group becomes code. */
export interface RootKernel {
  /** What is divided between threads when the group does not follow the batch. */
  readonly domain: (group: Kernel["group"]) => Domain;
  readonly emit: (kernel: Kernel) => void;
  readonly rides: Rides | ((root: Tensor) => Rides);
  /**
   * An op with the same operands and attributes that the kernel computes beside the root if it is in the group. Its own
   * name: the op has several results, told apart by the attribute `part`.
   */
  readonly twin?: PrimitiveName | LoweredName | undefined;
  /** Bytes of scratch memory. */
  readonly scratch?: ((root: Tensor, group: Kernel["group"]) => number) | undefined;
}
