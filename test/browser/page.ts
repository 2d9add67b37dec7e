/** Pages for tests: Chromium, where there is one, and a server of a few files from memory. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

export interface TestSite {
  /** Ends with a slash. */
  readonly address: string;
  close(): void;
}

/**
 * Serves files by path ("a/b.js", and pages as "a/"); "/" is an empty page.
 * @param isolated sends the headers that let pages share memory between threads
 */
export async function serve(
  files: ReadonlyMap<string, string | Uint8Array>,
  { isolated = false } = {},
): Promise<TestSite> {
  const isolation = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  const server = createServer(({ url = "/" }, response) => {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname).slice(1);
    const content = path === "" ? "<!doctype html><title>empty</title>" : files.get(path);
    if (content === undefined) return response.writeHead(404).end();
    const isPage = path === "" || path.endsWith("/");
    const type = TYPES[isPage ? "html" : path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return response.writeHead(200, { "content-type": type, ...(isolated && isolation) }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Runs a module worker of the page's site and returns its first message; an error in it is thrown here. */
export async function messageOfWorker<T>(page: Page, file: string, message: unknown = null): Promise<T> {
  // As text: what is written here would go through a compiler that has its own ideas.
  const script = `new Promise((resolve, reject) => {
    const worker = new Worker(${JSON.stringify(file)}, { type: "module" });
    worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
    worker.onerror = (event) => reject(new Error(event.message ?? "the worker did not start"));
    worker.postMessage(${JSON.stringify(message)});
  })`;
  return (await page.evaluate(script)) as T;
}
