/**
 * From a plan to a WebAssembly module: one function per distinct kernel, and the entries `setup(thread, threads)` and
 * `run(thread, threads)`, which go through the stages. Addresses are constants there, so a program is bound to its place
 * in memory.
 */
import { bytesOf } from "../../dtype.ts";
import { groupKey, groupTensors } from "../../lower/keys.ts";
import type { Tensor } from "../../tensor.ts";
import { CHUNKS, type Place, type Plan, type PlannedGroup, type Stage } from "../cpu/plan.ts";
import {
  addI,
  divU,
  eqI,
  type Func,
  type I32,
  i32,
  ltS,
  type MemoryLimits,
  ModuleBuilder,
  minS,
  mulI,
  subI,
} from "./assembler.ts";
import { emitBarrier } from "./barrier.ts";
import { domainOf, emitKernel, type KernelTable, rootKernel } from "./kernels/index.ts";
import { Kernel, type KernelTarget } from "./kernels/kernel.ts";
import { bytesOfPartial } from "./memory.ts";
import type { Entry } from "./threads.ts";

/** Where everything of a program lies. */
export interface Addresses {
  /** Address of a fixed tensor, or the start of the arena for those that live there. */
  readonly fixed: (place: Place) => number;
  readonly arena: number;
  /** Start of the threads' scratch blocks, and the bytes of each. */
  readonly scratch: number;
  readonly scratchBytes: number;
  /** The memory that all this is in. */
  readonly memory: MemoryLimits;
}

/** A plan with the kernels that it needs. */
export interface WasmPlan extends Plan {
  readonly kernels: KernelTable;
}

/** All groups of a plan, in the order in which they run. */
export function planGroups(plan: Plan): PlannedGroup[] {
  return [...plan.setup, ...plan.stages].flatMap((stage) => [...stage.samples, ...stage.ranges]);
}

/** Whether a tensor is kept in pieces, which are added up where it is read. */
const isInPieces = (plan: Plan, tensor: Tensor): boolean => plan.places.get(tensor)?.kind === "partial";

/** Groups with the same key share one function. */
export const kernelKey = (plan: Plan, group: PlannedGroup): string =>
  `${group.split} ${groupKey(group, (tensor) => (isInPieces(plan, tensor) ? "+" : ""))}`;

/** Scratch bytes that one thread needs: tiles of local tensors, then what kernels ask for. */
export function scratchBytes(plan: WasmPlan): number {
  const kernels = planGroups(plan).map((group) =>
    group.root === undefined ? 0 : (rootKernel(plan.kernels, group.root).scratch?.(group.root, group) ?? 0),
  );
  return Math.ceil((plan.localBytes + Math.max(0, ...kernels)) / 64) * 64 + 64;
}

/**
 * Encodes the module of a plan.
 * @param profiled has the entries call `env.mark(g)` after each call of the g-th group's kernel, and `env.mark(-1)` after barriers
 */
export function encodeProgram(
  plan: WasmPlan,
  addresses: Addresses,
  target: KernelTarget,
  profiled = false,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(target.scheduling !== "late");
  const mark = profiled ? module.import("mark", 1) : undefined;
  const barrier = emitBarrier(module);
  const kernels = new Kernels(module, plan, addresses, target, { mark });

  const entry = (name: Entry, stages: readonly Stage[]): void => {
    const run = module.func(name, 2);
    const [thread, threads] = run.params;
    const local = run.let(addI(i32(addresses.scratch), mulI(thread, addresses.scratchBytes)));
    const scratch = run.let(addI(local, plan.localBytes));
    const caller: Caller = { run, local, scratch };
    /** The part `part` of `parts` of `total`. */
    const share = (total: number, part: I32): I32 => divU(mulI(part, total), threads);

    for (const stage of stages) {
      if (stage.samples.length > 0) {
        run.for(run.let(share(CHUNKS, thread)), run.let(share(CHUNKS, addI(thread, 1))), 1, (chunk) => {
          const clear = (group: PlannedGroup): void => {
            if (group.split !== "partial") return;
            for (const output of group.outputs) {
              run.zero(kernels.address(caller, output, i32(0), chunk), i32(bytesOfPartial(output)));
            }
          };
          // A chunk without samples is never added to. Elsewhere a piece is cleared just before, so that it is in the cache.
          const mayBeEmpty = plan.batch < CHUNKS;
          if (mayBeEmpty) stage.samples.forEach(clear);
          const first = run.let(divU(mulI(chunk, plan.batch), CHUNKS));
          const last = run.let(divU(mulI(addI(chunk, 1), plan.batch), CHUNKS));
          run.for(first, last, stage.tile, (from) => {
            const to = run.let(minS(run.let(addI(from, stage.tile)), last));
            for (const group of stage.samples) {
              if (group.split === "partial" && !mayBeEmpty) run.if(eqI(from, first), () => clear(group));
              kernels.call(caller, group, from, to, from, chunk);
            }
          });
        });
      }
      for (const group of stage.ranges) {
        const { size, unit } = domainOf(plan.kernels, group);
        const units = Math.ceil(size / unit);
        const begin = run.let(mulI(share(units, thread), unit));
        const end = run.let(minS(run.let(mulI(share(units, addI(thread, 1)), unit)), i32(size)));
        run.if(ltS(begin, end), () => kernels.call(caller, group, begin, end, i32(0)));
      }
      run.call(barrier, [threads]);
      if (mark !== undefined) run.call(mark, [i32(-1)]);
    }
    module.export(run);
  };
  entry("setup", plan.setup);
  entry("run", plan.stages);
  return module.encode(addresses.memory);
}

