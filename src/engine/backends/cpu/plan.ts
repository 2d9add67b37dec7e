/**
 * Planning for processors: the last step before code. What is decided here rests on caches, barriers and threads. Groups of ops are put into stages, between which all threads wait for each
 * other, and every stored tensor gets its place in memory. Inside a stage a thread takes one tile of samples after the
 * other through all the groups that follow the batch, then its share of the ranges.
 */
import { bytesOf } from "../../dtype.ts";
import { withEnds } from "../../lower/lower.ts";
import { fuse, type Group } from "../../passes/fuse.ts";
import { rewriteGraph } from "../../passes/rewrite.ts";
import { isView, storageOf } from "../../passes/storage.ts";
import { sizeOf } from "../../shape.ts";
import { Parameter, type Tensor } from "../../tensor.ts";
import { batchSize, type Graph, graphRoots, topologicalOrder, type Update, writesOf } from "../../trace.ts";
import { combinePartials, type Split, type SplitTensor, splitTensors, UNDIVIDED } from "./split.ts";

/** Pieces into which sums over the batch are divided, whatever the number of threads, so that the order of addition is fixed. */
export const CHUNKS = 8;

/** How much of a cache what one tile hands from group to group should fill, in bytes. */
const TILE_BYTES = 384 * 1024;

/** Places start on cache lines. */
const ALIGNMENT = 64;

export interface PlannedGroup extends Group {
  readonly split: Split;
  /** How many positions of what is divided one sample has, in a group that follows the batch. */
  readonly rows: number;
  /** Number of its stage. */
  readonly stage: number;
}

export interface Stage {
  /** Samples that a thread takes through the groups that follow the batch at a time. */
  readonly tile: number;
  /** Groups that follow the batch ("samples" and "partial"), in order. */
  readonly samples: readonly PlannedGroup[];
  /** Groups divided by range; none depends on another of the same stage. */
  readonly ranges: readonly PlannedGroup[];
}

/**
 * Where a tensor lives:
 * - "parameter", "input", "output", "constant": fixed places, for as long as the program exists;
 * - "arena": from the stage that makes it to the last that reads it, at `offset`;
 * - "local": one tile of samples, in scratch memory of each thread, at `offset`; `stage` only;
 * - "partial": `CHUNKS` copies, one after the other, in the arena.
 */
export type Place =
  | { readonly kind: "parameter"; readonly parameter: Update["target"] }
  | { readonly kind: "input" | "output" | "constant"; readonly tensor: Tensor }
  | { readonly kind: "arena" | "partial" | "local"; readonly offset: number };

export interface Plan {
  /** The graph as it is computed, after expansion and simplification. */
  readonly graph: Graph;
  readonly batch: number;
  /** What hangs on parameters alone that no run changes, in a graph that updates none (weights laid out for a kernel): done once, ahead. */
  readonly setup: readonly Stage[];
  /** What every run does. */
  readonly stages: readonly Stage[];
  /** Place of every stored tensor and leaf, by the tensor under its views. */
  readonly places: ReadonlyMap<Tensor, Place>;
  readonly splits: ReadonlyMap<Tensor, SplitTensor>;
  /** Bytes of the arena, and of one thread's local scratch. */
  readonly arenaBytes: number;
  readonly localBytes: number;
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Whether an elementwise op may be computed together with a root that feeds it: what a backend has to say. */
type RidesOn = (root: Tensor, tensor: Tensor) => boolean;

/** Plans a graph that is lowered for a backend (lower/lower.ts). */
export function plan(simple: Graph, rides: RidesOn): Plan {
  const order = topologicalOrder([...simple.inputs, ...graphRoots(simple)]);
  const batch = batchSize(order);
  const splits = splitTensors(order, batch, simple.updates.length === 0 && batch < CHUNKS);
  const combined = combinePartials(order, splits);
  const graph = rewriteGraph(simple, (roots) => roots.map((root) => combined.get(root) as Tensor));
  return new Planner(graph, batch, splits, rides).plan();
}

class Planner {
  readonly #graph: Graph;
  readonly #batch: number;
  readonly #splits: Map<Tensor, SplitTensor>;
  readonly #rides: RidesOn;
  /** Tensors that are computed ahead. */
  readonly #ahead: ReadonlySet<Tensor>;

