/**
 * The wasm backend: compiles a graph into one WebAssembly module of SIMD kernels for its exact shapes, run by several
 * threads over one shared memory. See ../cpu/plan.ts for what happens before and kernels/ for the code of each op.
 */
import { BYTES, bytesOf, type TypedArray, viewOf } from "../../dtype.ts";
import { DuctusError } from "../../errors.ts";
import { legalizer } from "../../lower/legalize.ts";
import { lowered } from "../../lower/lower.ts";
import { rides } from "../../lower/rides.ts";
import { type ConstantAttrs, fillConstant, type InputAttrs } from "../../ops/constant.ts";
import { storageOf } from "../../passes/storage.ts";
import type { Tensor } from "../../tensor.ts";
import { type Graph, graphParameters, opNames } from "../../trace.ts";
import type { AnyParameter, Crew, ImmediateBackend, ImmediateProgram } from "../backend.ts";
import { CHUNKS, type Place, type Plan, plan } from "../cpu/plan.ts";
import { poolCrew } from "./crew.ts";
import { loadKernels, rideRules } from "./kernels/index.ts";
import { type Scheduling, targetOf } from "./kernels/kernel.ts";
import { isa } from "./math.ts";
import { SharedMemory } from "./memory.ts";
import { encodeProgram, planGroups, scratchBytes, type WasmPlan } from "./program.ts";
import { relaxedSimdWorks } from "./support.ts";
import { type SpawnWorker, ThreadPool } from "./threads.ts";

export interface WasmOptions {
  /** Number of threads, the caller included. Results do not depend on it. */
  readonly threads: number;
  /** Only arithmetic that WebAssembly fixes to the bit: no fused multiply-add. Default false. */
  readonly strict?: boolean | undefined;
  /** Starts a worker; needed for more than one thread. */
  readonly spawn?: SpawnWorker | undefined;
  /**
   * What the engine at hand does with loop bodies; "in pairs" also adds the numbers of dot products in another order.
   * Default "in order".
   */
  readonly scheduling?: Scheduling | undefined;
  /** Lets programs measure themselves (`Program.profile`), which slows them down a little. Default false. */
  readonly profile?: boolean | undefined;
}

/**
 * Plans a graph as the wasm backend does.
 * @param rewrite what else is done to the graph once it fits the kernels
 */
export async function planForWasm(
  graph: Graph,
  rewrite: (roots: readonly Tensor[]) => Tensor[] = (roots) => [...roots],
): Promise<WasmPlan> {
  const legal = await lowered(graph, async (names) => {
    const legalize = await legalizer(names);
    return (roots) => rewrite(legalize(rewrite(roots)));
  });
  const kernels = await loadKernels(opNames(legal));
  const rules = rideRules(kernels);
  return { ...plan(legal, (root, tensor) => rides(rules, root, tensor)), kernels };
}

/** Creates the backend with its threads. */
export function wasmBackend(options: WasmOptions): ImmediateBackend {
  return new WasmBackend(options);
}

