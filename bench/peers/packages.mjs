/** The peers from npm: installed on first use into the cache of Ductus, never into the project. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir, isOffline } from "../../dist/platform/node/paths.js";
import { Unavailable } from "./child.mjs";

/** One folder per peer, so that one that cannot be had does not keep the other away. */
const PACKAGES = {
  "jax-js": ["@jax-js/jax@0.1.25"],
  "onnxruntime-node": ["onnxruntime-node@1.30.0"],
  tesseract: ["tesseract.js@7.0.0", "@tesseract.js-data/eng@1.0.0"],
  tfjs: ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"],
};

/** The folder whose node_modules holds a peer. @throws Unavailable when it cannot be installed */
export async function packagesOf(peer) {
  const folder = join(defaultCacheDir(), "bench-peers", peer);
  const packages = PACKAGES[peer];
  const command = `npm install --ignore-scripts ${packages.join(" ")}`;
  if (packages.every((name) => isInstalled(folder, name))) return folder;
  if (isOffline()) throw new Unavailable(`not installed and DUCTUS_OFFLINE is set; in ${folder} run: ${command}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "commonjs" }));
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", ...packages];
    const shell = process.platform === "win32";
    await promisify(execFile)("npm", args, { cwd: folder, timeout: 300_000, shell });
  } catch (error) {
    const lines = String(error.stderr ?? "").split("\n");
    const reason =
      lines.find((line) => line.includes("npm error") || line.includes("ERR!")) ?? error.message.split("\n")[0];
    throw new Unavailable(`could not be installed (${reason.trim()}); with a network, in ${folder} run: ${command}`);
  }
  return folder;
}

/** Whether exactly this version is there; `spec` is `name@version`. */
function isInstalled(folder, spec) {
  const [name, version] = [spec.slice(0, spec.lastIndexOf("@")), spec.slice(spec.lastIndexOf("@") + 1)];
  const file = join(folder, "node_modules", name, "package.json");
  return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version;
}
