/**
 * A graph compiled ahead of time: one WebAssembly module with everything in it, for use without the engine. Weights are
 * data segments, the memory is the module's own, one exported function runs all stages on the calling thread. What can be
 * computed from weights alone is computed now (passes/fold.ts) or, where that would take more room, when the module is
 * instantiated. The counterpart of wasm.ts, which compiles for the process at hand.
 */
import { bytesOf, type DType, viewOf } from "../../dtype.ts";
import { type ConstantAttrs, fillConstant, type InputAttrs } from "../../ops/constant.ts";
import { foldParameters } from "../../passes/fold.ts";
import { Parameter, type Tensor } from "../../tensor.ts";
import { type Graph, writesOf } from "../../trace.ts";
import { CHUNKS, type Place, type Plan, type Stage } from "../cpu/plan.ts";
import { addI, type Func, i32, load, loadU8, ModuleBuilder, mulI, v, vi } from "./assembler.ts";
import { domainOf } from "./kernels/index.ts";
import { targetOf } from "./kernels/kernel.ts";
import { FUSABLE_ISA } from "./math.ts";
import { type Caller, Kernels, scratchBytes, type WasmPlan } from "./program.ts";
import { planForWasm } from "./wasm.ts";

const PAGE = 65536;
const ALIGNMENT = 64;
/** Vectors may be read beyond the last element. */
const SLACK = 64;

/** One of the tensors that a caller writes or reads. */
export interface Port {
  readonly address: number;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
}

export interface StandaloneModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly plan: Plan;
  readonly inputs: Readonly<Record<string, Port>>;
  readonly outputs: Readonly<Record<string, Port>>;
  /** Bytes of weights and constants in the module. */
  readonly dataBytes: number;
  /** Bytes of memory once instantiated. */
  readonly memoryBytes: number;
}

/**
 * Compiles a graph without updates and state. The module exports `memory`, `run` and, for each input and output NAME, the i32
 * globals `NAME` (its address) and `NAME_length` (its number of elements).
 * @param custom further sections of the module, by name
 */
export async function compileStandalone(
  graph: Graph,
  custom: Readonly<Record<string, Uint8Array>> = {},
): Promise<StandaloneModule> {
  if (writesOf(graph).length > 0) {
    throw new Error("standalone: a graph that changes parameters cannot be compiled ahead of time");
  }
  const plan = await planForWasm(graph, foldParameters);
  const memory = new Layout();
  const stored = [...plan.places.values()].flatMap((place) => storedTensor(place) ?? []);
  const isValue = (tensor: Tensor): boolean => tensor instanceof Parameter || tensor.op.name === "constant";
  const values = stored.filter(isValue);
  for (const tensor of values) memory.place(tensor);
  const dataEnd = memory.end;
  for (const tensor of stored) if (!isValue(tensor)) memory.place(tensor);
  const arena = memory.reserve(plan.arenaBytes);
  const scratch = memory.reserve(scratchBytes(plan));

  const data = new Uint8Array(dataEnd);
  for (const tensor of values) writeValue(tensor, data, memory.addressOf(tensor));
  const planes = inPlanes(data);
  const packed = memory.reserve(planes.length);

  const module = new ModuleBuilder();
  const fixed = (place: Place): number => memory.addressOf(storedTensor(place) as Tensor);
  // Tiles that suit engines of either scheduling; see docs/performance.md.
  const target = targetOf(FUSABLE_ISA, "late");
  const kernels = new Kernels(module, plan, { fixed, arena }, target);
  const entry = (name: string): Caller => ({
    run: module.func(name, 0),
    local: i32(scratch),
    scratch: i32(scratch + plan.localBytes),
  });
  const start = entry("start");
  unpack(start.run, packed, planes.length);
  writeStages(plan, plan.setup, kernels, start);
  const run = entry("run");
  writeStages(plan, plan.stages, kernels, run);
  module.export(run.run);

  const port = (tensor: Tensor): Port => ({
    address: memory.addressOf(tensor),
    dtype: tensor.dtype,
    length: tensor.size,
  });
  const inputs = Object.fromEntries(plan.graph.inputs.map((x) => [(x.attrs as InputAttrs).name, port(x)]));
  const outputs = Object.fromEntries(Object.entries(plan.graph.outputs).map(([name, tensor]) => [name, port(tensor)]));
  const globals = Object.entries({ ...inputs, ...outputs }).flatMap(([name, { address, length }]) => [
    [name, address],
    [`${name}_length`, length],
  ]);
  const pages = Math.ceil(memory.end / PAGE);
  const bytes = module.encode({
    pages,
    data: [{ address: packed, bytes: planes }],
    start: start.run,
    globals: Object.fromEntries(globals),
    custom,
  });
  return { bytes, plan, inputs, outputs, dataBytes: planes.length, memoryBytes: pages * PAGE };
}

