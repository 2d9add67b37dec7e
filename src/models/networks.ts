/** Named networks of all tasks: what each is for, and `createFor`, which makes a model of one for a task. */
import { unknownName } from "../engine/errors.ts";
import type { Suggested } from "../engine/options.ts";
import type { InputKind } from "../task/input.ts";
import type { AnyTask, TaskKind } from "../task/task.ts";
import type { Model, Recipe } from "./model.ts";
import type { NetworkRecord } from "./network.ts";
import { NETWORKS, type NetworkEntry, type NetworkName, networkNamed } from "./network-table.ts";
import { ARCHITECTURES, findArchitecture } from "./registry.ts";

/** What a named network of any kind is for. @throws UsageError with a suggestion when there is none of that name */
export function purposeOf(name: string): Pick<NetworkEntry, "task" | "input"> {
  if (ARCHITECTURES.some((architecture) => architecture.name === name)) return { task: "classify", input: "numbers" };
  const found = networkNamed(name);
  if (found !== undefined) return found;
  throw unknownName("model", name, [...ARCHITECTURES.map((known) => known.name), ...Object.keys(NETWORKS)]);
}

/** The names of all networks that are for a task and an input. */
export function networksFor(task: TaskKind, input: InputKind): readonly string[] {
  const others = Object.entries(NETWORKS).filter(([, entry]) => entry.task === task && entry.input === input);
  const isPictures = task === "classify" && input === "numbers";
  return [...(isPictures ? ARCHITECTURES.map(({ name }) => name) : []), ...others.map(([name]) => name)];
}

/** The record of a named network: what it is for, its options, its recipe. @throws UsageError with a suggestion when there is none */
export async function findNetwork(name: Suggested<NetworkName>): Promise<NetworkRecord> {
  const found = networkNamed(name);
  if (found === undefined) throw unknownName("network", name, Object.keys(NETWORKS));
  return found.load();
}

/** The recipe that a named network of any kind comes with. @throws UsageError with a suggestion when there is none of that name */
export async function recipeOf(name: string): Promise<Recipe> {
  purposeOf(name);
  return networkNamed(name) === undefined ? findArchitecture(name).recipe : (await findNetwork(name)).recipe;
}

/** How {@link createFor} makes a model. */
export interface CreateForOptions {
  /** Of the network, by name; default: its own. */
  readonly options?: Readonly<Record<string, number>> | undefined;
  /** How it is trained; default: the network's own. */
  readonly recipe?: Recipe | undefined;
  /** Of the initial weights; default 0. */
  readonly seed?: number | undefined;
}

/**
 * Makes a model of a named network for a task, with fresh weights that depend on the seed only.
 * @throws UsageError for an unknown name or option (with a suggestion), or a network that is for something else
 */
export async function createFor<T extends AnyTask>(
  name: Suggested<NetworkName>,
  task: T,
  { options = {}, recipe, seed = 0 }: CreateForOptions = {},
): Promise<Model<T>> {
  const [record, { modelOf }] = await Promise.all([findNetwork(name), import("./network.ts")]);
  return modelOf(record, task, options, { recipe, seed });
}
