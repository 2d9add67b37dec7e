/** What named networks were built by, so that others like them can be: kept beside a network, apart from what builds it. */
import type { Module } from "../nn/module.ts";
import type { AnyTask } from "../task/task.ts";
import type { Model, Recipe } from "./model.ts";
import type { NetworkRecord } from "./network.ts";

/** How a model of a named network is made. */
export interface ModelOfOptions {
  /** How it is trained; default: the network's own. */
  readonly recipe?: Recipe | undefined;
  /** Of the initial weights; without one they stay 0. */
  readonly seed?: number | undefined;
}

/** What a network was built by. */
export interface Blueprint {
  readonly record: NetworkRecord;
  readonly options: Readonly<Record<string, number>>;
  /** Another network like it, for a task. */
  again<T extends AnyTask>(task: T, options: ModelOfOptions): Model<T>;
}

/** By the networks that were built. */
const built = new WeakMap<Module, Blueprint>();

export const keepBlueprint = (network: Module, blueprint: Blueprint): void => void built.set(network, blueprint);

/** What a network was built by; undefined for those of other origin. */
export const blueprintOf = (network: Module): Blueprint | undefined => built.get(network);
