/** Entry of every exported `.js`: finds the module beside it, wherever it runs. The exporter puts the file's name in. */
import { DataError } from "../../engine/errors.ts";
import { openRecogniser, type Recogniser } from "./recogniser.ts";

/** Where the module is: its bytes, a response that brings them, or an address. */
export type Source = Uint8Array | ArrayBuffer | Response | URL | string;

/** Node, Deno and Bun read files through this; it is hidden from bundlers, which would look for a module. */
interface Files {
  readFileSync(path: URL): Uint8Array;
}

/**
 * Loads the recogniser.
 * @param source default: the `.wasm` beside this file
 */
export async function load(source: Source = new URL("recogniser.wasm", import.meta.url)): Promise<Recogniser> {
  return openRecogniser(await read(source));
}

async function read(source: Source): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof Response === "function" && source instanceof Response) return readResponse(source);
  const url = new URL(source as URL | string, import.meta.url);
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Files } };
  const files = url.protocol === "file:" ? process?.getBuiltinModule?.("node:fs") : undefined;
  return files === undefined ? readResponse(await fetch(url)) : files.readFileSync(url);
}

async function readResponse(response: Response): Promise<Uint8Array> {
  if (!response.ok) throw new DataError(`recogniser: ${response.url} answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
