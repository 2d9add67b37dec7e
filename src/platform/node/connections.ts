/**
 * What one connection may have under way, for the server of serve.ts. HTTP/1.1 lets a client send requests without waiting for
 * answers, and Node would take them all at once and keep every answer until it is read. Here a connection has one request at a
 * time: the next begins when the last answer has gone out, and nothing more is read from a connection that is ahead. So each
 * has its turn, whatever the others send; and who does not read what it asked for is cut off.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface ConnectionLimits {
  /** Milliseconds that an answer may lie unread. */
  readonly timeout: number;
  /** Bytes of answers that may lie unread on all connections together. */
  readonly maxUnread: number;
}

/** Requests that connections have sent ahead, all together: Node has read their heads, of some kilobytes each. */
const MAX_AHEAD = 100_000;
/** Requests that were sent ahead and begin in one turn of the event loop; between two turns others are heard. */
const PER_TURN = 4;
/** Milliseconds between looks for answers that nobody reads. */
const LOOK = 500;

interface Connection {
  readonly socket: Socket;
  isBusy: boolean;
  readonly ahead: (readonly [IncomingMessage, ServerResponse])[];
  /** Bytes of the answer that is being written, and since when; 0: none. */
  unread: number;
  since: number;
}

export class Connections {
  readonly #listener: Listener;
  readonly #limits: ConnectionLimits;
  readonly #all = new Map<Socket, Connection>();
  /** Connections whose next request may begin, the one that has waited longest first. */
  readonly #ready: Connection[] = [];
  #isWoken = false;
  #ahead = 0;
  #unread = 0;
  #look: NodeJS.Timeout | undefined;

  constructor(listener: Listener, limits: ConnectionLimits) {
    this.#listener = listener;
    this.#limits = limits;
  }

  /** Takes a request; what a server's `request` event is given. */
  readonly take: Listener = (incoming, outgoing) => {
    const { socket } = incoming;
    const connection = this.#all.get(socket) ?? this.#add(socket);
    if (!connection.isBusy) return this.#begin(connection, incoming, outgoing);
    connection.ahead.push([incoming, outgoing]);
    this.#ahead++;
    socket.pause();
    if (this.#ahead > MAX_AHEAD) socket.destroy();
  };

  #add(socket: Socket): Connection {
    const connection: Connection = { socket, isBusy: false, ahead: [], unread: 0, since: 0 };
    this.#all.set(socket, connection);
    // Node makes an error for every request that was sent ahead, and nobody looks where these come from.
    let traces = 0;
    socket.prependOnceListener("close", () => {
      traces = Error.stackTraceLimit;
      if (connection.ahead.length > 0) Error.stackTraceLimit = 0;
    });
    socket.once("close", () => {
      Error.stackTraceLimit = traces;
      this.#all.delete(socket);
      this.#ahead -= connection.ahead.length;
      connection.ahead.length = 0;
      this.#read(connection);
    });
    return connection;
  }

  #begin(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse): void {
    connection.isBusy = true;
    const end = outgoing.end;
    outgoing.end = ((...written: Parameters<typeof end>) => {
      const [chunk] = written as unknown[];
      const result = Reflect.apply(end, outgoing, written);
      if (!outgoing.writableFinished) this.#wrote(connection, sizeOf(chunk));
      return result;
    }) as typeof end;
    outgoing.once("close", () => {
      this.#read(connection);
      connection.isBusy = false;
      if (connection.ahead.length === 0) return;
      this.#ready.push(connection);
      this.#wake();
    });
    this.#listener(incoming, outgoing);
  }

  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      for (let n = 0; n < PER_TURN; n++) {
        const connection = this.#ready.shift();
        if (connection === undefined) return;
        const next = connection.ahead.shift();
        if (next === undefined) continue;
        this.#ahead--;
        if (connection.ahead.length === 0) connection.socket.resume();
        this.#begin(connection, ...next);
      }
      if (this.#ready.length > 0) this.#wake();
    });
  }

  /** An answer is on its way: the system has it, or it waits for the client to read. */
  #wrote(connection: Connection, bytes: number): void {
    connection.unread = bytes;
    connection.since = performance.now();
    this.#unread += bytes;
    this.#look ??= setInterval(() => this.#cut(), LOOK).unref();
  }

  #read(connection: Connection): void {
    this.#unread -= connection.unread;
    connection.unread = 0;
    connection.since = 0;
  }

  /** Cuts off who has not read an answer for too long; when too much lies there, whose has been there longest. */
  #cut(): void {
    const { timeout, maxUnread } = this.#limits;
    const unread = [...this.#all.values()].filter(({ since }) => since > 0).sort((a, b) => a.since - b.since);
    if (unread.length === 0) {
      clearInterval(this.#look);
      this.#look = undefined;
    }
    let left = this.#unread;
    for (const { socket, unread: bytes, since } of unread) {
      if (left <= maxUnread && performance.now() - since <= timeout) break;
      left -= bytes;
      socket.destroy();
    }
  }
}

function sizeOf(chunk: unknown): number {
  if (typeof chunk === "string") return chunk.length;
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}
