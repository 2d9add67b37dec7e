/** Files, gzip or plain, and folders: read, listed in the same order everywhere, made. */

import { constants } from "node:buffer";
import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { corruptGzip, isGzip } from "../../data/gzip.ts";
import { fileError, readFileChecked } from "./atomic.ts";

/** The whole file, decompressed if it is gzip. @throws DuctusError when it cannot be read, DataError when it is corrupt */
export async function readUnzipped(path: string): Promise<Uint8Array> {
  return unzip(await readFileChecked(path), path);
}

/** Decompresses gzip, passes anything else through. Node's zlib is several times faster than its web streams. */
export function unzip(bytes: Uint8Array, name: string, maxBytes = 2 ** 31): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    const maxOutputLength = Math.min(maxBytes, constants.MAX_LENGTH);
    return gunzipSync(bytes, { maxOutputLength, chunkSize: roomFor(bytes, maxOutputLength) });
  } catch (cause) {
    throw corruptGzip(name, cause);
  }
}

/** deflate makes nothing larger than this many times its size. */
const MAX_RATIO = 1032;
const LEAST_CHUNK = 16 * 1024;

/**
 * A little more than a gzip file says that it holds (RFC 1952, ISIZE), within what it can hold and may. In a buffer of
 * that size zlib writes the whole in one piece, which need not be copied together; a file that lies is read in several.
 */
function roomFor(bytes: Uint8Array, most: number): number {
  const said = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.length - 4, true);
  return Math.max(LEAST_CHUNK, Math.min(said + 1, bytes.length * MAX_RATIO, most));
}

/** What is at `path`. */
export async function pathKind(path: string): Promise<"file" | "folder" | "nothing"> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? "folder" : "file";
  } catch {
    return "nothing";
  }
}

/** Where a path leads once all links are followed; itself where that cannot be told. */
export async function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/** Makes a folder and those above it. Node's own recursive mkdir never returns where the parent refuses with ENOENT (/proc). */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && (await pathKind(parent)) === "nothing") await makeFolder(parent);
  try {
    await mkdir(path);
  } catch (error) {
    // Perhaps another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/**
 * Names in a folder without the hidden ones: whole numbers by value, then the others by code point, so that the order is
 * the same on every machine. @throws DuctusError when the folder cannot be read
 */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith(".")).sort(byName);
  } catch (cause) {
    throw fileError(cause, "read", folder);
  }
}

/** The same names, each with whether it is a folder; a link to a folder is one. @throws DuctusError as {@link listFolder} */
export async function listEntries(folder: string): Promise<{ readonly name: string; readonly isFolder: boolean }[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw fileError(cause, "read", folder);
  }
  const shown = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => byName(a.name, b.name));
  return Promise.all(
    shown.map(async (entry) => {
      const { name } = entry;
      const isFolder = entry.isSymbolicLink() ? (await pathKind(join(folder, name))) === "folder" : entry.isDirectory();
      return { name, isFolder };
    }),
  );
}

/** Whole numbers by value, before other names, and those by code point. */
export function byName(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB && Number(a) !== Number(b)) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** SHA-256 of the parts one after the other, as hexadecimal digits. */
export function sha256(parts: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
