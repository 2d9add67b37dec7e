/** Bytes from wherever a page has them, decompressed where they are gzip. */
import { gunzip, isGzip } from "../../data/gzip.ts";
import { nameOf, readBytes, type Source } from "./bytes.ts";

/** @throws DataError as `readBytes` does, and when the bytes are damaged */
export async function readUnzipped(source: Source): Promise<Uint8Array> {
  const bytes = await readBytes(source);
  return isGzip(bytes) ? gunzip(bytes, nameOf(source, "file")) : bytes;
}
