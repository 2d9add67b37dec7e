/** The platform of Node: files on disk, worker threads, `setImmediate`. */
import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import type { ImmediateBackend } from "../../engine/backends/backend.ts";
import type { BackendOptions, Platform } from "../platform.ts";
import { checkThreads } from "../threads.ts";
import { appendFile, moveFile, readFileChecked, writeFileAtomic } from "./atomic.ts";
import { listFolder, pathKind } from "./files.ts";
import { decodeImage } from "./images.ts";
import { nodeWasmBackend } from "./threads.ts";

async function createBackend(options: BackendOptions): Promise<ImmediateBackend> {
  const { threads = availableParallelism() } = options;
  checkThreads(threads);
  return nodeWasmBackend({ ...options, threads });
}

export const nodePlatform: Platform = {
  name: "node",
  cores: availableParallelism(),
  createBackend,
  listFolder: async (path) => ((await pathKind(path)) === "folder" ? listFolder(path) : undefined),
  readFile: readFileChecked,
  writeFile: writeFileAtomic,
  appendFile,
  moveFile,
  decodePicture: (source, options) => decodeImage(source, undefined, options),
  breathe: async () => setImmediate(),
};
