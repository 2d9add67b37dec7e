/**
 * One process at a time works in a folder: `lock.json` in it says which. It is there while that process lives, so it also
 * tells whether a run is still on its way.
 *
 * A process that is killed leaves its lock behind. On the same machine it is known to be gone by its number and, as numbers
 * are given again, by when it started (Linux says so); from elsewhere (another host on a shared disk, another container) by
 * its silence: the one that holds a lock touches it every few seconds.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileError } from "./atomic.ts";

export const LOCK_NAME = "lock.json";
/** Milliseconds between two signs of life, and of silence after which the holder is taken for dead. */
const BEAT = 5_000;
const SILENCE = 120_000;

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  /** Host, its start and the space of its process numbers: numbers of another mean nothing here. */
  readonly machine: string;
  readonly host: string;
  /** When the process started, as its system counts; undefined where that is not told. */
  readonly born?: string | undefined;
}

/** A lock that this process holds. */
export interface FolderLock {
  /** Takes it away; once is enough, and the end of the process does it too. */
  release(): void;
}

/** The holder of a folder's lock, if it lives. */
export function lockHolder(folder: string): LockHolder | undefined {
  const found = read(join(folder, LOCK_NAME));
  return found !== undefined && isAlive(found) ? found.holder : undefined;
}

/**
 * Takes the lock of an existing folder; one whose holder is gone is taken over.
 * @returns the lock, or who holds it @throws DuctusError when the folder cannot be written
 */
export function lockFolder(folder: string): FolderLock | LockHolder {
  const path = join(folder, LOCK_NAME);
  const text = `${JSON.stringify(thisProcess())}\n`;
  // Twice at most: a lock that was left behind is cleared away once.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(path, text, { flag: "wx" });
      return held(path, text);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, "write", path);
    }
    const found = read(path);
    if (found === undefined) continue;
    if (isAlive(found) || !clearAway(path, found.text)) return found.holder;
  }
  return read(path)?.holder ?? UNKNOWN;
}

interface Found {
  readonly text: string;
  readonly holder: LockHolder;
  /** Milliseconds since its last sign of life. */
  readonly silent: number;
}

/** A lock that is just being written, or damaged, tells nothing. */
const UNKNOWN: LockHolder = { pid: 0, machine: "", host: "" };

function read(path: string): Found | undefined {
  try {
    // No link, and nothing that would keep its reader waiting.
    const { mtimeMs } = requireFile(fs.lstatSync(path));
    const text = fs.readFileSync(path, "utf8");
    return { text, holder: parse(text), silent: Date.now() - mtimeMs };
  } catch {
    return undefined;
  }
}

function requireFile(stats: fs.Stats): fs.Stats {
  if (!stats.isFile()) throw new Error("no file");
  return stats;
}

function parse(text: string): LockHolder {
  try {
    const value = JSON.parse(text) as Partial<LockHolder> | null;
    const { pid, machine, host, born } = value ?? {};
    if (!Number.isSafeInteger(pid) || typeof machine !== "string" || typeof host !== "string") return UNKNOWN;
    return { pid: pid as number, machine, host, born: typeof born === "string" ? born : undefined };
  } catch {
    return UNKNOWN;
  }
}

function isAlive({ holder, silent }: Found): boolean {
  if (holder.machine !== machine()) return silent < SILENCE;
  if (!exists(holder.pid)) return false;
  const born = birthOf(holder.pid);
  return born === undefined || holder.born === undefined ? silent < SILENCE : born === holder.born;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes a lock that was left behind, unless another process has just taken it over. @returns whether it is gone */
function clearAway(path: string, text: string): boolean {
  const aside = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    fs.renameSync(path, aside);
  } catch {
    return true;
  }
  const isStale = fs.readFileSync(aside, "utf8") === text;
  if (!isStale) {
    try {
      fs.linkSync(aside, path);
    } catch {
      // There is one already.
    }
  }
  fs.rmSync(aside, { force: true });
  return isStale;
}

function held(path: string, text: string): FolderLock {
  const beat = setInterval(() => {
    const now = new Date();
    fs.utimes(path, now, now, () => {});
  }, BEAT);
  beat.unref();
  const release = (): void => {
    clearInterval(beat);
    process.off("exit", release);
    try {
      if (fs.readFileSync(path, "utf8") === text) fs.rmSync(path, { force: true });
    } catch {
      // The folder is gone, or the lock is.
    }
  };
  process.on("exit", release);
  return { release };
}

function thisProcess(): LockHolder {
  return { pid: process.pid, machine: machine(), host: hostname(), born: birthOf(process.pid) };
}

let known: string | undefined;

function machine(): string {
  known ??= [hostname(), textOf("/proc/sys/kernel/random/boot_id"), linkOf("/proc/self/ns/pid")].join(" ").trim();
  return known;
}

/** Field 22 of `stat`: ticks since the machine started. The name before it stands in brackets and may hold anything. */
function birthOf(pid: number): string | undefined {
  const fields = textOf(`/proc/${pid}/stat`).split(")").at(-1)?.trim().split(" ");
  return fields?.[19];
}

function textOf(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}
