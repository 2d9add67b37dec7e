/**
 * What is done to a body beside the network: JSON is parsed, forms are taken apart, pictures are decoded and prepared, pages are
 * searched for numbers. It is what a request costs most, so it is here as tasks: plain data in, plain data out. A small one is done at once, on the thread
 * that answers; a large one waits for room (ledger.ts) and is done by another thread, where the platform has some
 * (serve/node/reader-pool.ts).
 */
import { LONGEST_SIDE } from "../page/gray.ts";
import type { NumberAnswer } from "../read/answers.ts";
import type { Patience } from "./batcher.ts";
import { type DecodedPicture, type DecodePicture, readPicture } from "./decode-picture.ts";
import { type Form, readForm } from "./forms.ts";
import type { Intake } from "./intake.ts";
import type { Ledger } from "./ledger.ts";
import { type AnswersInput, answerPage, type FoundPage, findPage, type PageInput } from "./page-tasks.ts";
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
  readonly page: readonly [PageInput, FoundPage];
  readonly answers: readonly [AnswersInput, NumberAnswer[]];
}

export type TaskName = keyof Tasks;

/** A task, as other threads get it. */
export type Task = { readonly [K in TaskName]: { readonly name: K; readonly input: Tasks[K][0] } }[TaskName];

/**
 * Does a task on another thread. The body is gone afterwards. One for which nobody waits any more is not begun.
 * @throws RequestError as the task does, when it dies of it, and the reason of the patience that came to its end
 */
export type Elsewhere = <K extends TaskName>(name: K, input: Tasks[K][0], patience?: Patience) => Promise<Tasks[K][1]>;

/**
 * Threads for tasks: who sends a small body does not wait behind pages, which take a hundred times as long; nor does the last step of
 * a page that has been looked at wait behind others that have not, or all pages that come together would be ready together, and too late.
 */
export type Pool = "bodies" | "pages";

interface TaskKind<Input, Output> {
  readonly pool: Pool;
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
/** Bytes that a number of a network needs while strings are found in them: as a float64, and strings of which it is a part. */
const PER_SCORE = 256;
/** Bytes that a page takes beside: what is worked out for each pixel of its copy, which has so many at most. */
const PER_COPIED = 40;
const MOST_COPIED = LONGEST_SIDE ** 2;

const TASKS: { readonly [K in TaskName]: TaskKind<Tasks[K][0], Tasks[K][1]> } = {
  rows: {
    pool: "bodies",
    run: ({ intake, body, verb }) => readRows(intake, body, verb),
    cost: ({ body }) => (body.length <= TEXT_HERE ? undefined : body.length * PER_TEXT),
  },
  tensor: {
    pool: "bodies",
    run: ({ intake, body, length, outputs }) => readTensors(intake, body, length, outputs),
    cost: ({ body, length }) => {
      // Whatever the header says: it is checked where it is read.
      const text = Math.max(0, Math.min(Number(length) || body.length, body.length));
      const isSmall = text <= TEXT_HERE && body.length <= TENSOR_HERE;
      return isSmall ? undefined : text * PER_TEXT + body.length * Float32Array.BYTES_PER_ELEMENT;
    },
  },
  form: {
    pool: "bodies",
    run: ({ body, type, maxCount }) => readForm(body, type, maxCount),
    cost: ({ body }) => (body.length <= TEXT_HERE ? undefined : body.length * 2),
  },
  picture: {
    pool: "bodies",
    run: ({ intake, body, maxPixels }, decode) => readPicture(intake, body, maxPixels, decode),
    cost: ({ body, pixels }) => (pixels <= PIXELS_HERE && body.length <= TENSOR_HERE ? undefined : pixels * PER_PIXEL),
  },
  page: {
    pool: "pages",
    run: findPage,
    cost: ({ pixels, form }) =>
      pixels * PER_PIXEL + Math.min(pixels, MOST_COPIED) * PER_COPIED + (form?.fields.length ?? 0) * PER_TEXT,
  },
  answers: {
    pool: "bodies",
    run: answerPage,
    cost: ({ scores }) => {
      const numbers = scores.reduce((sum, line) => sum + (line?.scores.length ?? 0), 0);
      return numbers === 0 ? undefined : numbers * PER_SCORE;
    },
  },
};

/** The threads that are to do a task. */
export const poolOf = (name: TaskName): Pool => TASKS[name].pool;

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
   * @param patience of the one who waits; when it is at its end, what has not begun does not begin
   * @throws RequestError as the task does; 503 when there is no room for it
   */
  async do<K extends TaskName>(
    name: K,
    input: Tasks[K][0],
    request: Request,
    patience?: Patience,
  ): Promise<Tasks[K][1]> {
    const { ledger, elsewhere, decodePicture } = this.#options;
    const cost = TASKS[name].cost(input);
    if (cost === undefined) return runTask(name, input, decodePicture);
    const held = await ledger.take(cost, request);
    try {
      if (patience?.aborted === true) throw patience.reason;
      return await (elsewhere === undefined ? runTask(name, input, decodePicture) : elsewhere(name, input, patience));
    } finally {
      ledger.give(held);
    }
  }
}
