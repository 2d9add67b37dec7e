/**
 * Downloads: from the first of several mirrors that has the right file, resumed where an earlier attempt stopped, checked
 * before it gets its name. Until then the bytes are in `<target>.part`, which nobody else reads.
 */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError } from "../../engine/errors.ts";
import { fileError, readFileChecked } from "./atomic.ts";
/** How far a download is. */
export interface DownloadProgress {
  readonly url: string;
  readonly received: number;
  /** Bytes in all, where the server says so. */
  readonly total: number | undefined;
}

/** How {@link download} works. */
export interface DownloadOptions {
  /** Throws when the bytes are not the wanted ones. */
  readonly verify: (bytes: Uint8Array) => void;
  /** More than this is refused, whatever the server sends. */
  readonly maxBytes: number;
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Give up on a server that says nothing for so long, in milliseconds; default 10,000. */
  readonly timeout?: number | undefined;
  /** Stops the download; what has come is kept for the next attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** Times that one mirror is asked to go on after its connection broke. */
const ATTEMPTS = 4;

/** How one request ended. `restart`: the whole is wanted again; `useless`: this mirror has something else. */
type Outcome =
  | { readonly kind: "complete"; readonly resumed: boolean }
  | { readonly kind: "interrupted" | "refused" | "restart" | "useless"; readonly reason: string };

/**
 * Downloads a file to `target`.
 * @param urls mirrors of the same file, tried in order
 * @throws DataError that lists what each mirror said; `target` is then untouched
 * @throws DuctusError when the disk is full or the folder cannot be written
 */
export async function download(urls: readonly string[], target: string, options: DownloadOptions): Promise<void> {
  const part = `${target}.part`;
  const failures: string[] = [];
  for (const url of urls) {
    const reason = await tryMirror(url, part, options);
    if (reason === undefined) {
      await rename(part, target).catch((cause: unknown) => {
        throw fileError(cause, "write", target);
      });
      return;
    }
    failures.push(`${new URL(url).host}: ${reason}`);
    if (options.signal?.aborted) break;
  }
  throw new DataError(`download failed (${failures.join("; ")})`);
}

/** Gets the whole, verified file into `part`, or says why not. */
async function tryMirror(url: string, part: string, options: DownloadOptions): Promise<string | undefined> {
  let reason = "no answer";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const outcome = await request(url, part, options);
    if (outcome.kind === "complete") {
      const wrong = await verified(part, options);
      if (wrong === undefined) return undefined;
      await rm(part, { force: true });
      reason = wrong;
      // The first half may have been another mirror's, or of an older file: once more, from the start.
      if (!outcome.resumed) return reason;
    } else {
      reason = outcome.reason;
      if (outcome.kind === "restart" || outcome.kind === "useless") await rm(part, { force: true });
      if (outcome.kind === "refused" || outcome.kind === "useless" || options.signal?.aborted) return reason;
    }
  }
  return reason;
}

async function verified(part: string, options: DownloadOptions): Promise<string | undefined> {
  try {
    options.verify(await readFileChecked(part));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function request(url: string, part: string, options: DownloadOptions): Promise<Outcome> {
  const { timeout = 10_000, maxBytes, onProgress, signal } = options;
  const have = await sizeOf(part);
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), timeout);
  const stillThere = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), timeout);
  };
  let answered = false;
  try {
    // "identity": a server that compresses on the way would make the range and the size meaningless.
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (have > 0) headers.range = `bytes=${have}-`;
    const signals = signal === undefined ? silence.signal : AbortSignal.any([silence.signal, signal]);
    const response = await (options.fetch ?? fetch)(url, { headers, signal: signals });
    answered = true;
    stillThere();
    if (response.status === 416) return discard(response, "restart", "it has no such part of the file");
    if (!response.ok || response.body === null) return discard(response, "refused", `HTTP ${response.status}`);
    const range = parseRange(response.headers.get("content-range"));
    const resumed = response.status === 206;
    if (resumed && range?.start !== have) return discard(response, "restart", "it sent another part of the file");

    const from = resumed ? have : 0;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = range?.total ?? (Number.isNaN(length) ? undefined : from + length);
    if (total !== undefined && total > maxBytes) return discard(response, "refused", `${total} bytes is too large`);
    return await store(response.body, part, from, (received) => {
      stillThere();
      onProgress?.({ url, received, total });
      return received <= maxBytes;
    });
  } catch (error) {
    if (error instanceof WriteError) throw fileError(error.cause, "write", part);
    const reason = silence.signal.aborted ? `silent for ${timeout / 1000} s` : networkReason(error);
    // Worth asking again if this request brought something, or broke before it could.
    const mayGoOn = answered && (!silence.signal.aborted || (await sizeOf(part)) !== have);
    return { kind: mayGoOn ? "interrupted" : "refused", reason };
  } finally {
    clearTimeout(timer);
  }
}

class WriteError extends Error {}

/** Appends a body to the part file from byte `from` on; on disk when it returns. */
async function store(
  body: ReadableStream<Uint8Array>,
  part: string,
  from: number,
  accept: (received: number) => boolean,
): Promise<Outcome> {
  const writing = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw new WriteError("write", { cause });
    });
  await writing(mkdir(dirname(part), { recursive: true }));
  const file = await writing(open(part, from > 0 ? "r+" : "w"));
  try {
    let received = from;
    for await (const chunk of body) {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await writing(file.write(chunk, done, chunk.length - done, received));
        done += bytesWritten;
        received += bytesWritten;
      }
      if (!accept(received)) return { kind: "useless", reason: `it sent more than ${received} bytes` };
    }
    await writing(file.sync());
    return { kind: "complete", resumed: from > 0 };
  } finally {
    await file.close();
  }
}

async function discard(response: Response, kind: "refused" | "restart", reason: string): Promise<Outcome> {
  await response.body?.cancel().catch(() => {});
  return { kind, reason };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

/** `bytes 100-199/200` */
function parseRange(header: string | null): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? "");
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) };
}

/** `fetch failed` says nothing; its cause does. */
function networkReason(error: unknown): string {
  const cause =
    error instanceof Error
      ? (error.cause as { code?: string | undefined; message?: string | undefined } | undefined)
      : undefined;
  const text = cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
  const known: Readonly<Record<string, string>> = {
    ENOTFOUND: "no such host or no network",
    EAI_AGAIN: "no network",
    ENETUNREACH: "no network",
    ECONNREFUSED: "connection refused",
    ECONNRESET: "connection broken",
    UND_ERR_SOCKET: "connection broken",
    UND_ERR_CONNECT_TIMEOUT: "no answer",
  };
  return known[text] ?? text;
}