  constructor(graph: Graph, batch: number, splits: Map<Tensor, SplitTensor>, rides: RidesOn) {
    this.#rides = rides;
    this.#graph = graph;
    this.#batch = batch;
    this.#splits = splits;
    this.#ahead = graph.updates.length === 0 ? preparable(graph) : new Set();
  }

  plan(): Plan {
    // An update is an identity that writes to the parameter's own place, so that it can be fused with what computes it.
    const { graph, outputs, assigned, roots, order } = withEnds(this.#graph, (copy, of) => {
      this.#splits.set(copy, of === undefined ? UNDIVIDED : this.#splitOf(of));
    });
    const groups = this.#schedule(order, roots, assigned);
    const ahead = (group: PlannedGroup): boolean => this.#ahead.has(group.nodes[0]);
    const stages = stagesOf(
      groups.filter((group) => !ahead(group)),
      this.#batch,
    );
    return {
      ...this.#place(groups, assigned, new Set(outputs), stages),
      graph,
      batch: this.#batch,
      setup: stagesOf(groups.filter(ahead), this.#batch),
      stages,
      splits: this.#splits,
    };
  }

  #splitOf(tensor: Tensor): SplitTensor {
    return this.#splits.get(tensor) ?? UNDIVIDED;
  }

  /** Rows of a sample in what a group computes or, of a sum over the batch, in what it adds up. */
  #rowsOf({ nodes: [first] }: Group): number {
    const of = (tensor: Tensor): number => this.#splitOf(tensor).rows;
    return of(first) || Math.max(0, ...first.inputs.map(of));
  }

  #schedule(
    order: readonly Tensor[],
    roots: readonly Tensor[],
    assigned: ReadonlyMap<Tensor, Update["target"]>,
  ): PlannedGroup[] {
    const tryWith = (fuseAssignments: boolean): PlannedGroup[] | undefined => {
      const groups = fuse(order, roots, (first, tensor) => {
        const [a, b] = [this.#splitOf(first), this.#splitOf(tensor)];
        if (this.#ahead.has(first) !== this.#ahead.has(tensor)) return false;
        if (a.split !== b.split || a.split === "partial" || a.rows !== b.rows) return false;
        if (!("scalar" in first.op) && !this.#rides(first, tensor)) return false;
        const target = assigned.get(tensor);
        // The root of a group reads its operands in an order of its own: none of them may change meanwhile.
        const readsTarget = !("scalar" in first.op) && first.inputs.some((input) => storageOf(input) === target);
        return target === undefined || (fuseAssignments && !readsTarget);
      });
      return this.#stages(groups, assigned);
    };
    // Parameters whose new values need each other's old ones are computed aside and copied in a last stage.
    const groups = tryWith(true) ?? tryWith(false);
    if (groups === undefined) throw new Error("plan: updates could not be ordered");
    return groups;
  }

  /** Earliest stage of each group; undefined when updates cannot be ordered after all reads of the old values. */
  #stages(groups: readonly Group[], assigned: ReadonlyMap<Tensor, Update["target"]>): PlannedGroup[] | undefined {
    const homeOf = new Map<Tensor, number>();
    groups.forEach((group, g) => {
      for (const output of group.outputs) homeOf.set(output, g);
    });
    const splitOfGroup = groups.map((group) => this.#splitOf(group.nodes[0]).split);
    const isAhead = groups.map((group) => this.#ahead.has(group.nodes[0]));
    const readers = new Map<Tensor, number[]>();
    groups.forEach((group, g) => {
      for (const input of group.inputs) {
        const storage = storageOf(input);
        readers.set(storage, [...(readers.get(storage) ?? []), g]);
      }
    });
    const prepared = this.#preparation(groups, splitOfGroup, homeOf);
    const stages = splitOfGroup.map((split) => (split === "range" ? 0 : prepared));
    for (let round = 0; round <= groups.length; round++) {
      let changed = false;
      groups.forEach((group, g) => {
        let stage = stages[g];
        for (const input of group.inputs) {
          const home = homeOf.get(storageOf(input));
          if (home === undefined || home === g || isAhead[home] !== isAhead[g]) continue;
          const together =
            splitOfGroup[g] !== "range" && splitOfGroup[home] === "samples" && this.#splitOf(input).rows > 0;
          stage = Math.max(stage, stages[home] + (together ? 0 : 1));
        }
        for (const node of group.nodes) {
          const target = assigned.get(node);
          if (target === undefined) continue;
          for (const reader of readers.get(target) ?? []) if (reader !== g) stage = Math.max(stage, stages[reader] + 1);
        }
        if (stage !== stages[g]) {
          stages[g] = stage;
          changed = true;
        }
      });
      if (!changed) {
        return groups.map((group, g) => {
          return { ...group, split: splitOfGroup[g], rows: this.#rowsOf(group), stage: stages[g] };
        });
      }
    }
    return undefined;
  }

  /**
   * The number of stages that rearrange weights before samples are touched: what follows the batch begins behind them, so
   * that no layer waits in memory, forward or backward, until the weights of the next one are ready.
   */
  #preparation(groups: readonly Group[], splits: readonly Split[], homeOf: ReadonlyMap<Tensor, number>): number {
    // Depth of the groups that hang on parameters alone, among themselves; undefined for others.
    const depths: (number | undefined)[] = [];
    let most = 0;
    groups.forEach((group, g) => {
      const before = group.inputs.map((input) => {
        const storage = storageOf(input);
        const home = homeOf.get(storage);
        if (home !== undefined) return depths[home];
        return storage.op.name === "input" ? undefined : 0;
      });
      const isAhead = this.#ahead.has(group.nodes[0]);
      const known = before.filter((depth) => depth !== undefined);
      depths[g] = isAhead || known.length < before.length ? undefined : 1 + Math.max(0, ...known);
      if (splits[g] !== "range") most = Math.max(most, ...known);
    });
    return most;
  }

  #place(
    groups: readonly PlannedGroup[],
    assigned: ReadonlyMap<Tensor, Update["target"]>,
    outputs: ReadonlySet<Tensor>,
    stages: readonly Stage[],
  ): Pick<Plan, "places" | "arenaBytes" | "localBytes"> {
    const places = new Map<Tensor, Place>();
    const lives: Life[] = [];
    const locals = stages.map((): Life[] => []);
    for (const group of groups) {
      for (const tensor of group.outputs) {
        const target = assigned.get(tensor);
        if (target !== undefined) {
          places.set(tensor, { kind: "parameter", parameter: target });
          continue;
        }
        if (outputs.has(tensor)) {
          places.set(tensor, { kind: "output", tensor });
          continue;
        }
        const reading = groups.filter(
          (other) => other !== group && other.inputs.some((input) => storageOf(input) === tensor),
        );
        // What is computed ahead stays for all runs.
        const kept = this.#ahead.has(tensor);
        const staysInTile =
          !kept &&
          group.split === "samples" &&
          reading.every(
            (other) =>
              other.stage === group.stage &&
              other.split !== "range" &&
              other.inputs.every((input) => storageOf(input) !== tensor || this.#splitOf(input).rows > 0),
          );
        if (staysInTile) {
          const { samples, tile } = stages[group.stage];
          const from = samples.indexOf(group);
          const to = Math.max(from, ...reading.map((other) => samples.indexOf(other)));
          const bytes = align((bytesOf(tensor) / this.#batch) * tile);
          locals[group.stage].push({ tensor, from, to, bytes, kind: "local" });
        } else {
          const partial = group.split === "partial";
          lives.push({
            tensor,
            from: kept ? 0 : group.stage,
            to: kept ? Number.POSITIVE_INFINITY : Math.max(group.stage, ...reading.map((other) => other.stage)),
            bytes: align(bytesOf(tensor)) * (partial ? CHUNKS : 1),
            kind: partial ? "partial" : "arena",
          });
        }
      }
      for (const input of group.inputs) {
        const storage = storageOf(input);
        if (storage instanceof Parameter) places.set(storage, { kind: "parameter", parameter: storage });
        else if (storage.op.name === "constant") places.set(storage, { kind: "constant", tensor: storage });
      }
    }
    for (const tensor of this.#graph.inputs) places.set(tensor, { kind: "input", tensor });

    const localBytes = Math.max(0, ...locals.map((ofStage) => allocate(ofStage, places)));
    return { places, arenaBytes: allocate(lives, places), localBytes };
  }
}

/** Tensors that hang on constants and on parameters that the graph does not change. */
function preparable(graph: Graph): Set<Tensor> {
  const changed = new Set<Tensor>(writesOf(graph).map(({ target }) => target));
  const found = new Set<Tensor>();
  for (const tensor of topologicalOrder(graphRoots(graph))) {
    const isGiven = tensor.op.name === "input" || changed.has(tensor);
    if (!isGiven && tensor.inputs.every((input) => found.has(input))) found.add(tensor);
  }
  return found;
}

function stagesOf(groups: readonly PlannedGroup[], batch: number): Stage[] {
  return Array.from({ length: 1 + Math.max(-1, ...groups.map((group) => group.stage)) }, (_, s) => {
    const samples = groups.filter((group) => group.stage === s && group.split !== "range");
    const ranges = groups.filter((group) => group.stage === s && group.split === "range");
    return { tile: tileOf(samples, batch), samples, ranges };
  });
}

/** As many samples as fit into the cache with what the groups of a stage read of each other. */
function tileOf(samples: readonly PlannedGroup[], batch: number): number {
  const read = new Set(samples.flatMap(({ inputs }) => inputs.map(storageOf)));
  const handed = samples.flatMap(({ outputs }) => outputs.filter((output) => read.has(output)));
  const bytes = handed.reduce((sum, tensor) => sum + bytesOf(tensor) / batch, 1);
  return Math.max(1, Math.min(Math.ceil(batch / CHUNKS), Math.floor(TILE_BYTES / bytes)));
}

/** A tensor that needs memory from one stage to another or, within a stage, from one group to another. */
interface Life {
  readonly tensor: Tensor;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly kind: "arena" | "partial" | "local";
}

/** Offsets such that tensors alive at a common time do not overlap: largest first, each at the lowest free place. */
function allocate(lives: readonly Life[], places: Map<Tensor, Place>): number {
  const placed: { from: number; to: number; start: number; end: number }[] = [];
  let total = 0;
  for (const { tensor, from, to, bytes, kind } of [...lives].sort((a, b) => b.bytes - a.bytes)) {
    const conflicts = placed.filter((other) => other.from <= to && from <= other.to).sort((a, b) => a.start - b.start);
    let start = 0;
    for (const other of conflicts) {
      if (start + bytes <= other.start) break;
      start = Math.max(start, other.end);
    }
    placed.push({ from, to, start, end: start + bytes });
    places.set(tensor, { kind, offset: start });
    total = Math.max(total, start + bytes);
  }
  return total;
}

/** A plan as text: stages, their groups with how they are split, and where results go. */
export function printPlan({ batch, setup, stages, places, arenaBytes, localBytes, graph }: Plan): string {
  const order = topologicalOrder([...graph.inputs, ...graphRoots(graph)]);
  const number = new Map(order.map((tensor, n) => [tensor, n]));
  const name = (tensor: Tensor): string => `%${number.get(tensor) ?? "?"}`;
  const lines = [`batch ${batch}, arena ${arenaBytes} B, local ${localBytes} B`];
  const print = (stage: Stage, title: string): void => {
    lines.push(stage.samples.length === 0 ? title : `${title}, ${stage.tile} samples at a time`);
    for (const { split, nodes, outputs, shape, inputs } of [...stage.samples, ...stage.ranges]) {
      const ops = nodes.map((node) => node.op.name).join(" + ");
      const operands = inputs.map((input) => `${isView(input) ? "view " : ""}${name(storageOf(input))}`).join(", ");
      const to = outputs.map((output) => `${name(output)} ${places.get(output)?.kind}`).join(", ");
      lines.push(`  ${split.padEnd(7)} ${ops} [${shape.join(",")}] (${operands}) → ${to}; ${sizeOf(shape)}`);
    }
  };
  setup.forEach((stage, s) => {
    print(stage, `setup ${s}`);
  });
  stages.forEach((stage, s) => {
    print(stage, `stage ${s}`);
  });
  return lines.join("\n");
}
