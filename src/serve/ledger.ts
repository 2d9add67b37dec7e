/**
 * What requests may hold together. Limits stand on each request; this stands on their sum. Who wants to hold something takes
 * it here first (admission.ts) and gives it back when done; what does not fit waits for its turn.
 */
import { RequestError } from "./request-error.ts";

/** What is small enough to go past those that wait for much; see {@link Ledger}. */
export const SMALL = 2 ** 16;
/** Milliseconds between looks for holders that make others wait. */
const LOOK = 250;

/** Somebody who holds much and may be too slow to go on with it while others wait. */
export interface Holder {
  readonly isSlow: () => boolean;
  /** Makes it give back what it holds. */
  readonly evict: () => void;
}

interface Waiting {
  readonly bytes: number;
  readonly isGone: () => boolean;
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * So many bytes, first come, first served: a connection has one request under way at a time, so that each gets its turn.
 * Small requests have a line of their own and a part that large ones leave alone.
 */
export class Ledger {
  readonly total: number;
  readonly #patience: number;
  readonly #largest: number;
  #used = 0;
  #refused = 0;
  readonly #small: Waiting[] = [];
  readonly #large: Waiting[] = [];
  readonly #holders = new Set<Holder>();
  #look: ReturnType<typeof setInterval> | undefined;

  /**
   * @param total bytes
   * @param patience milliseconds that a request waits for its turn at most
   * @param reserve share that only small requests may use, so that these are answered while large ones fill the rest
   */
  constructor(total: number, patience: number, reserve = 0) {
    this.total = total;
    this.#patience = patience;
    this.#largest = Math.floor(total * (1 - reserve));
  }

  /** Bytes that are held. */
  get used(): number {
    return this.#used;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#small.length + this.#large.length;
  }

  /** Requests whose turn did not come. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Takes bytes; what is more than there ever is takes all. Give back what it returns.
   * @param request a client that has gone away loses its place
   * @returns the bytes that were taken; a number where nothing had to be waited for
   * @throws RequestError 503 when the turn does not come in time
   */
  take(bytes: number, request?: Request): number | Promise<number> {
    const isSmall = bytes <= SMALL;
    const most = isSmall ? this.total : this.#largest;
    const amount = Math.min(bytes, most);
    const line = isSmall ? this.#small : this.#large;
    if (line.length === 0 && this.#used + amount <= most) {
      this.#used += amount;
      return amount;
    }
    const signal = request?.signal;
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown): void => {
        clearTimeout(waiting.timer);
        const at = line.indexOf(waiting);
        if (at >= 0) line.splice(at, 1);
        reject(error);
        this.#admit();
      };
      const waiting: Waiting = {
        bytes: amount,
        isGone: () => signal?.aborted === true,
        admit: () => {
          clearTimeout(waiting.timer);
          resolve(amount);
        },
        refuse,
        timer: setTimeout(() => {
          this.#refused++;
          refuse(new RequestError(503, "the server works on as much as it may hold; try again in a moment"));
        }, this.#patience),
      };
      line.push(waiting);
      this.#look ??= setInterval(() => this.#shed(), LOOK);
    });
  }

  give(bytes: number): void {
    this.#used -= bytes;
    if (this.waiting > 0) this.#admit();
  }

  /** Lets a holder be asked to make room for others, until the returned function is called. */
  hold(holder: Holder): () => void {
    this.#holders.add(holder);
    return () => this.#holders.delete(holder);
  }

  #admit(): void {
    for (const [line, most] of [
      [this.#small, this.total],
      [this.#large, this.#largest],
    ] as const) {
      while (line.length > 0 && (line[0].isGone() || this.#used + line[0].bytes <= most)) {
        const waiting = line.shift() as Waiting;
        if (waiting.isGone()) waiting.refuse(new RequestError(408, "the client has gone"));
        else {
          this.#used += waiting.bytes;
          waiting.admit();
        }
      }
    }
    if (this.waiting === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#look);
    this.#look = undefined;
  }

  /** Somebody has waited: who is slow makes room. */
  #shed(): void {
    this.#admit();
    if (this.waiting === 0) return;
    for (const holder of this.#holders) if (holder.isSlow()) holder.evict();
  }
}
