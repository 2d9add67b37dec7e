/** Bytes from wherever a page has them. Part of exported recognizers too, which also run in Node, Deno and Bun. */
import { DataError } from "../../engine/errors.ts";

/** Where bytes are: here, in a file that the user chose, in a response that brings them, or at an address. */
export type Source = Uint8Array | ArrayBuffer | Blob | Response | URL | string;

/** Node, Deno and Bun read files through this; it is hidden from bundlers, which would look for a module. */
interface Files {
  readFileSync(path: URL): Uint8Array;
}

/**
 * @param base what addresses are relative to; default: the page, or the script of a worker
 * @throws DataError when the server has no such thing, or cannot be reached
 */
export async function readBytes(source: Source, base = globalThis.location?.href): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source === "object" && "arrayBuffer" in source) return readBody(source);
  if (!URL.canParse(source, base)) throw new DataError(`${source} is no address here; give a whole URL, or bytes`);
  const url = new URL(source, base);
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Files } | undefined };
  const files = url.protocol === "file:" ? process?.getBuiltinModule?.("node:fs") : undefined;
  return files === undefined ? readBody(await request(url)) : files.readFileSync(url);
}

async function request(url: URL): Promise<Response> {
  try {
    return await fetch(url);
  } catch (cause) {
    throw new DataError(`${url}: cannot be reached, or its server does not let this page read it (CORS)`, { cause });
  }
}

async function readBody(body: Blob | Response): Promise<Uint8Array> {
  if ("ok" in body && !body.ok) throw new DataError(`${body.url}: the server answers ${body.status}`);
  return new Uint8Array(await body.arrayBuffer());
}

/** What a message calls a source. */
export function nameOf(source: Source, otherwise: string): string {
  if (typeof source === "string" || source instanceof URL) return String(source);
  if (source instanceof Blob) return (source as Partial<File>).name ?? otherwise;
  return source instanceof Response ? source.url : otherwise;
}
