/** Runs the real binary in a child process, away from the user's cache, data and network. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Result {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `npm test` builds first; a bare `vitest` finds what was built last, or builds. */
export function ensureBuilt(): void {
  if (!existsSync(binary)) execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
}

function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { DUCTUS_DATA: _, DUCTUS_DEBUG: __, NO_COLOR: ___, FORCE_COLOR: ____, ...inherited } = process.env;
  return { ...inherited, DUCTUS_OFFLINE: "1", ...extra };
}

/** Starts `ductus words…` in `cwd`, by this Node or another. */
export function start(
  cwd: string,
  words: readonly string[],
  extra: Readonly<Record<string, string>> = {},
  node = process.execPath,
): ChildProcess {
  const env = environment({ XDG_CACHE_HOME: `${cwd}/cache`, ...extra });
  return spawn(node, [binary, ...words], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
}

/** What it wrote and how it ended. */
export function finish(child: ChildProcess): Promise<Result> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

export function ductus(cwd: string, ...words: readonly string[]): Promise<Result> {
  return finish(start(cwd, words));
}
