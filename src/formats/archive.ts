/**
 * Archives of files as people make and send them: ZIP, stored or deflated. How much one may hold is decided by its directory,
 * before anything is unpacked, and again by what comes out; a file in it that cannot be read is named, and the others are
 * read. Names stay what they are, texts: whoever writes files by them has to look at them first.
 */
import { DataError, TooLargeError } from "../engine/errors.ts";
import { quote } from "./text.ts";
import { checkCrc, listZip, type ZipEntry } from "./zip.ts";

/** What an archive may hold. */
export interface ArchiveLimits {
  /** Entries, folders included. */
  readonly entries: number;
  /** Bytes of all files, unpacked. */
  readonly bytes: number;
  /** Bytes of one file, unpacked; a larger one is refused, and others are read. */
  readonly fileBytes: number;
}

/** What an archive holds, by the paths of its files. */
export interface Archive {
  /** By name, with slashes; folders themselves are left out. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** One line for each file that could not be read. */
  readonly refused: readonly string[];
}

/**
 * Reads a ZIP archive.
 * @param name the file's, which starts every message
 * @throws DataError for what is no archive, or damaged or hostile as a whole; TooLargeError beyond the limits
 */
export async function readArchive(bytes: Uint8Array, name: string, limits: ArchiveLimits): Promise<Archive> {
  const entries = listZip(bytes, name, limits.entries).filter(({ entryName }) => !entryName.endsWith("/"));
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > limits.bytes) {
    throw new TooLargeError(`${name} holds ${inMegabytes(total)}; at most ${inMegabytes(limits.bytes)} are unpacked`);
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const refused: string[] = [];
  for (const entry of entries) {
    const what = `${name}: ${quote(entry.entryName)}`;
    if (files.has(entry.entryName)) throw new DataError(`${what} is there twice; the archive is damaged or hostile`);
    try {
      files.set(entry.entryName, await unpack(entry, what, limits.fileBytes));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      refused.push(error.message);
    }
  }
  return { files, refused };
}

const STORED = 0;
const DEFLATED = 8;

async function unpack(entry: ZipEntry, what: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const { isEncrypted, method, size, data } = entry;
  if (isEncrypted) throw new DataError(`${what} is encrypted; pack it without a password`);
  if (size > most) throw new TooLargeError(`${what} has ${inMegabytes(size)}; at most ${inMegabytes(most)} are read`);
  if (method !== STORED && method !== DEFLATED) {
    throw new DataError(`${what} is compressed by method ${method}; pack it as an ordinary ZIP`);
  }
  const content = method === STORED ? new Uint8Array(data) : await inflate(data, size, what);
  if (content.length !== size)
    throw new DataError(`${what} has ${content.length} bytes instead of ${size}; it is damaged`);
  checkCrc(content, entry, what);
  return content;
}

/** Deflate without any head; more than `size` bytes are not waited for. */
async function inflate(data: Uint8Array, size: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  let length = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      length += chunk.length;
      if (length > size) controller.error(new Error(`more than ${size} bytes`));
      else controller.enqueue(chunk);
    },
  });
  const source = new Blob([new Uint8Array(data)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  try {
    return new Uint8Array(await new Response(source.pipeThrough(counted)).arrayBuffer());
  } catch (cause) {
    throw new DataError(`${what} cannot be unpacked; it is damaged`, { cause });
  }
}

const inMegabytes = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString("en", { maximumSignificantDigits: 3 })} MB`;
