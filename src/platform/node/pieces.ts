/** Files larger than memory, read from the beginning to the end, piece by piece. */
import * as fs from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { plainText } from "../../data/formats/csv-lines.ts";
import { corruptGzip, isGzip } from "../../data/gzip.ts";
import { fileError } from "./atomic.ts";

const PIECE = 2 ** 20;

/** A file, decompressed if it is gzip. @throws DataError where that is corrupt, DuctusError where it cannot be read */
export async function* pieces(path: string): AsyncIterable<Uint8Array> {
  try {
    const isPacked = await beginsAsGzip(path);
    const file = fs.createReadStream(path, { highWaterMark: PIECE });
    const stream = isPacked ? pipeline(file, createGunzip({ chunkSize: PIECE }), () => {}) : file;
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const isCorrupt = cause instanceof Error && "code" in cause && String(cause.code).startsWith("Z_");
    throw isCorrupt ? corruptGzip(path, cause) : fileError(cause, "read", path);
  }
}

/** Whether a file is gzip, whatever it is called. */
export async function beginsAsGzip(path: string): Promise<boolean> {
  const file = await fs.promises.open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(3), 0, 3, 0);
    return isGzip(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

const NEWLINE = 10;

/** The bytes of a text file as UTF-8 with usual ends of lines. */
async function* textPieces(path: string): AsyncIterable<Uint8Array> {
  let plain: ((piece: Uint8Array) => Uint8Array) | undefined;
  for await (const piece of pieces(path)) {
    plain ??= plainText(piece);
    yield plain(piece);
  }
}

/** The bytes of a text file as UTF-8, cut behind ends of lines. */
export async function* wholeLines(path: string): AsyncIterable<Uint8Array> {
  let begun: Uint8Array[] = [];
  for await (const piece of textPieces(path)) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield Buffer.concat([...begun, piece.subarray(0, end)]);
      begun = [];
    }
    begun.push(piece.subarray(end));
  }
  yield Buffer.concat(begun);
}