class WasmBackend implements ImmediateBackend {
  readonly name = "wasm";
  readonly description: string;
  readonly crew: Crew | undefined;
  readonly #memory: SharedMemory;
  readonly #pool: ThreadPool;
  readonly #relaxed: boolean;
  readonly #scheduling: Scheduling;
  readonly #profile: boolean;
  readonly #views = new WeakMap<AnyParameter, TypedArray>();
  /** Gives a parameter's block back when nobody holds the parameter any more. */
  readonly #forgotten = new FinalizationRegistry<{ address: number; bytes: number }>(({ address, bytes }) => {
    this.#memory.release(address, bytes);
  });
  #programs = 0;
  /** Changes of parameters: runs of programs that update some, and writes from outside. */
  #updates = 0;
  /** Runs of programs that carry state, and the parameters that hold it. */
  #carries = 0;
  readonly #carried = new WeakSet<Tensor>();

  constructor({ threads, strict = false, spawn, scheduling = "in order", profile = false }: WasmOptions) {
    this.#profile = profile;
    this.#scheduling = scheduling;
    this.#relaxed = !strict && relaxedSimdWorks();
    this.#memory = new SharedMemory(threads > 1);
    this.#pool = new ThreadPool(threads, this.#memory.memory, spawn);
    this.crew = threads > 1 ? poolCrew(this.#pool, this.#memory, () => this.#programs++) : undefined;
    const arithmetic = strict ? "strict arithmetic" : this.#relaxed ? "fused multiply-add" : "plain multiply and add";
    const width = scheduling === "in pairs" ? ", vectors of 256 bits" : "";
    this.description = `wasm, ${threads} ${threads === 1 ? "thread" : "threads"}, ${arithmetic}${width}`;
  }

  async compile(graph: Graph): Promise<ImmediateProgram> {
    const planned = await planForWasm(graph);
    const memory = this.#memory;
    const own = [...planned.places.values()].flatMap((place) => ("tensor" in place ? [place.tensor] : []));
    const perThread = scratchBytes(planned);
    const unbound = graphParameters(planned.graph).filter((parameter) => !this.#views.has(parameter));
    const fixedBytes = totalBytes(unbound) + perThread * this.#pool.size;
    requireRoom(planned, own, fixedBytes, memory.room);
    const blocks: { address: number; bytes: number }[] = [];
    const reserve = (bytes: number): number => {
      const address = memory.allocate(bytes);
      blocks.push({ address, bytes });
      return address;
    };
    const addresses = new Map<Tensor, number>();
    const parameters = graphParameters(planned.graph).map((parameter) => this.#bind(parameter));
    for (const { parameter, address } of parameters) addresses.set(parameter, address);
    for (const tensor of own) addresses.set(tensor, reserve(bytesOf(tensor)));
    const arena = reserve(planned.arenaBytes);
    const scratch = reserve(perThread * this.#pool.size);
    const fixed = (place: Place): number => {
      const key = place.kind === "parameter" ? place.parameter : "tensor" in place ? place.tensor : undefined;
      return addresses.get(key as Tensor) as number;
    };
    const target = targetOf(isa(this.#relaxed), this.#scheduling);
    const places = { fixed, arena, scratch, scratchBytes: perThread, memory: memory.limits };
    const bytes = encodeProgram(planned, places, target, this.#profile);
    const id = this.#programs++;
    const stopwatch = this.#profile ? new (await import("./stopwatch.ts")).Stopwatch(planGroups(planned)) : undefined;
    const entries = await this.#pool.load(id, await WebAssembly.compile(bytes), stopwatch?.mark);

    // An entry without stages has no barrier at which the caller could wait for the workers.
    const hasSetup = planned.setup.length > 0;
    const updates = planned.graph.updates.length > 0;
    const carries = planned.graph.state.length > 0;
    for (const { target } of planned.graph.state) this.#carried.add(target);
    const prepared = planned.setup.flatMap(({ samples, ranges }) => [...samples, ...ranges]);
    const preparedFrom = prepared.flatMap((group) => group.inputs.map(storageOf));
    /** Grows with every change that the setup could have to follow: what others carry may be a weight here. */
    const changes = (): number =>
      this.#updates + (preparedFrom.some((tensor) => this.#carried.has(tensor)) ? this.#carries : 0);
    /** The state of the parameters that the setup has seen; -1: none. */
    let seen = -1;

    const view = (tensor: Tensor): TypedArray =>
      viewOf(tensor.dtype, memory.buffer, addresses.get(tensor) as number, tensor.size);
    for (const tensor of own) {
      if (tensor.op.name === "constant") fillConstant(view(tensor), (tensor.attrs as ConstantAttrs).value);
    }
    const inputs = planned.graph.inputs.map((input) => [(input.attrs as InputAttrs).name, view(input)] as const);
    const outputs = Object.entries(planned.graph.outputs).map(([name, tensor]) => [name, view(tensor)] as const);
    const named = Object.fromEntries(outputs);
    const results = Promise.resolve(named);
    return {
      inputs: Object.fromEntries(inputs),
      outputs: named,
      memory: {
        parameters: parameters.reduce((total, { parameter }) => total + parameter.size * BYTES[parameter.dtype], 0),
        arena: blocks.reduce((total, block) => total + block.bytes, 0),
      },
      ...(stopwatch !== undefined && { profile: () => stopwatch.times() }),
      run: () => {
        stopwatch?.start();
        for (let i = 0; i < parameters.length; i++) {
          const { parameter, view: here } = parameters[i];
          if (parameter.data === here) continue;
          adopt(parameter, here);
          seen = -1;
        }
        if (hasSetup && seen !== changes()) {
          entries.setup();
          seen = changes();
        }
        if (updates) this.#updates++;
        if (carries) this.#carries++;
        entries.run();
      },
      ready: () => Promise.resolve(),
      read: () => results,
      dispose: () => {
        void this.#pool.unload(id).then(() => {
          for (const { address, bytes: size } of blocks) memory.release(address, size);
        });
      },
    };
  }

  /** Programs work on the parameters' own arrays. */
  async pull(): Promise<void> {}

  /** What was laid out for kernels in programs that update nothing is to be laid out again. */
  push(): void {
    this.#updates++;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Moves a parameter into the shared memory, once. */
  #bind(parameter: AnyParameter): { parameter: AnyParameter; view: TypedArray; address: number } {
    let view = this.#views.get(parameter);
    if (view === undefined) {
      const bytes = bytesOf(parameter);
      const address = this.#memory.allocate(bytes);
      view = viewOf(parameter.dtype, this.#memory.buffer, address, parameter.size);
      this.#views.set(parameter, view);
      this.#forgotten.register(parameter, { address, bytes });
    }
    if (parameter.data !== view) adopt(parameter, view);
    return { parameter, view, address: view.byteOffset };
  }
}

const totalBytes = (tensors: readonly Tensor[]): number =>
  tensors.reduce((total, tensor) => total + bytesOf(tensor), 0);

/**
 * @param own tensors with places of their own
 * @param fixedBytes what else is needed, whatever the batch
 * @throws DuctusError when a program needs more than there is, saying which batch would fit
 */
function requireRoom(
  { batch, splits, places, arenaBytes }: Plan,
  own: readonly Tensor[],
  fixedBytes: number,
  room: number,
): void {
  const needed = totalBytes(own) + arenaBytes + fixedBytes;
  if (needed <= room) return;
  const partial = [...places].filter(([, { kind }]) => kind === "partial").map(([tensor]) => tensor);
  const following = own.filter((tensor) => (splits.get(tensor)?.rows ?? 0) > 0);
  const growing = totalBytes(following) + Math.max(0, arenaBytes - CHUNKS * totalBytes(partial));
  const fits = Math.floor((batch * (room - needed + growing)) / growing);
  const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  const advice =
    fits >= 1 ? `a batch of ${fits} instead of ${batch} would fit` : "use a smaller network, or less at a time";
  throw new DuctusError(
    `the program needs ${gigabytes(needed)} GiB but WebAssembly has ${gigabytes(room)} left here; ${advice}`,
  );
}

/** Copies a parameter's values, wherever they are now, into `view`, which becomes their place. */
function adopt(parameter: AnyParameter, view: TypedArray): void {
  view.set(parameter.data);
  (parameter as { data: TypedArray }).data = view;
}
