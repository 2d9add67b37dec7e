/** Decompression with what every modern browser (and Node) has built in; Node's own adapter uses its faster zlib. */
import { DataError } from "../engine/errors.ts";

/** Whether the bytes start like a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The one message for a gzip file that does not decompress. */
export function corruptGzip(name: string, cause: unknown): DataError {
  // From Node 24 on streams fail without a word.
  const reason = (cause as Error).message || "cut short or damaged";
  return new DataError(`${name}: corrupt gzip file (${reason}); delete it and get it again`, { cause });
}

/**
 * Decompresses a gzip file.
 * @param name the file's name, for messages
 * @param maxBytes refuse to produce more than this, so that a small hostile file cannot fill the memory; default 1 GiB
 * @throws DataError when the file is corrupt, cut short or too large
 */
export async function gunzip(bytes: Uint8Array, name: string, maxBytes = 2 ** 30): Promise<Uint8Array<ArrayBuffer>> {
  const source = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = source.getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      parts.push(chunk.value);
      length += chunk.value.length;
      if (length > maxBytes) throw new DataError(`more than ${maxBytes} bytes`);
    }
  } catch (cause) {
    reader.cancel().catch(() => {});
    throw corruptGzip(name, cause);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
