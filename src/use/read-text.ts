/** Reads texts with a model: tokens, programs by length, and whatever its task makes of the outputs. */
import type { Arrays } from "../data/port.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { DataError, UsageError } from "../engine/errors.ts";
import { bucket, Programs } from "../engine/programs.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { AnswerOf, AnyTask } from "../task/task.ts";
import { TextInput } from "../task/text-input.ts";
import { inferenceGraph } from "./inference.ts";

/** A model ready to read one text after the other. Close it in the end. */
export class TextReader<T extends AnyTask> {
  readonly #model: Model<T>;
  readonly #input: TextInput;
  readonly #backend: Backend;
  readonly #programs: Programs;

  private constructor(model: Model<T>, input: TextInput, backend: Backend) {
    this.#model = model;
    this.#input = input;
    this.#backend = backend;
    this.#programs = new Programs(backend, ({ batch, sizes }) => inferenceGraph(model, batch, sizes));
  }

  /** @throws UsageError when the model reads no texts */
  static async open<T extends AnyTask>(model: Model<T>): Promise<TextReader<T>> {
    const { input } = model.task;
    if (!(input instanceof TextInput)) throw new UsageError("this model reads no texts");
    return new TextReader(model, input, await platform().createBackend({ threads: 1 }));
  }

  /** @throws DataError for a text without tokens, DuctusError when the network gives no finite numbers for it */
  async read(text: string): Promise<AnswerOf<T>> {
    if (typeof text !== "string") throw new UsageError("the model reads texts, one at a time; give a string");
    return this.readTokens(this.#input.encode(text));
  }

  /** As {@link read}, of token numbers. */
  async readTokens(tokens: Int32Array): Promise<AnswerOf<T>> {
    if (tokens.length === 0) throw new DataError("the text is empty: there is nothing to read");
    const sizes = { time: bucket(tokens.length, this.#input.maxLength) };
    const write = ({ x, length }: Arrays): void => {
      x.fill(0);
      x.set(tokens);
      // A network that looks at no later tokens needs no length.
      length?.fill(tokens.length);
    };
    const { task, temperature } = this.#model;
    const length = Int32Array.of(tokens.length);
    return this.#programs.run({ batch: 1, sizes }, write, (given) =>
      task.decode({ outputs: { length, ...given }, sizes, count: 1 }, 0, temperature),
    );
  }

  async close(): Promise<void> {
    this.#programs.dispose();
    await this.#backend.close();
  }
}
