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
  /** The answer that is being made or written, or that was the last. */
  answer: ServerResponse | undefined;
  readonly ahead: (readonly [IncomingMessage, ServerResponse])[];
  /** Since when an answer has been seen lying unread; 0: none has. */
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
  #look: NodeJS.Timeout | undefined;

  constructor(listener: Listener, limits: ConnectionLimits) {
    this.#listener = listener;
    this.#limits = limits;
  }

  /** Takes a request; what a server's `request` event is given. */
  readonly take: Listener = (incoming, outgoing) => {
    const { socket } = incoming;
    const connection = this.#all.get(socket) ?? this.#add(socket);
    const { answer, ahead } = connection;
    const isIdle = ahead.length === 0 && (answer === undefined || answer.writableFinished);
    if (isIdle || answer === undefined) return this.#begin(connection, incoming, outgoing);
    if (ahead.length === 0) answer.once("close", () => this.#wake(connection));
    ahead.push([incoming, outgoing]);
    this.#ahead++;
    socket.pause();
    if (this.#ahead > MAX_AHEAD) socket.destroy();
  };

  #add(socket: Socket): Connection {
    const connection: Connection = { socket, answer: undefined, ahead: [], since: 0 };
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
    });
    this.#look ??= setInterval(() => this.#cut(), LOOK).unref();
    return connection;
  }

  #begin(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse): void {
    connection.answer = outgoing;
    connection.since = 0;
    this.#listener(incoming, outgoing);
  }

  /** An answer has gone out, and more requests are there. */
  #wake(connection: Connection): void {
    this.#ready.push(connection);
    if (this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    for (let n = 0; n < PER_TURN && this.#ready.length > 0; n++) {
      const connection = this.#ready.shift() as Connection;
      const { ahead, socket } = connection;
      const next = ahead.shift();
      if (next === undefined) continue;
      this.#ahead--;
      if (ahead.length === 0) socket.resume();
      else next[1].once("close", () => this.#wake(connection));
      this.#begin(connection, ...next);
    }
    this.#isWoken = this.#ready.length > 0;
    if (this.#isWoken) setImmediate(this.#run);
  };

  /** Cuts off who has not read an answer for too long; when too much lies there, whose has been there longest. */
  #cut(): void {
    const { timeout, maxUnread } = this.#limits;
    const now = performance.now();
    const unread: Connection[] = [];
    let bytes = 0;
    for (const connection of this.#all.values()) {
      const { answer, socket } = connection;
      if (answer?.writableEnded !== true || answer.writableFinished) continue;
      connection.since ||= now;
      bytes += socket.writableLength;
      unread.push(connection);
    }
    for (const { socket, since } of unread.sort((a, b) => a.since - b.since)) {
      if (bytes <= maxUnread && now - since <= timeout) break;
      bytes -= socket.writableLength;
      socket.destroy();
    }
    if (this.#all.size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }
}
