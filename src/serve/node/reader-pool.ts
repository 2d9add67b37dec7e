/**
 * Threads that read large bodies of requests (serve/reading.ts), so that the one that answers is free meanwhile. There are a
 * few, started when they are first needed. What a task does to its thread ends with the thread: one that runs out of memory,
 * crashes or does not come to an end is replaced, and only its own request is refused.
 */
import { Worker } from "node:worker_threads";
import type { Patience } from "../batcher.ts";
import type { Elsewhere, Task, TaskName, Tasks } from "../reading.ts";
import { type ErrorStatus, RequestError } from "../request-error.ts";

/** MiB of values that JSON of one request may become. V8 keeps to it only roughly, so serve/body.ts counts before. */
const HEAP = 256;

/** What a thread says when a task is done. */
export type Done =
  | { readonly output: Tasks[TaskName][1] }
  | { readonly status: ErrorStatus; readonly message: string; readonly stack?: string | undefined };

interface Waiting {
  readonly task: Task;
  /** Of the one who waits for it. */
  readonly patience: Patience | undefined;
  readonly resolve: (output: Tasks[TaskName][1]) => void;
  readonly reject: (error: unknown) => void;
}

export interface ReaderPoolOptions {
  readonly threads: number;
  /** Milliseconds that a task may take. */
  readonly timeout: number;
  /** MiB; default 256. */
  readonly heap?: number | undefined;
}

export class ReaderPool {
  readonly #options: ReaderPoolOptions;
  readonly #queue: Waiting[] = [];
  readonly #free: Worker[] = [];
  readonly #all = new Set<Worker>();
  #busy = 0;

  constructor(options: ReaderPoolOptions) {
    this.#options = options;
  }

  /** What a server is given. */
  readonly run: Elsewhere = <K extends TaskName>(
    name: K,
    input: Tasks[K][0],
    patience?: Patience,
  ): Promise<Tasks[K][1]> =>
    new Promise((resolve, reject) => {
      this.#queue.push({ task: { name, input } as Task, patience, resolve: resolve as Waiting["resolve"], reject });
      this.#next();
    });

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#busy < this.#options.threads && this.#queue.length > 0) {
      const waiting = this.#queue.shift() as Waiting;
      if (waiting.patience?.aborted === true) {
        waiting.reject(waiting.patience.reason);
        continue;
      }
      this.#busy++;
      void this.#work(this.#free.pop() ?? this.#spawn(), waiting).finally(() => {
        this.#busy--;
        this.#next();
      });
    }
  }

  #spawn(): Worker {
    const { heap = HEAP } = this.#options;
    const worker = new Worker(new URL("./reader-thread.js", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heap },
    });
    worker.unref();
    this.#all.add(worker);
    worker.on("exit", () => {
      this.#all.delete(worker);
      const at = this.#free.indexOf(worker);
      if (at >= 0) this.#free.splice(at, 1);
    });
    // Whoever has a task there hears of it, too.
    worker.on("error", () => {});
    return worker;
  }

  async #work(worker: Worker, { task, resolve, reject }: Waiting): Promise<void> {
    const { timeout } = this.#options;
    const over = new AbortController();
    const end = new Promise<Done & { readonly isDead?: boolean }>((resolve) => {
      const dead = (status: ErrorStatus, message: string, stack?: string): void =>
        resolve({ status, message, stack, isDead: true });
      const timer = setTimeout(dead, timeout, 503, `the body was not read within ${timeout} ms`);
      const { signal } = over;
      signal.addEventListener("abort", () => clearTimeout(timer));
      const on = (event: string, act: Parameters<Worker["on"]>[1]): void => {
        worker.on(event, act);
        signal.addEventListener("abort", () => worker.off(event, act));
      };
      on("message", resolve);
      on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ERR_WORKER_OUT_OF_MEMORY") dead(413, "the body takes more memory than a request may have");
        else dead(500, "the server failed; its log says more", error.stack);
      });
      on("exit", () => dead(503, "the thread that read the body ended; try again"));
    });
    // Bytes that are a part of something larger cannot be given away.
    const bodies = "body" in task.input ? [task.input.body] : [];
    const whole = bodies.filter((body) => body.byteLength === body.buffer.byteLength);
    worker.postMessage(
      task,
      whole.map(({ buffer }) => buffer),
    );
    const done = await end;
    over.abort();
    if ("output" in done) resolve(done.output);
    else reject(failure(done));
    if (done.isDead === true) await worker.terminate();
    else this.#free.push(worker);
  }
}

function failure({ status, message, stack }: Exclude<Done, { output: unknown }>): RequestError {
  const error = new RequestError(status, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
