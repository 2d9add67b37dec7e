/**
 * Graphs compiled ahead of time: one WebAssembly module with everything in it, for use without the engine. Weights are
 * data segments, the memory is the module's own, one exported function for each graph runs all its stages on the calling thread. What can be
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

/** One of the arrays that a caller writes or reads. */
export interface Port {
  readonly address: number;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
}

export interface StandaloneModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By the names of their functions. */
  readonly plans: Readonly<Record<string, Plan>>;
  readonly inputs: Readonly<Record<string, Port>>;
  readonly outputs: Readonly<Record<string, Port>>;
  /** Bytes of weights and constants in the module. */
  readonly dataBytes: number;
  /** Bytes of memory once instantiated. */
  readonly memoryBytes: number;
}

/**
 * Compiles graphs without updates and state, such as one function of inputs of several lengths. The module exports `memory`, a function for each
 * graph and, for each input and output NAME, the i32 globals `NAME` (its address) and `NAME_length` (its number of elements, of the graph
 * where it has most). Inputs and outputs of one name are in one place; so are weights that several graphs have.
 * @param graphs by the names of their functions
 * @param custom further sections of the module, by name
 */
export async function compileStandalone(
  graphs: Readonly<Record<string, Graph>>,
  custom: Readonly<Record<string, Uint8Array>> = {},
): Promise<StandaloneModule> {
  const plans: Record<string, WasmPlan> = {};
  for (const [name, graph] of Object.entries(graphs)) {
    if (writesOf(graph).length > 0) {
      throw new Error("standalone: a graph that changes parameters cannot be compiled ahead of time");
    }
    plans[name] = await planForWasm(graph, foldParameters);
  }
  const all = Object.values(plans);
  const memory = new Layout();
  const stored = all.flatMap((plan) => [...plan.places.values()].flatMap((place) => storedTensor(place) ?? []));
  const data = memory.placeValues(new Set(stored.filter(isValue)));
  const inputs = memory.placePorts(all.flatMap(({ graph }) => graph.inputs.map((x) => [nameOfInput(x), x])));
  const outputs = memory.placePorts(all.flatMap(({ graph }) => Object.entries(graph.outputs)));
  for (const tensor of stored) memory.place(tensor);
  const arenas = all.map((plan) => memory.reserve(plan.arenaBytes));
  const scratch = memory.reserve(Math.max(...all.map(scratchBytes)));

  const planes = inPlanes(data);
  const packed = memory.reserve(planes.length);

  const module = new ModuleBuilder();
  const fixed = (place: Place): number => memory.addressOf(storedTensor(place) as Tensor);
  // Tiles that suit engines of either scheduling; see docs/performance.md.
  const target = targetOf(FUSABLE_ISA, "late");
  const start = module.func("start", 0);
  unpack(start, packed, planes.length);
  const funcs = new Map<string, Func>();
  for (const [k, [name, plan]] of Object.entries(plans).entries()) {
    const kernels = new Kernels(module, plan, { fixed, arena: arenas[k] }, target, { funcs });
    const own = { local: i32(scratch), scratch: i32(scratch + plan.localBytes) };
    writeStages(plan, plan.setup, kernels, { run: start, ...own });
    const run = module.func(name, 0);
    writeStages(plan, plan.stages, kernels, { run, ...own });
    module.export(run);
  }

  const globals = Object.entries({ ...inputs, ...outputs }).flatMap(([name, { address, length }]) => [
    [name, address],
    [`${name}_length`, length],
  ]);
  const pages = Math.ceil(memory.end / PAGE);
  const bytes = module.encode({
    pages,
    data: [{ address: packed, bytes: planes }],
    start,
    globals: Object.fromEntries(globals),
    custom,
  });
  return { bytes, plans, inputs, outputs, dataBytes: planes.length, memoryBytes: pages * PAGE };
}

const nameOfInput = (x: Tensor): string => (x.attrs as InputAttrs).name;
const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
const isValue = (tensor: Tensor): boolean => tensor instanceof Parameter || tensor.op.name === "constant";

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

  /** Those that hold the same numbers get one place. @returns all their bytes, from the start of the memory */
  placeValues(values: Iterable<Tensor>): Uint8Array<ArrayBuffer> {
    const placed: { readonly address: number; readonly bytes: Uint8Array }[] = [];
    for (const tensor of values) {
      const bytes = bytesOfValue(tensor);
      const twin = placed.find((other) => isSame(other.bytes, bytes));
      const address = twin?.address ?? this.reserve(bytes.length);
      if (twin === undefined) placed.push({ address, bytes });
      this.#addresses.set(tensor, address);
    }
    const data = new Uint8Array(this.end);
    for (const { address, bytes } of placed) data.set(bytes, address);
    return data;
  }

  /** Tensors of one name get one place, large enough for each. */
  placePorts(tensors: readonly (readonly [name: string, tensor: Tensor])[]): Record<string, Port> {
    const ports: Record<string, Port> = {};
    for (const name of new Set(tensors.map(([name]) => name))) {
      const own = tensors.flatMap(([other, tensor]) => (other === name ? [tensor] : []));
      const [largest] = own.toSorted((a, b) => b.size - a.size);
      this.place(largest);
      const address = this.addressOf(largest);
      for (const tensor of own) this.#addresses.set(tensor, address);
      ports[name] = { address, dtype: largest.dtype, length: largest.size };
    }
    return ports;
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

/** The bytes of a parameter or constant. */
function bytesOfValue(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(bytesOf(tensor));
  const view = viewOf(tensor.dtype, data.buffer, 0, tensor.size);
  if (tensor instanceof Parameter) {
    view.set(tensor.data);
    if (tensor.dtype === "float32") shorten(new Uint32Array(data.buffer));
  } else fillConstant(view, (tensor.attrs as ConstantAttrs).value);
  return data;
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
