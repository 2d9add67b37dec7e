/** Reads lines of writing with a model, such as numbers that were cut out of a page: programs by width, several lines at a time. */
import type { Arrays } from "../data/port.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { bucket, Programs } from "../engine/programs.ts";
import type { Model } from "../models/model.ts";
import { type Line, lineOf } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import { platform } from "../platform/platform.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnswerOf, AnyTask, BatchOutputs } from "../task/task.ts";
import { inferenceGraph } from "./inference.ts";

/** Lines that run together at most; fewer are run in batches of 1, 2, 4 …. */
const BATCH = 16;

/** A model ready to read one line after the other. Close it in the end. */
export class LineReader<T extends AnyTask> {
  readonly #model: Model<T>;
  readonly #input: LineInput;
  readonly #backend: Backend;
  readonly #programs: Programs;

  private constructor(model: Model<T>, input: LineInput, backend: Backend) {
    this.#model = model;
    this.#input = input;
    this.#backend = backend;
    this.#programs = new Programs(backend, ({ batch, sizes }) => inferenceGraph(model, batch, sizes));
  }

  /**
   * @param backend what runs the network, closed with the reader; default: a new one
   * @throws UsageError when the model reads no lines
   */
  static async open<T extends AnyTask>(model: Model<T>, backend?: Backend): Promise<LineReader<T>> {
    const { input } = model.task;
    if (!(input instanceof LineInput)) throw new UsageError("this model reads no lines of writing");
    return new LineReader(model, input, backend ?? (await platform().createBackend({ threads: 1 })));
  }

  /** @throws DuctusError when the network gives no finite numbers for it */
  async read(picture: Picture): Promise<AnswerOf<T>> {
    const [answer] = await this.readAll([picture]);
    return answer;
  }

  /** As {@link read}, of many pictures, in their order. Each is read as it would be alone. */
  readAll(pictures: readonly Picture[]): Promise<AnswerOf<T>[]> {
    const { task, temperature } = this.#model;
    return this.run(
      pictures.map((picture) => lineOf(this.#input.preprocessing, picture)),
      (outputs, index) => task.decode(outputs, index, temperature),
    );
  }

  /**
   * Runs the network on lines, and makes of its outputs what is asked for.
   * @param use gets the outputs of a batch, the place in it of a line, and that of the line among all; they hold until the next batch
   */
  async run<R>(lines: readonly Line[], use: (outputs: BatchOutputs, index: number, place: number) => R): Promise<R[]> {
    const { margin, height } = this.#input.preprocessing;
    const groups = new Map<number, { readonly line: Line; readonly place: number }[]>();
    for (const [place, line] of lines.entries()) {
      const columns = bucket(line.columns + margin);
      groups.set(columns, [...(groups.get(columns) ?? []), { line, place }]);
    }
    const results = new Array<R>(lines.length);
    for (const [columns, group] of groups) {
      for (let from = 0; from < group.length; from += BATCH) {
        const some = group.slice(from, from + BATCH);
        const shape = { batch: Math.min(BATCH, 2 ** Math.ceil(Math.log2(some.length))), sizes: { columns } };
        await this.#programs.run(
          shape,
          (inputs) =>
            write(
              inputs,
              some.map(({ line }) => line),
              columns * height,
            ),
          (outputs) => {
            for (const [i, { place }] of some.entries()) {
              results[place] = use({ outputs, sizes: shape.sizes, count: shape.batch }, i, place);
            }
          },
        );
      }
    }
    return results;
  }

  async close(): Promise<void> {
    this.#programs.dispose();
    await this.#backend.close();
  }
}

function write({ x, length }: Arrays, lines: readonly Line[], size: number): void {
  x.fill(0);
  length.fill(0);
  for (const [i, { pixels, columns }] of lines.entries()) {
    x.set(pixels, i * size);
    length[i] = columns;
  }
}
