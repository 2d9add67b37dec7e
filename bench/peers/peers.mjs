/** The peers by name: how each is started. A new peer is one more entry. */
import { fileURLToPath } from "node:url";
import { Child } from "./child.mjs";
import { packagesOf } from "./packages.mjs";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const script =
  (file) =>
  (peer, ...args) =>
  async () =>
    new Child(process.execPath, [here(file), await packagesOf(peer), ...args]);

/** glibc gives freed pages back and faults them in again at every step; without that PyTorch is 20–40 % faster. */
export const KEEP_PAGES = { MALLOC_MMAP_THRESHOLD_: "1073741824", MALLOC_TRIM_THRESHOLD_: "4294967295" };

function python(engine, { compile = false } = {}) {
  const command = process.env.PYTHON || "python3";
  const args = [here("pytorch.py"), engine, ...(compile ? ["--compile"] : [])];
  return new Child(command, args, { ...KEEP_PAGES, PYTHONDONTWRITEBYTECODE: "1" });
}

const tfjs = script("tfjs.mjs");
const jax = script("jax-js.mjs");

/**
 * `contenders`: what runs beside Ductus, by the name in the tables.
 * `get`: how one gets the peer when it is missing.
 * `kinds`: what it is measured at, where that is not everything.
 * `slow`: only `cnn-3x3`, one measurement on small batches.
 */
export const PEERS = {
  pytorch: {
    contenders: { pytorch: async (options) => python("pytorch", options) },
    get: "pip install torch numpy, and set PYTHON to that Python",
  },
  onnxruntime: {
    contenders: { onnxruntime: async () => python("onnxruntime") },
    kinds: ["inference", "one image"],
    get: "pip install torch onnx onnxruntime, and set PYTHON to that Python",
  },
  "jax-js": { contenders: { "jax-js": jax("jax-js") }, get: "it is installed from npm on first use", slow: true },
  tfjs: {
    contenders: { "tfjs cpu": tfjs("tfjs", "cpu"), "tfjs wasm": tfjs("tfjs", "wasm") },
    get: "it is installed from npm on first use",
    slow: true,
  },
};

export const PEER_NAMES = Object.keys(PEERS);

/** The only network of the slow peers. */
export const SLOW_NETWORK = "cnn-3x3";
