/** A folder of static files behind HTTP, as `ductus studio` serves its page: what is in it when it is opened, and nothing else. */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { DataError } from "../../engine/errors.ts";
import { readFileChecked } from "./atomic.ts";
import { pathKind } from "./files.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".jsonl": "application/jsonl",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Lets the page share memory between threads, and nobody else read what it shows. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
} as const;

/** By the name of a file; what is not known is bytes. */
export const mediaType = (name: string): string => TYPES[extname(name).toLowerCase()] ?? "application/octet-stream";

/** An answer with a file of so many bytes, which the browser asks for again each time unless its tag is the same. */
export function fileResponse(name: string, bytes: Uint8Array, request: Request): Response {
  const tag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  const headers = { ...ISOLATION, "content-type": mediaType(name), etag: tag, "cache-control": "no-cache" };
  if (request.headers.get("if-none-match") === tag) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : new Uint8Array(bytes), { headers });
}

/** The files of a folder, and of those in it, by their path with slashes. @throws DataError when the folder is not there */
export async function readSite(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  if ((await pathKind(folder)) !== "folder") throw new DataError(`${folder}: no such folder`);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = async (path: string) =>
    [relative(folder, path).split(sep).join("/"), await readFileChecked(path)] as const;
  return new Map(await Promise.all(paths.map(read)));
}
