/**
 * A run folder while a command works in it: locked, so that no other run writes there, marked with how the run ended, and
 * taken away again where no run began (an option was wrong, the data could not be read).
 */
import * as fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { fileError, writeFileAtomicSync } from "../platform/node/atomic.ts";
import { type FolderLock, LOCK_NAME, lockFolder } from "../platform/node/folder-lock.ts";
import { type BackendOptions, platform } from "../platform/platform.ts";
import type { Callback } from "../train/callbacks.ts";
import { endBy, parseStatus, type RunEnd, runFiles, statusText } from "../train/run-folder.ts";
import { catchInterrupts, type Interrupt } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";

/** What a run works with. */
export interface Tools {
  readonly backend: Backend;
  readonly interrupt: Interrupt;
}

export class RunClaim {
  readonly folder: string;
  /** For `fit`, behind all others: a run began when nothing refused it. */
  readonly callback: Callback = {
    onStart: () => {
      this.#hasBegun = true;
    },
  };
  readonly #lock: FolderLock;
  /** Folders that were made for a new run, from the outermost; undefined for one that goes on. */
  readonly #made: readonly string[] | undefined;
  #hasBegun = false;

  private constructor(folder: string, lock: FolderLock, made: readonly string[] | undefined) {
    this.folder = folder;
    this.#lock = lock;
    this.#made = made;
  }

  /**
   * Claims a folder for a new run, which has nothing in it, or for one that goes on.
   * @param option by which the folder was named, for messages
   * @param made folders that did not exist before; undefined for a run that goes on
   * @throws UsageError when another run is at work there, or the folder of a new run has files
   */
  static take(folder: string, option: string, made: readonly string[] | undefined): RunClaim {
    const lock = lockFolder(folder);
    if (!("release" in lock)) {
      const who = lock.pid === 0 ? "" : ` (process ${lock.pid} on ${lock.host})`;
      throw new UsageError(
        `${option} ${folder}: another run is at work there${who}; wait for it, or choose another folder`,
      );
    }
    if (made === undefined) return new RunClaim(folder, lock, made);
    const names = fs.readdirSync(folder).filter((name) => name !== LOCK_NAME);
    if (names.length > 0) {
      lock.release();
      throw new UsageError(`${option} ${folder} is not empty; choose another folder`);
    }
    return new RunClaim(folder, lock, made);
  }

  /** Does the work of a command, which says how the run ended, and leaves that in the folder. */
  async while(terminal: Terminal, options: BackendOptions, work: (tools: Tools) => Promise<RunEnd>): Promise<void> {
    const interrupt = catchInterrupts(terminal);
    let backend: Backend | undefined;
    try {
      backend = await platform().createBackend(options);
      this.#close(await work({ backend, interrupt }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#close(interrupt.status !== 0 ? "interrupted" : endBy(error), message);
      throw error;
    } finally {
      interrupt.release();
      this.#lock.release();
      if (!this.#hasBegun) this.#discard();
      await backend?.close();
    }
  }

  /** Nothing was to be done after all. */
  release(): void {
    this.#lock.release();
  }

  #close(end: RunEnd, reason?: string): void {
    if (!this.#hasBegun) return;
    const { status: path } = runFiles(this.folder);
    try {
      const bytes = fs.existsSync(path) ? fs.readFileSync(path) : undefined;
      writeFileAtomicSync(path, statusText({ end, reason, times: parseStatus(bytes).times }));
    } catch (error) {
      // What went wrong before is what should be told; without this file the run counts as interrupted.
      if (reason === undefined) throw error;
    }
  }

  /** Everything in a folder that was empty is this run's. */
  #discard(): void {
    if (this.#made === undefined) return;
    try {
      for (const name of fs.readdirSync(this.folder))
        fs.rmSync(join(this.folder, name), { recursive: true, force: true });
      for (const folder of this.#made.toReversed()) fs.rmdirSync(folder);
    } catch {
      // Others have put something there.
    }
  }
}

/**
 * Makes a folder and those above it. One that another process makes at the same moment is as good, but not this one's.
 * @returns those that were made here, the outermost first
 * @throws DuctusError when it cannot be made or written
 */
export function makeFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let path = resolve(folder); !fs.existsSync(path) && dirname(path) !== path; path = dirname(path)) {
    missing.unshift(path);
  }
  try {
    const made = missing.filter((path) => makeFolder(path));
    fs.accessSync(folder, fs.constants.W_OK);
    return made;
  } catch (error) {
    throw fileError(error, "write", folder);
  }
}

/** @returns false when the path is there already */
function makeFolder(path: string): boolean {
  try {
    fs.mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
