/** Finds and makes the folder of a run, before training starts: one that cannot be written is better known early. */
import { access, constants, mkdir, readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { UsageError } from "../engine/errors.ts";
import { fileError } from "../platform/node/atomic.ts";
import { makeFolder } from "../platform/node/files.ts";

const RUNS = "runs";

/**
 * Makes `out`, or the first free `runs/DATA-MODEL-N`.
 * @throws UsageError when `out` has files already  @throws DuctusError when it cannot be written
 */
export async function claimRunFolder(out: string | undefined, data: string, model: string): Promise<string> {
  return out === undefined ? nextFolder(data, model) : givenFolder(out);
}

async function givenFolder(out: string): Promise<string> {
  let names: readonly string[];
  try {
    await makeFolder(resolve(out));
    await access(out, constants.W_OK);
    names = await readdir(out);
  } catch (error) {
    throw fileError(error, "write", out);
  }
  if (names.length > 0) throw new UsageError(`--out ${out} is not empty; choose another folder`);
  return out;
}

async function nextFolder(data: string, model: string): Promise<string> {
  const stem = `${plainName(data)}-${plainName(model)}`;
  try {
    await makeFolder(resolve(RUNS));
    for (let n = highest(await readdir(RUNS), stem) + 1; ; n++) {
      const path = join(RUNS, `${stem}-${n}`);
      try {
        await mkdir(path);
        return path;
      } catch (error) {
        // Another run took the number in the meantime.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  } catch (error) {
    throw fileError(error, "write", resolve(RUNS));
  }
}

function highest(names: readonly string[], stem: string): number {
  const numbers = names.map((name) => (name.startsWith(`${stem}-`) ? Number(name.slice(stem.length + 1)) : 0));
  return Math.max(0, ...numbers.filter(Number.isSafeInteger));
}

/** The last part of a path, as a name that is safe in a file system and on a command line. */
function plainName(text: string): string {
  const name = basename(resolve(text)).replace(/\.(csv|gz)$/gi, "");
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "data";
}
