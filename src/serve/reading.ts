/**
 * What is done to a body before the network: JSON is parsed, forms are taken apart, pictures are decoded and prepared. It is
 * what a request costs most, so it is here as tasks: plain data in, plain data out. A small one is done at once, on the thread
 * that answers; a large one waits for room (ledger.ts) and is done by another thread, where the platform has some
 * (serve/node/reader-pool.ts).
 */
import { type DecodedPicture, type DecodePicture, readPicture } from "./decode-picture.ts";
import { type Form, readForm } from "./forms.ts";
import type { Intake } from "./intake.ts";
import type { Ledger } from "./ledger.ts";
import { type Rows, readRows, type Verb } from "./rows.ts";
import { type Asked, readTensors } from "./tensors.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What each task is given, and what it makes of it. */
export interface Tasks {
  readonly rows: readonly [{ readonly intake: Intake; readonly body: Bytes; readonly verb: Verb }, Rows];
  readonly tensor: readonly [
    {
      readonly intake: Intake;
      readonly body: Bytes;
      readonly length: string | undefined;
      readonly outputs: readonly string[];
    },
    Asked,
  ];
  readonly form: readonly [{ readonly body: Bytes; readonly type: string; readonly maxCount: number }, Form];
  readonly picture: readonly [
    { readonly intake: Intake; readonly body: Bytes; readonly pixels: number; readonly maxPixels: number },
    DecodedPicture,
  ];
}

export type TaskName = keyof Tasks;

/** A task, as other threads get it. */
export type Task = { readonly [K in TaskName]: { readonly name: K; readonly input: Tasks[K][0] } }[TaskName];

/** Does a task on another thread. The body is gone afterwards. @throws RequestError as the task does, and when it dies of it */
export type Elsewhere = <K extends TaskName>(name: K, input: Tasks[K][0]) => Promise<Tasks[K][1]>;

interface TaskKind<Input, Output> {
  readonly run: (input: Input, decode: DecodePicture | undefined) => Output | Promise<Output>;
  /** Bytes that it takes while it runs, beside the body; undefined where it is done in a few milliseconds. */
  readonly cost: (input: Input) => number | undefined;
}

/** Bytes of text that are read on the thread that answers: one or two milliseconds, 64 samples of MNIST. */
const TEXT_HERE = 2 ** 17;
/** Bytes of tensors that are. */
const TENSOR_HERE = 2 ** 20;
/** Pixels that are: a few milliseconds. */
const PIXELS_HERE = 2 ** 16;
/** Bytes that a byte of JSON may become: the shortest object has three characters. */
const PER_TEXT = 24;
/** Bytes that a pixel needs until it is in its sample, as decoded, without transparency and as one number: 9 to 15 were measured. */
const PER_PIXEL = 16;

const TASKS: { readonly [K in TaskName]: TaskKind<Tasks[K][0], Tasks[K][1]> } = {
  rows: {
    run: ({ intake, body, verb }) => readRows(intake, body, verb),
    cost: ({ body }) => (body.length <= TEXT_HERE ? undefined : body.length * PER_TEXT),
  },
  tensor: {
    run: ({ intake, body, length, outputs }) => readTensors(intake, body, length, outputs),
    cost: ({ body, length }) => {
      // Whatever the header says: it is checked where it is read.
      const text = Math.max(0, Math.min(Number(length) || body.length, body.length));
      const isSmall = text <= TEXT_HERE && body.length <= TENSOR_HERE;
      return isSmall ? undefined : text * PER_TEXT + body.length * Float32Array.BYTES_PER_ELEMENT;
    },
  },
  form: {
    run: ({ body, type, maxCount }) => readForm(body, type, maxCount),
    cost: ({ body }) => (body.length <= TEXT_HERE ? undefined : body.length * 2),
  },
  picture: {
    run: ({ intake, body, maxPixels }, decode) => readPicture(intake, body, maxPixels, decode),
    cost: ({ body, pixels }) => (pixels <= PIXELS_HERE && body.length <= TENSOR_HERE ? undefined : pixels * PER_PIXEL),
  },
};

/** Does a task on this thread. */
export function runTask<K extends TaskName>(
  name: K,
  input: Tasks[K][0],
  decode?: DecodePicture,
): Tasks[K][1] | Promise<Tasks[K][1]> {
  return TASKS[name].run(input, decode);
}

export interface ReadingOptions {
  /** For what large tasks take. */
  readonly ledger: Ledger;
  /** Default: they are done on the thread that calls. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Default: the platform's. */
  readonly decodePicture?: DecodePicture | undefined;
}

export class Reading {
  readonly #options: ReadingOptions;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /**
   * Does a task.
   * @param request whose it is
   * @throws RequestError as the task does; 503 when there is no room for it
   */
  async do<K extends TaskName>(name: K, input: Tasks[K][0], request: Request): Promise<Tasks[K][1]> {
    const { ledger, elsewhere, decodePicture } = this.#options;
    const cost = TASKS[name].cost(input);
    if (cost === undefined) return runTask(name, input, decodePicture);
    const held = await ledger.take(cost, request);
    try {
      return await (elsewhere === undefined ? runTask(name, input, decodePicture) : elsewhere(name, input));
    } finally {
      ledger.give(held);
    }
  }
}
