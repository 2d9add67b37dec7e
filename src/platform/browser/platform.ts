/** The platform of a web page or worker: addresses in place of files to read, and no files to write. */
import { DuctusError } from "../../engine/errors.ts";
import type { Platform } from "../platform.ts";
import { checkThreads } from "../threads.ts";
import { readBytes } from "./bytes.ts";
import { decodePicture } from "./pictures.ts";
import { availableThreads, browserWasmBackend } from "./threads.ts";

/** Lets a page redraw and take messages; timers would wait for milliseconds. */
function breathe(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

async function refuse(path: string): Promise<never> {
  throw new DuctusError(`${path}: a web page has no files to write; take the bytes (encodeModel) and keep those`);
}

export const browserPlatform: Platform = {
  name: "browser",
  cores: availableThreads(),
  createBackend: async (options) => {
    const { threads = availableThreads() } = options;
    checkThreads(threads);
    return browserWasmBackend({ ...options, threads });
  },
  listFolder: async () => undefined,
  readFile: (url) => readBytes(url),
  writeFile: refuse,
  appendFile: refuse,
  moveFile: refuse,
  decodePicture,
  breathe,
};
