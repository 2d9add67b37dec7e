/** One version of a model in service: what it is, its queue, and who still uses it. */
import { DuctusError } from "../engine/errors.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { AnyModel } from "../models/model.ts";
import { noveltyOf } from "../task/classify/novelty-stored.ts";
import type { AnyHttpView } from "../task/http.ts";
import { HTTP_VIEWS } from "../task/http-views.ts";
import type { AnyTask, BatchOutputs } from "../task/task.ts";
import { readTask } from "../task/tasks.ts";
import type { Samples } from "./batch.ts";
import type { Batcher, Patience } from "./batcher.ts";
import { intakeOf } from "./inputs.ts";
import type { Intake } from "./intake.ts";
import { RequestError } from "./request-error.ts";

/**
 * What a server has to know of a model, which need not be there itself, and where it comes from, as far as that is known. Plain
 * data, which threads tell each other.
 */
export interface Signature
  extends Pick<AnyModel, "temperature">,
    Partial<Pick<AnyModel, "architecture" | "dataset" | "metrics">> {
  /** As `Task.record` gives it. */
  readonly task: JsonRecord;
}

/** What a network says about some samples, and what its task makes of that. */
export interface Outputs {
  readonly batch: BatchOutputs;
  /** One for each sample. */
  readonly answers: readonly unknown[];
}

/** A task with all that a server says of it. */
export interface ServedTask {
  readonly task: AnyTask;
  readonly http: AnyHttpView;
}

/** @throws DataError when what a model says of its task is damaged */
export async function servedTask({ task: record }: Signature, file: string): Promise<ServedTask> {
  const task = await readTask(record, file);
  return { task, http: await HTTP_VIEWS[task.kind]() };
}

/** Whether a model reads strings from pictures of lines, of which pages consist. */
export const readsPages = ({ task }: Pick<ServedModel, "task">): boolean =>
  task.kind === "transcribe" && task.input.kind === "line";

export class ServedModel implements ServedTask {
  readonly name: string;
  readonly version: string;
  readonly model: Signature;
  readonly task: AnyTask;
  readonly http: AnyHttpView;
  readonly batcher: Batcher;
  /** What reading samples for it takes. */
  readonly intake: Intake;
  #users = 0;
  #isRetired = false;

  constructor(name: string, version: string, model: Signature, { task, http }: ServedTask, batcher: Batcher) {
    this.name = name;
    this.version = version;
    this.model = model;
    this.task = task;
    this.http = http;
    this.batcher = batcher;
    this.intake = intakeOf(name, task, batcher.maxCount);
  }

  /** Lets `work` use this version, which is not taken down before it ends. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work();
    } finally {
      this.#users--;
      await this.#closeWhenUnused();
    }
  }

  /** No new request gets this version; it is closed after the last that has it. */
  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    await this.#closeWhenUnused();
  }

  /**
   * Runs the network on samples of one shape.
   * @param places of the samples in their request, for messages
   * @throws RequestError naming a sample that was too much for float32 arithmetic
   */
  async run(samples: Samples, places: readonly number[], signal?: Patience): Promise<Outputs> {
    const batch = await this.outputs(samples, signal);
    const { outputs } = batch;
    const novelty = noveltyOf(this.task);
    const answers = Array.from({ length: samples.count }, (_, i) => {
      try {
        const answer = this.task.decode(batch, i, this.model.temperature) as object;
        const noClass = outputs.x && novelty?.noClassOf(this.task.input.ports.x, outputs.x, i);
        return noClass === undefined ? answer : { ...answer, noClass };
      } catch (error) {
        if (!(error instanceof DuctusError)) throw error;
        // Bytes and tokens are small: if these are too much, it is the weights.
        if (this.task.input.ports.x.dtype !== "float32")
          throw new RequestError(500, "the network gives no finite numbers; its weights are at fault");
        throw new RequestError(
          400,
          `sample ${places[i]}: its numbers are too large for this network, which gives no finite outputs`,
        );
      }
    });
    return { batch, answers };
  }

  /** What the network gives for samples of one shape, with what they are. */
  async outputs(samples: Samples, signal?: Patience): Promise<BatchOutputs> {
    const { count, sizes, arrays } = samples;
    // Some answers depend on how long an input is.
    return { outputs: { ...arrays, ...(await this.batcher.run(samples, signal)) }, sizes, count };
  }

  async #closeWhenUnused(): Promise<void> {
    if (this.#isRetired && this.#users === 0) await this.batcher.close();
  }
}
