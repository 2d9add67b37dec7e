/** Finds and makes the folder of a run, before training starts: one that cannot be written is better known early. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileError } from "../platform/node/atomic.ts";
import { makeFolders, RunClaim } from "./run-claim.ts";

const RUNS = "runs";

/**
 * Makes `out`, or the first free `runs/DATA-MODEL-N`, and claims it.
 * @throws UsageError when `out` has files already, or another run is at work in it
 * @throws DuctusError when it cannot be written
 */
export function claimRunFolder(out: string | undefined, data: string, model: string): RunClaim {
  if (out !== undefined) return RunClaim.take(out, "--out", makeFolders(out));
  const stem = `${plainName(data)}-${plainName(model)}`;
  for (let n = highest(stem) + 1; ; n++) {
    const path = resolve(RUNS, `${stem}-${n}`);
    const made = makeFolders(path);
    // Another run may have taken the number in the meantime.
    if (made.at(-1) === path) return RunClaim.take(join(RUNS, basename(path)), "--out", made);
  }
}

/** The highest number of the runs of a name; 0 where there are none. */
function highest(stem: string): number {
  const names = namesIn(RUNS);
  const numbers = names.map((name) => (name.startsWith(`${stem}-`) ? Number(name.slice(stem.length + 1)) : 0));
  return Math.max(0, ...numbers.filter(Number.isSafeInteger));
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder);
  } catch (error) {
    throw fileError(error, "read", resolve(folder));
  }
}

/** The last part of a path, as a name that is safe in a file system and on a command line. */
function plainName(text: string): string {
  const name = basename(resolve(text)).replace(/\.(csv|tsv|txt|jsonl|gz)$/gi, "");
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "data";
}
