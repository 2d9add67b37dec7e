/**
 * What Ductus needs from the machine that it runs on. The entry point of each platform (src/index.ts for Node) installs
 * one implementation; training, saving and loading ask for it here and never import `node:*` themselves.
 */

import type { ImmediateBackend } from "../engine/backends/backend.ts";
import { DuctusError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";

/** Work between two breaths, in milliseconds: long enough to cost nothing, short enough that Ctrl-C is prompt. */
export const BREATH = 50;

/** How programs are to be run. */
export interface BackendOptions {
  /** Threads of a run; default: one per core. Results do not depend on it. */
  readonly threads?: number | undefined;
  /** Only arithmetic that gives the same bits on every machine; default false. */
  readonly strict?: boolean | undefined;
  /** Lets programs measure themselves (`Program.profile`), which slows them down a little; default false. */
  readonly profile?: boolean | undefined;
}

/** How pictures are decoded. */
export interface DecodeOptions {
  /** Default: 100 million. */
  readonly maxPixels?: number | undefined;
}

/** What Ductus needs of the machine that it runs on: files, threads, pictures. */
export interface Platform {
  /** `node`, `browser` … */
  readonly name: string;
  /** Processor cores that may be used. */
  readonly cores: number;
  /** Starts the fastest backend that the machine has. @throws DuctusError when there is none */
  createBackend(options: BackendOptions): Promise<ImmediateBackend>;
  /** Names in a folder; undefined where the path is none, or where there are no folders. @throws DuctusError in one line */
  listFolder(path: string): Promise<readonly string[] | undefined>;
  /** The bytes of a file, by its path or, where it belongs to Ductus, its address. @throws DuctusError in one line */
  readFile(path: string | URL): Promise<Uint8Array>;
  /** Writes a file so that it is never half there. @throws DuctusError in one line; the old file is then untouched */
  writeFile(path: string, data: Uint8Array | string): Promise<void>;
  /** Adds to the end of a file, which is made where there is none. @throws DuctusError in one line */
  appendFile(path: string, data: Uint8Array): Promise<void>;
  /** Gives a file another name, at once; a file of that name is replaced. @throws DuctusError in one line */
  moveFile(from: string, to: string): Promise<void>;
  /**
   * Pixels of a picture file (formats/picture-formats.ts; in a page: what the browser shows), given by path or as bytes.
   * @throws DuctusError when it is no picture, TooLargeError when it has more pixels than allowed (in Node before it is decoded)
   */
  decodePicture(source: string | Uint8Array, options?: DecodeOptions): Promise<Picture>;
  /** Lets events through (Ctrl-C, timers, redraws) in the middle of long work. */
  breathe(): Promise<void>;
}

let current: Platform | undefined;

/** Installs the platform; called once, by the entry point. */
export function setPlatform(platform: Platform): void {
  current = platform;
}

/** The installed platform. @throws DuctusError when the entry point was by-passed */
export function platform(): Platform {
  if (current === undefined) {
    throw new DuctusError('no platform is installed; import from "ductus" instead of one of its inner files');
  }
  return current;
}
