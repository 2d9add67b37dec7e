/** Bodies of requests: read within a limit of bytes and of time, whatever the other side claims or does. */
import { Deadline } from "./deadline.ts";
import { RequestError } from "./request-error.ts";

export interface BodyLimits {
  /** Bytes. */
  readonly maxBody: number;
  /** Milliseconds that a body may take to arrive. */
  readonly timeout: number;
}

/**
 * The bytes of a body.
 * @throws RequestError 413 as soon as there are too many, 408 when they do not come, 400 when they break off, 415 when
 * they are compressed (what they would unpack to is not known before)
 */
export async function readBody(request: Request, { maxBody, timeout }: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") {
    throw new RequestError(415, "compressed bodies are not taken; send it without Content-Encoding");
  }
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > maxBody) throw tooLarge(maxBody);
  const deadline = new Deadline(timeout, () => new RequestError(408, `the body did not arrive within ${timeout} ms`));
  try {
    // A length that is known ends what is read; without one, chunks are counted. Streams cost several times as much.
    if (length !== null) return new Uint8Array(await Promise.race([request.arrayBuffer(), deadline.over]));
    return await readChunks(request, maxBody, deadline);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError(400, "the body broke off");
  } finally {
    deadline.end();
  }
}

const tooLarge = (maxBody: number): RequestError => new RequestError(413, `the body is larger than ${maxBody} bytes`);

async function readChunks(
  { body: stream }: Request,
  maxBody: number,
  deadline: Deadline,
): Promise<Uint8Array<ArrayBuffer>> {
  if (stream === null) return new Uint8Array(0);
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), deadline.over]);
      if (done) return concatenated(chunks);
      size += value.length;
      if (size > maxBody) throw tooLarge(maxBody);
      chunks.push(value);
    }
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error;
  }
}

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

/** A JSON object. @throws RequestError 400 */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
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
