/**
 * Which parts of a network stay as they are: by name, and by epoch. Frozen weights are not in the training step's graph at
 * all; frozen batch-norm reads its running statistics instead of the batch's, and leaves them alone.
 */
import { UsageError } from "../../engine/errors.ts";
import { power } from "../../engine/power.ts";
import type { Parameter } from "../../engine/tensor.ts";
import type { AnyParameter, Module } from "../../nn/module.ts";
import type { ParameterGroup } from "../step.ts";
import { layersOf, ownerOf } from "./layers.ts";

/** All layers of a network that keep running statistics, batch norm's or somebody's own. */
function batchNorms(network: Module): Module[] {
  return [...network.namedModules()].map(([, module]) => module).filter((module) => "running_mean" in module);
}

/**
 * Names that match a pattern: `*` stands for any characters, and a name matches with all below it (`conv1` freezes
 * `conv1.weight`). @throws UsageError for a pattern that matches nothing
 */
export function matching(pattern: string, names: readonly string[]): string[] {
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  const expression = new RegExp(`^(?:${source})(?:\\..*)?$`);
  const found = names.filter((name) => expression.test(name));
  if (found.length > 0) return found;
  throw new UsageError(`no weight is called "${pattern}"; there are ${[...new Set(names.map(ownerOf))].join(", ")}`);
}

/** What of a network is trained, when and how fast: for starting from a network that was trained on something else. */
export interface TransferOptions {
  /** Patterns of names that are never trained: `conv*`, `conv1`, `fc.bias`. */
  readonly freeze?: readonly string[] | undefined;
  /** Trains the last layer first, and one more layer, from the output on, after every so many epochs. */
  readonly unfreezeEvery?: number | undefined;
  /** Epochs in which the last layer alone is trained, before the others join. */
  readonly probeEpochs?: number | undefined;
  /** Each layer's rate is that of the layer after it times this; default 1. */
  readonly lrDecayPerLayer?: number | undefined;
  /** Whether all batch-norm layers keep their running statistics and compute with them; frozen layers always do. */
  readonly freezeStatistics?: boolean | undefined;
}

/** What one epoch trains. */
export interface EpochPlan {
  readonly groups: readonly ParameterGroup[];
  readonly inference: ReadonlySet<Module>;
}

/** What every epoch of a run trains, worked out once. */
export class TransferPlan {
  readonly #network: Module;
  readonly #options: TransferOptions;
  /** Layers with the first epoch that trains them and the factor of their rate; without what is never trained. */
  readonly #layers: readonly { readonly names: readonly string[]; readonly first: number; readonly lrFactor: number }[];

  /** @throws UsageError when an option is out of range, a pattern matches nothing or nothing is left to train */
  constructor(network: Module, options: TransferOptions) {
    const { freeze = [], unfreezeEvery, probeEpochs = 0, lrDecayPerLayer = 1 } = options;
    requireWhole("unfreezeEvery", unfreezeEvery, 1);
    requireWhole("probeEpochs", probeEpochs, 0);
    if (!(lrDecayPerLayer > 0 && lrDecayPerLayer <= 1)) {
      throw new UsageError(
        (option) => `${option("lrDecayPerLayer")} is ${lrDecayPerLayer}; expected more than 0 and at most 1`,
      );
    }
    if (unfreezeEvery !== undefined && probeEpochs > 0) {
      throw new UsageError(
        (option) => `${option("unfreezeEvery")} begins with the last layer anyway; leave ${option("probeEpochs")} out`,
      );
    }
    const layers = layersOf(network);
    const never = new Set(freeze.flatMap((pattern) => matching(pattern, layers.flat())));
    this.#network = network;
    this.#options = options;
    this.#layers = layers
      .map((names, i) => {
        const depth = layers.length - 1 - i; // 0: the last layer
        const first = unfreezeEvery === undefined ? (depth === 0 ? 1 : probeEpochs + 1) : depth * unfreezeEvery + 1;
        return { names: names.filter((name) => !never.has(name)), first, lrFactor: power(lrDecayPerLayer, depth) };
      })
      .filter(({ names }) => names.length > 0);
    if (this.#layers.every(({ first }) => first > 1)) {
      throw new UsageError(
        (option) =>
          `${option("freeze")} ${freeze.join(", ")}: nothing is left to train in the first epoch; freeze less`,
      );
    }
  }

  /** How many layers are trained in an epoch (counted from 1): two epochs with the same number train the same. */
  count(epoch: number): number {
    return this.#layers.filter(({ first }) => first <= epoch).length;
  }

  /** What an epoch trains. */
  at(epoch: number, stepsPerEpoch: number): EpochPlan {
    const parameters = new Map(this.#network.namedParameters());
    const groups = new Map<string, { parameters: Parameter[]; lrFactor: number; startStep: number }>();
    for (const { names, first, lrFactor } of this.#layers) {
      if (first > epoch) continue;
      const startStep = (first - 1) * stepsPerEpoch;
      const key = `${lrFactor} ${startStep}`;
      const group = groups.get(key) ?? { parameters: [], lrFactor, startStep };
      groups.set(key, group);
      group.parameters.push(...names.map((name) => parameters.get(name) as Parameter));
    }
    const trained = new Set<AnyParameter>([...groups.values()].flatMap((group) => group.parameters));
    const { freezeStatistics = false } = this.#options;
    const inference = batchNorms(this.#network).filter(
      (norm) => freezeStatistics || ![...norm.namedParameters()].some(([, parameter]) => trained.has(parameter)),
    );
    return { groups: [...groups.values()], inference: new Set(inference) };
  }
}

function requireWhole(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new UsageError((option) => `${option(name)} is ${value}; expected a whole number of at least ${least}`);
}
