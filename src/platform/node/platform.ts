/** The platform of Node: files on disk, worker threads, `setImmediate`. */
import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import type { Backend } from "../../engine/backends/backend.ts";
import { UsageError } from "../../engine/errors.ts";
import type { BackendOptions, Platform } from "../platform.ts";
import { appendFile, moveFile, readFileChecked, writeFileAtomic } from "./atomic.ts";
import { decodeImage } from "./images.ts";
import { nodeWasmBackend } from "./threads.ts";

/** More threads than this are a mistake of the caller's, on any machine. */
const MAX_THREADS = 256;

async function createBackend({ threads = availableParallelism(), strict = false }: BackendOptions): Promise<Backend> {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new UsageError(`threads is ${threads}; expected a whole number from 1 to ${MAX_THREADS}`);
  }
  return nodeWasmBackend({ threads, strict });
}

export const nodePlatform: Platform = {
  name: "node",
  cores: availableParallelism(),
  createBackend,
  readFile: readFileChecked,
  writeFile: writeFileAtomic,
  appendFile,
  moveFile,
  decodePicture: (source, options) => decodeImage(source, undefined, options),
  breathe: async () => setImmediate(),
};
