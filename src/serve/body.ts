/** Bodies of requests: read within a limit of bytes and of time, whatever the other side claims or does. */
import { Deadline } from "./deadline.ts";
import { type Ledger, SMALL } from "./ledger.ts";
import { RequestError } from "./request-error.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

export interface BodyLimits {
  /** Bytes. */
  readonly maxBody: number;
  /** Milliseconds that a body may take to arrive. */
  readonly timeout: number;
}

/** What `Content-Encoding` may be, by what `DecompressionStream` calls it; what is not here goes as it is or not at all. */
const ENCODINGS: Readonly<Record<string, CompressionFormat>> = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate" };

/** Encodings that bodies may have, for the header that says so. */
export const ACCEPTED_ENCODINGS = "gzip, deflate";

/** A body, and what it keeps of the ledger until its request is answered. */
export interface HeldBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly held: number;
}

/** Milliseconds that a body has to begin; then, while others wait for room, it must come fast enough to be there in time. */
const BEGIN = 3000;

/**
 * The bytes of a body, unpacked where it is compressed: the limit holds for what comes in and for what comes out, and the
 * rest is not unpacked. Room for it is taken before it is read.
 * @throws RequestError 413 as soon as there are too many, 408 when they do not come, 400 when they break off or do not unpack,
 * 415 when they are packed in another way, 503 when there is no room
 */
export async function readBody(request: Request, { maxBody, timeout }: BodyLimits, ledger: Ledger): Promise<HeldBody> {
  const format = readEncoding(request.headers.get("content-encoding"));
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > maxBody) throw tooLarge(maxBody);
  const known = length === null || format !== undefined ? undefined : Number(length);
  const room = ledger.take(known ?? maxBody, request);
  const held = typeof room === "number" ? room : await room;
  const deadline = new Deadline(timeout, () => new RequestError(408, `the body did not arrive within ${timeout} ms`));
  try {
    // Streams cost several times as much.
    const bytes =
      known !== undefined && known <= SMALL
        ? new Uint8Array(await Promise.race([request.arrayBuffer(), deadline.over]))
        : await readStream(request, { format, known, maxBody, timeout }, deadline, ledger);
    const kept = Math.min(held, bytes.length);
    ledger.give(held - kept);
    return { bytes, held: kept };
  } catch (error) {
    ledger.give(held);
    if (error instanceof RequestError) throw error;
    const what = format === undefined ? "the body broke off" : `the body broke off, or is no whole ${format} data`;
    throw new RequestError(400, what);
  } finally {
    deadline.end();
  }
}

interface StreamLimits extends BodyLimits {
  readonly format: CompressionFormat | undefined;
  /** Bytes of the body, where that is known. */
  readonly known: number | undefined;
}

async function readStream(
  { body }: Request,
  { format, known, maxBody, timeout }: StreamLimits,
  deadline: Deadline,
  ledger: Ledger,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array(0);
  const packed = body.getReader();
  const source = format === undefined ? packed : unpack(packed, format, maxBody).getReader();
  const chunks = known === undefined ? new ChunkList(maxBody) : new FilledArray(known);
  const began = performance.now();
  const release = ledger.hold({
    isSlow: () => {
      const elapsed = performance.now() - began;
      return elapsed > BEGIN && chunks.size < ((known ?? maxBody) * elapsed) / timeout;
    },
    evict: () => deadline.expire(new RequestError(408, "the body comes too slowly while others wait for their turn")),
  });
  try {
    for (;;) {
      const { done, value } = await Promise.race([source.read(), deadline.over]);
      if (done) return chunks.whole();
      chunks.add(value);
    }
  } catch (error) {
    (source === packed ? dropRest(packed, maxBody) : source.cancel()).catch(() => {});
    throw error;
  } finally {
    release();
  }
}

