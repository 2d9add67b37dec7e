/** What a server needs of Node: a socket, a look at the model folders every second, and an end that finishes first. */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { DuctusError } from "../../engine/errors.ts";
import type { Repository } from "../../serve/repository.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Milliseconds that a whole request may take to arrive. */
  readonly timeout: number;
}

export interface Listening {
  readonly url: string;
  /** Takes no more connections, finishes what was accepted, and cuts off what takes longer than `grace` milliseconds. */
  stop(grace: number): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use; choose another --port",
  EACCES: "permission denied; ports below 1024 need rights that others do not",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "this machine has no such address",
};

/** Milliseconds between looks for connections that nobody uses, while the server stops. */
const SWEEP = 50;

/** Listens. @throws DuctusError when the address cannot be had */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port, timeout }: ListenOptions,
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      // The socket gives up a little after the handler, whose answer says why.
      requestTimeout: timeout + 1000,
      headersTimeout: Math.min(timeout, 10_000),
      connectionsCheckingInterval: Math.min(timeout, 1000),
    },
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ""] ?? error.message;
      reject(new DuctusError(`cannot listen on ${host} port ${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    stop: (grace) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), grace);
        // Clients keep connections open for a next request, which will not be taken.
        const sweep = setInterval(() => server.closeIdleConnections(), SWEEP);
        server.close(() => {
          clearTimeout(cut);
          clearInterval(sweep);
          resolve();
        });
      }),
  };
}

/** Looks for new models every `interval` milliseconds, until the returned function is called. */
export function watch(repository: Repository, interval: number): () => void {
  const timer = setInterval(() => void repository.refresh(), interval);
  timer.unref();
  return () => clearInterval(timer);
}
