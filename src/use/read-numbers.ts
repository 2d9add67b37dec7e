/** Reads samples that are numbers with a model: sequences of any length, by programs for their lengths, and measurements of one shape. */
import { isNumbers, type Numbers, sampleOf } from "../data/sample-numbers.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { bucket, Programs } from "../engine/programs.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { InputKind } from "../task/input.ts";
import { SequenceInput } from "../task/sequence-input.ts";
import type { AnswerOf, AnyTask } from "../task/task.ts";
import { inferenceGraph } from "./inference.ts";

/** Kinds of inputs that are numbers. */
const KINDS: readonly InputKind[] = ["numbers", "sequence"];

/** A model ready to read one sample of numbers after the other. Close it in the end. */
export class NumbersReader<T extends AnyTask> {
  readonly #model: Model<T>;
  readonly #backend: Backend;
  readonly #programs: Programs;

  private constructor(model: Model<T>, backend: Backend) {
    this.#model = model;
    this.#backend = backend;
    this.#programs = new Programs(backend, ({ batch, sizes }) => inferenceGraph(model, batch, sizes));
  }

  /** @throws UsageError when the model reads no numbers */
  static async open<T extends AnyTask>(model: Model<T>): Promise<NumbersReader<T>> {
    const { kind } = model.task.input;
    if (!KINDS.includes(kind)) throw new UsageError(`this model reads no numbers but ${kind}`);
    return new NumbersReader(model, await platform().createBackend({ threads: 1 }));
  }

  /**
   * @param sample in the model's own units, nested or in one list; a sequence may have any length
   * @throws UsageError for what is no list, DataError for one that does not fit, DuctusError when the network gives no finite numbers
   */
  async read(sample: Numbers): Promise<AnswerOf<T>> {
    const { task, temperature } = this.#model;
    if (!isNumbers(sample))
      throw new UsageError("the model reads numbers; give a list of them, or of lists, or a typed array");
    const x = sampleOf(task.input.ports.x, sample);
    const { sizes, lengths } = measured(task, x.length);
    return this.#programs.run(
      { batch: 1, ...(sizes && { sizes }) },
      (inputs) => {
        inputs.x.fill(0);
        inputs.x.set(x);
        // A network that does not look at it has no such input.
        inputs.length?.set(lengths);
      },
      (outputs) =>
        task.decode({ outputs: { length: lengths, ...outputs }, sizes: sizes ?? {}, count: 1 }, 0, temperature),
    );
  }

  async close(): Promise<void> {
    this.#programs.dispose();
    await this.#backend.close();
  }
}

/** How long a sample of so many numbers is, and what it is filled up to. */
function measured({ input }: AnyTask, numbers: number) {
  if (!(input instanceof SequenceInput)) return { sizes: undefined, lengths: Int32Array.of() };
  const length = numbers / sizeOf(input.step);
  return { sizes: { [input.axis]: bucket(length) }, lengths: Int32Array.of(length) };
}