/** A body whose length is not known before it ends. */
class ChunkList {
  readonly #chunks: Uint8Array[] = [];
  readonly #most: number;
  size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Uint8Array): void {
    this.size += chunk.length;
    if (this.size > this.#most) throw tooLarge(this.#most);
    this.#chunks.push(chunk);
  }

  whole(): Uint8Array<ArrayBuffer> {
    return concatenated(this.#chunks);
  }
}

/** A body whose length is known: there is one copy of it, and pages that nothing came for are not there. */
class FilledArray {
  readonly #all: Uint8Array<ArrayBuffer>;
  size = 0;

  constructor(length: number) {
    this.#all = new Uint8Array(length);
  }

  add(chunk: Uint8Array): void {
    if (this.size + chunk.length > this.#all.length) throw new RequestError(400, "the body is longer than it says");
    this.#all.set(chunk, this.size);
    this.size += chunk.length;
  }

  whole(): Uint8Array<ArrayBuffer> {
    if (this.size < this.#all.length) throw new RequestError(400, "the body broke off");
    return this.#all;
  }
}

/** How a body is compressed; undefined: not at all. @throws RequestError 415 */
function readEncoding(header: string | null): CompressionFormat | undefined {
  const name = header?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return undefined;
  const format = Object.hasOwn(ENCODINGS, name) ? ENCODINGS[name] : undefined;
  if (format !== undefined && typeof DecompressionStream !== "undefined") return format;
  throw new RequestError(415, `Content-Encoding may be ${ACCEPTED_ENCODINGS} or left out, not ${shown(name)}`);
}

/** Bytes that are unpacked at a time: a byte gives at most a thousand, and some platforms give them all at once. */
const STEP = 4096;

/** What a body unpacks to. It is read no faster than that is: pipes hold thousands of chunks. */
function unpack(reader: Reader, format: CompressionFormat, maxBody: number): ReadableStream<Uint8Array> {
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  const feed = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return writer.close();
      for (let at = 0; at < value.length; at += STEP) await writer.write(new Uint8Array(value.subarray(at, at + STEP)));
    }
  };
  // Whoever reads learns what went wrong from the other end.
  feed().catch((error) => Promise.allSettled([writer.abort(error), dropRest(reader, maxBody)]));
  return readable;
}

/**
 * Reads on and drops what comes of a body that is refused, some way: else the connection would have to be cut, perhaps
 * before the client has read why.
 */
async function dropRest(reader: Reader, most: number): Promise<void> {
  // The answer goes first.
  await new Promise((resolve) => setTimeout(resolve));
  for (let dropped = 0; dropped < most; ) {
    const { done, value } = await reader.read();
    if (done) return;
    dropped += value.length;
  }
  await reader.cancel();
}

const tooLarge = (maxBody: number): RequestError => new RequestError(413, `the body is larger than ${maxBody} bytes`);

/** Bytes one after the other. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Types of bodies that may be JSON: that, and what clients send who say nothing about it (curl and fetch have defaults of
 * their own). A page that posts these across origins has been refused before (origins.ts).
 */
const MAYBE_JSON =
  /^\s*(?:$|(?:application\/(?:[\w.+-]+\+)?json|application\/octet-stream|application\/x-www-form-urlencoded|text\/plain)\s*(?:;|$))/i;

/** @throws RequestError 415 when a body says that it is something else than JSON */
export function checkJsonType({ headers }: Request): void {
  const type = headers.get("content-type") ?? "";
  if (!MAYBE_JSON.test(type)) throw new RequestError(415, `expected JSON, application/json, not ${shown(type)}`);
}

/** Bytes that a body's values may take: a thread that reads bodies has about as much (serve/node/reader-pool.ts). */
const VALUES = 240 * 2 ** 20;
/**
 * Bytes of what each character of JSON begins, as V8 (of Node 20) has it: an object or a list; a value of a list; a field, which
 * may have a name that no other has.
 */
const WEIGHTS: ReadonlyMap<number, number> = new Map(
  [..."{[,:"].map((c, i) => [c.charCodeAt(0), [64, 64, 24, 160][i]]),
);
/** Bytes of JSON that are too few to become too many values. */
const FEW = 2 ** 20;

/** Whether JSON becomes more values than there is memory for; characters within texts count, too. */
function isTooHeavy(bytes: Uint8Array): boolean {
  if (bytes.length <= FEW) return false;
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]++;
  let total = bytes.length;
  for (const [character, weight] of WEIGHTS) total += counts[character] * weight;
  return total > VALUES;
}

/** A JSON object. @throws RequestError 400, and 413 when it has too many values */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (isTooHeavy(bytes))
    throw new RequestError(413, "the JSON has more values than fit into memory; send fewer samples");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new RequestError(400, "the body is not JSON");
  }
  return asObject(value, "the body");
}

/**
 * The fields of a JSON object. One that is null is left out: clients made from a schema send null for what is not given.
 * @throws RequestError 400 when `value` is no JSON object
 */
export function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RequestError(400, `${what} must be a JSON object, not ${shown(value)}`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** A JSON value for a message: short, whatever it is. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(value.length <= 40 ? value : `${value.slice(0, 40)}…`);
  return value === undefined ? "nothing" : String(value);
}
