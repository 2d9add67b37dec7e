/** A limit of time for something that a request waits for. */
import type { Patience } from "./batcher.ts";
import type { RequestError } from "./request-error.ts";

/**
 * Runs out after some milliseconds, unless it is ended before. Not an AbortController, which costs as much as running a
 * small network.
 */
export class Deadline implements Patience {
  /** Rejects when the time is over; race it with what is waited for. */
  readonly over: Promise<never>;
  /** Why, once the time is over. */
  reason: RequestError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reject: (reason: RequestError) => void = () => {};

  /** @param error makes what is thrown when the time is over: an error looks at the stack, which is not free */
  constructor(milliseconds: number, error: () => RequestError) {
    this.over = new Promise((_, reject) => {
      this.#reject = reject;
      this.#timer = setTimeout(() => this.expire(error()), milliseconds);
    });
  }

  /** Ends the time before it is over. */
  expire(reason: RequestError): void {
    clearTimeout(this.#timer);
    this.reason ??= reason;
    this.#reject(this.reason);
  }

  get aborted(): boolean {
    return this.reason !== undefined;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