/** Hands out memory from front to back. */
class Layout {
  readonly #addresses = new Map<Tensor, number>();
  /** Where free memory begins. */
  end = 0;

  reserve(bytes: number): number {
    const address = this.end;
    this.end += Math.ceil((bytes + SLACK) / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  place(tensor: Tensor): void {
    if (!this.#addresses.has(tensor)) this.#addresses.set(tensor, this.reserve(bytesOf(tensor)));
  }

  addressOf(tensor: Tensor): number {
    const address = this.#addresses.get(tensor);
    if (address === undefined) throw new Error(`standalone: ${tensor.op.name} has no place`);
    return address;
  }
}

/** The tensor that a place is for, where it has one of its own. */
function storedTensor(place: Place): Tensor | undefined {
  if (place.kind === "parameter") return place.parameter;
  return "tensor" in place ? place.tensor : undefined;
}

function writeValue(tensor: Tensor, data: Uint8Array<ArrayBuffer>, address: number): void {
  const view = viewOf(tensor.dtype, data.buffer, address, tensor.size);
  if (tensor instanceof Parameter) {
    view.set(tensor.data);
    if (tensor.dtype === "float32") shorten(new Uint32Array(data.buffer, address, tensor.size));
  } else fillConstant(view, (tensor.attrs as ConstantAttrs).value);
}

/** Of the 24 bits that a weight has, the last ones are noise of its training, which nothing compresses. */
const NOISE_BITS = 5;

/** Rounds float32 numbers to 19 significant bits, an error of at most 2⁻²⁰: an eighth of the weights' compressed size. */
function shorten(words: Uint32Array): void {
  const half = 2 ** (NOISE_BITS - 1);
  for (let i = 0; i < words.length; i++) words[i] = ((words[i] + half) >>> NOISE_BITS) << NOISE_BITS;
}

/**
 * The bytes of 32-bit words by their place in the word: all lowest bytes, then all second ones … Words are turned left by
 * a bit before, which puts the sign last. So the exponents of numbers make a plane of their own, which compresses well on
 * the way to a browser; the other three hardly do.
 */
function inPlanes(data: Uint8Array<ArrayBuffer>): Uint8Array {
  const turned = new Uint8Array(
    Uint32Array.from(new Uint32Array(data.buffer), (word) => (word << 1) | (word >>> 31)).buffer,
  );
  const words = data.length / 4;
  return Uint8Array.from(turned, (_, i) => turned[(i % words) * 4 + Math.floor(i / words)]);
}

/** Writes the code that puts words in planes together again, from `packed` to the start of the memory. */
function unpack(f: Func, packed: number, bytes: number): void {
  const words = bytes / 4;
  f.for(0, words, 1, (word) => {
    const plane = (p: number) => mulI(loadU8(word, packed + p * words), 2 ** (8 * p));
    f.storeI32(mulI(word, 4), addI(addI(plane(0), plane(1)), addI(plane(2), plane(3))));
  });
  f.for(0, bytes, 16, (at) => {
    const turned = f.let(load(at));
    f.store(at, v.or(vi.shrU(turned, 1), vi.shl(turned, 31)));
  });
}

/** Writes the calls of all stages, one after the other, for one thread. */
function writeStages(plan: WasmPlan, stages: readonly Stage[], kernels: Kernels, caller: Caller): void {
  for (const stage of stages) {
    for (const group of stage.samples) {
      if (group.split === "partial") throw new Error("standalone: a recognizer adds nothing up over the batch");
    }
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      const [first, last] = [chunk, chunk + 1].map((c) => Math.floor((c * plan.batch) / CHUNKS));
      for (let from = first; from < last; from += stage.tile) {
        const to = Math.min(from + stage.tile, last);
        for (const group of stage.samples) kernels.call(caller, group, i32(from), i32(to), i32(from));
      }
    }
    for (const group of stage.ranges)
      kernels.call(caller, group, i32(0), i32(domainOf(plan.kernels, group).size), i32(0));
  }
}
