/** Finds the file that a user means by a path: a run's folder stands for its best model. Before anything reads a model. */
import type { Purpose } from "../formats/kinds.ts";
import { platform } from "../platform/platform.ts";

export interface Located {
  /** Of a file. */
  readonly path: string;
  /** Where it is not the path that was given: a sentence that says so. */
  readonly notes: readonly string[];
}

/** @throws DataError when the path is a folder of another kind: which one, and what to do with it */
export async function locate(path: string, purpose: Purpose): Promise<Located> {
  const names = await platform().listFolder(path);
  if (names === undefined) return { path, notes: [] };
  const { BEST, otherFolder } = await import("../formats/folder-kinds.ts");
  const takesBest = purpose === "model" || purpose === "weights";
  if (!takesBest || !names.includes(BEST)) throw otherFolder(names, path, purpose);
  const best = `${path.replace(/[\\/]+$/, "")}/${BEST}`;
  return { path: best, notes: [`${path} is a run folder: its best model is used, ${best}`] };
}
