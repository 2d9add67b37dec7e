/** The peers from npm: installed on first use into the cache of Ductus, never into the project. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir, isOffline } from "../../dist/platform/node/paths.js";
import { Unavailable } from "./child.mjs";

/** One folder per peer, so that one that cannot be had does not keep the other away. */
const PACKAGES = {
  "jax-js": ["@jax-js/jax@0.1.25"],
  tfjs: ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"],
};

/** The folder whose node_modules holds a peer. @throws Unavailable when it cannot be installed */
export async function packagesOf(peer) {
  const folder = join(defaultCacheDir(), "bench-peers", peer);
  const done = join(folder, "installed.json");
  const packages = PACKAGES[peer];
  const command = `npm install --ignore-scripts ${packages.join(" ")}`;
  if (existsSync(done)) return folder;
  if (isOffline()) throw new Unavailable(`not installed and DUCTUS_OFFLINE is set; in ${folder} run: ${command}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "commonjs" }));
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", ...packages];
    const shell = process.platform === "win32";
    await promisify(execFile)("npm", args, { cwd: folder, timeout: 300_000, shell });
    await writeFile(done, JSON.stringify(packages));
  } catch (error) {
    const lines = String(error.stderr ?? "").split("\n");
    const reason =
      lines.find((line) => line.includes("npm error") || line.includes("ERR!")) ?? error.message.split("\n")[0];
    throw new Unavailable(`could not be installed (${reason.trim()}); with a network, in ${folder} run: ${command}`);
  }
  return folder;
}
