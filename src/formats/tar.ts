/** Tar archives (POSIX.1-2001, as Python's tarfile writes them): the plain files in one, by name. For PyTorch's oldest files. */
import { DataError } from "../engine/errors.ts";

const BLOCK = 512;
const MAGIC_AT = 257;

/** Whether the bytes begin like a tar archive. */
export function looksLikeTar(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK && ascii(bytes, MAGIC_AT, 5) === "ustar";
}

/**
 * The files in an archive, as views of `bytes`. Records of other kinds (folders, links, extended headers) are passed over.
 * @throws DataError when it is cut short or damaged; `name` (the archive's) starts the message
 */
export function readTar(bytes: Uint8Array, name: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(ascii(bytes, at + 124, 12).trim() || "0", 8);
    if (!Number.isSafeInteger(size) || size < 0)
      throw new DataError(`${name}: its tar header at byte ${at} is damaged`);
    const begin = at + BLOCK;
    if (begin + size > bytes.length)
      throw new DataError(`${name} is cut short: its tar archive goes on beyond its end`);
    const type = ascii(bytes, at + 156, 1);
    if (type === "" || type === "0")
      files.set(ascii(bytes, at, 100).replace(/^\.\//, ""), bytes.subarray(begin, begin + size));
    at = begin + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** Text that ends with the field or with a zero. */
function ascii(bytes: Uint8Array, at: number, length: number): string {
  const field = String.fromCharCode(...bytes.subarray(at, at + length));
  const end = field.indexOf("\0");
  return end < 0 ? field : field.slice(0, end);
}
