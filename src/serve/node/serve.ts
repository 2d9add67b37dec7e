/** What a server needs of Node: a socket, a look at the model folders every second, and an end that finishes first. */
import { createServer, type Server } from "node:http";
import { setImmediate } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { DuctusError } from "../../engine/errors.ts";
import { Connections, type Listener } from "../../platform/node/connections.ts";
import type { Repository } from "../repository.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Milliseconds that a whole request may take to arrive. */
  readonly timeout: number;
  /** Bytes of answers that may lie unread on all connections together; default 64 MiB. */
  readonly maxUnread?: number | undefined;
}

export interface Listening {
  readonly url: string;
  /**
   * Takes no more connections and finishes what was accepted. Connections stay open for the request that a client may be
   * sending just now; every answer from now on tells it to close. What takes longer than `grace` milliseconds is cut off.
   */
  stop(grace: number): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use; choose another --port",
  EACCES: "permission denied; ports below 1024 need rights that others do not",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "this machine has no such address",
};

const MAX_UNREAD = 64 * 2 ** 20;
/** Milliseconds, at most, to take what waits to be accepted once the server stops. */
const ACCEPT = 5000;
/** Milliseconds that connections without a request stay open once the server stops: a request may be on its way. */
const LINGER = 1000;
/** Milliseconds between looks for connections that nobody uses any more, after that. */
const SWEEP = 50;

/** Listens. @throws DuctusError when the address cannot be had */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port, timeout, maxUnread = MAX_UNREAD }: ListenOptions,
): Promise<Listening> {
  let isStopping = false;
  const answer = getRequestListener(async (request) => {
    const response = await fetch(request);
    if (isStopping) response.headers.set("Connection", "close");
    return response;
  }) as Listener;
  const options = {
    // The socket gives up a little after the handler, whose answer says why.
    requestTimeout: timeout + 1000,
    headersTimeout: Math.min(timeout, 10_000),
    connectionsCheckingInterval: Math.min(timeout, 1000),
  };
  const server = createServer(options, new Connections(answer, { timeout, maxUnread }).take);
  let accepted = 0;
  server.on("connection", () => accepted++);
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
    stop: async (grace) => {
      isStopping = true;
      const began = performance.now();
      // What the system has accepted already and Node has not, which takes one a turn, would be reset.
      for (let before = -1; before !== accepted && performance.now() - began < Math.min(ACCEPT, grace); ) {
        before = accepted;
        await setImmediate();
        await setImmediate();
      }
      await closed(server, grace);
    },
  };
}

/** Resolves once the last connection has ended. */
function closed(server: Server, grace: number): Promise<void> {
  const closeIdle = server.closeIdleConnections.bind(server);
  // Node would close them at once, with requests on their way to them.
  server.closeIdleConnections = () => {};
  return new Promise((resolve) => {
    let sweep: NodeJS.Timeout | undefined;
    // Timers come before sockets are read: on a busy thread, what looks idle may have sent a request long ago.
    const closeQuiet = (): void => void setImmediate().then(closeIdle);
    const linger = setTimeout(() => (sweep = setInterval(closeQuiet, SWEEP)), Math.min(LINGER, grace));
    const cut = setTimeout(() => server.closeAllConnections(), grace);
    server.close(() => {
      clearTimeout(linger);
      clearTimeout(cut);
      clearInterval(sweep);
      resolve();
    });
  });
}

/** Looks for new models every `interval` milliseconds, until the returned function is called. */
export function watch(repository: Repository, interval: number): () => void {
  const timer = setInterval(() => void repository.refresh(), interval);
  timer.unref();
  return () => clearInterval(timer);
}