/** A function that calls kernels, with the memory of its thread: tiles of local tensors, then what kernels ask for. */
export interface Caller {
  readonly run: Func;
  readonly local: I32;
  readonly scratch: I32;
}

/** The kernels of a plan, one function for all groups of the same structure, written when first called. */
export class Kernels {
  readonly #module: ModuleBuilder;
  readonly #plan: WasmPlan;
  readonly #groups: readonly PlannedGroup[];
  readonly #addresses: Pick<Addresses, "fixed" | "arena">;
  readonly #target: KernelTarget;
  readonly #mark: Func | undefined;
  readonly #funcs: Map<string, Func>;

  /**
   * @param mark called after each kernel with the place of its group
   * @param funcs kernels of other plans in the same module, which this one adds its own to
   */
  constructor(
    module: ModuleBuilder,
    plan: WasmPlan,
    addresses: Pick<Addresses, "fixed" | "arena">,
    target: KernelTarget,
    {
      mark,
      funcs = new Map(),
    }: { readonly mark?: Func | undefined; readonly funcs?: Map<string, Func> | undefined } = {},
  ) {
    this.#module = module;
    this.#plan = plan;
    this.#groups = planGroups(plan);
    this.#addresses = addresses;
    this.#target = target;
    this.#mark = mark;
    this.#funcs = funcs;
  }

  /** Address of a tensor as a kernel gets it: local tiles are shifted so that samples count from the batch's start. */
  address({ local }: Caller, tensor: Tensor, tile: I32, chunk: I32 | undefined): I32 {
    const { arena, fixed } = this.#addresses;
    const place = this.#plan.places.get(tensor);
    if (place === undefined) throw new Error(`program: ${tensor.op.name} has no place`);
    if (place.kind === "local") {
      return subI(addI(local, place.offset), mulI(tile, bytesOf(tensor) / this.#plan.batch));
    }
    if (place.kind === "arena") return i32(arena + place.offset);
    if (place.kind === "partial") {
      const start = i32(arena + place.offset);
      return chunk === undefined ? start : addI(start, mulI(chunk, bytesOfPartial(tensor)));
    }
    return i32(fixed(place));
  }

  /** Computes a group from `begin` to `end`: samples where it follows the batch, else positions of its domain. */
  call(caller: Caller, group: PlannedGroup, begin: I32, end: I32, tile: I32, chunk?: I32): void {
    const own = (tensor: Tensor): I32 | undefined => (group.outputs.includes(tensor) ? chunk : undefined);
    const pointers = groupTensors(group).map((tensor) => this.address(caller, tensor, tile, own(tensor)));
    const [first, last] = group.split === "range" ? [begin, end] : [begin, end].map((at) => mulI(at, group.rows));
    caller.run.call(this.#kernel(group), [first, last, caller.scratch, ...pointers]);
    if (this.#mark !== undefined) caller.run.call(this.#mark, [i32(this.#groups.indexOf(group))]);
  }

  #kernel(group: PlannedGroup): Func {
    const isPartial = (tensor: Tensor): boolean => isInPieces(this.#plan, tensor);
    const key = `${group.split}${group.rows > 1 ? group.rows : ""} ${groupKey(group, (tensor) => (isPartial(tensor) ? "+" : ""))}`;
    let func = this.#funcs.get(key);
    if (func === undefined) {
      const name = `${this.#funcs.size}_${group.nodes.map((node) => node.op.name).join("_")}`;
      func = this.#module.func(name, 3 + groupTensors(group).length);
      this.#funcs.set(key, func);
      emitKernel(this.#plan.kernels, new Kernel(func, group, this.#target), isPartial);
    }
    return func;
  }
}
