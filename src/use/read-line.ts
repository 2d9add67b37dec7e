/** Reads lines of writing with a model, such as numbers that were cut out of a page: one at a time, with as few programs as pay. */
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
import { takeChecked } from "./trained-model.ts";

/** A network reads about so many columns in the time that it takes to compile it for one more length. */
const COLUMNS_OF_PROGRAM = 10_000;

/** A model ready to read one line after the other. Close it in the end. */
export class LineReader<T extends AnyTask> {
  readonly #model: Model<T>;
  readonly #input: LineInput;
  readonly #backend: Backend;
  readonly #programs: Programs;
  /** The lengths that there are programs for, and by length how many columns were read in vain as there is none for it. */
  readonly #lengths = new Set<number>();
  readonly #wasted = new Map<number, number>();

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
    if (backend !== undefined) return new LineReader(model, input, backend);
    // Its weights lie where it was checked already.
    const checked = takeChecked(model);
    checked?.program.dispose();
    return new LineReader(model, input, checked?.backend ?? (await platform().createBackend({ threads: 1 })));
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
   * Runs the network on lines, one after the other, and makes of its outputs what is asked for.
   * @param use gets the outputs of a batch, the place in it of a line, and that of the line among all; they hold until the next batch
   */
  async run<R>(lines: readonly Line[], use: (outputs: BatchOutputs, index: number, place: number) => R): Promise<R[]> {
    const { margin } = this.#input.preprocessing;
    const lengths = this.#lengthsFor(lines.map(({ columns }) => bucket(columns + margin)));
    const results: R[] = [];
    for (const [place, line] of lines.entries()) {
      const sizes = { columns: lengths[place] };
      const result = await this.#programs.run(
        { batch: 1, sizes },
        (inputs) => write(inputs, line),
        (outputs) => use({ outputs, sizes, count: 1 }, 0, place),
      );
      results.push(result);
    }
    return results;
  }

  /**
   * The lengths of the programs that lines are to be read with. What fills a line up changes nothing of what is read, so a long
   * program reads short lines, too, until that has cost more than compiling one for them.
   * @param wanted lengths that are long enough for them
   */
  #lengthsFor(wanted: readonly number[]): number[] {
    const known = this.#lengths;
    const longEnough = (length: number): number => Math.min(...[...known].filter((other) => other >= length));
    for (const length of [...new Set(wanted)].sort((a, b) => b - a)) {
      const lines = wanted.filter((other) => other === length).length;
      const wasted = (this.#wasted.get(length) ?? 0) + lines * (longEnough(length) - length);
      this.#wasted.set(length, wasted);
      if (wasted > COLUMNS_OF_PROGRAM) known.add(length);
    }
    return wanted.map(longEnough);
  }

  async close(): Promise<void> {
    this.#programs.dispose();
    await this.#backend.close();
  }
}

function write({ x, length }: Arrays, { pixels, columns }: Line): void {
  x.fill(0);
  x.set(pixels);
  length[0] = columns;
}
