/** Loads what a novelty score (novelty.ts, novelty-stored.ts) needs, where a task has one: pages whose models have none do without. */
import type { AnyTask } from "../task.ts";
import type { Novelty } from "./novelty.ts";

/** The novelty score of a task; undefined where it has none. @throws DataError when it is damaged */
export async function loadNovelty(task: AnyTask & { readonly novelty?: unknown }): Promise<Novelty | undefined> {
  return task.novelty === undefined ? undefined : (await import("./novelty-stored.ts")).noveltyOf(task);
}
