/**
 * Compiled programs by the lengths of their named axes: one function of a batch, compiled once for each shape in which batches
 * come. Training, measuring and reading all keep theirs here. A backend compiles exact shapes, so lengths that differ from batch
 * to batch are rounded up to a {@link bucket} first: few programs, and a part of the batch that is filled up.
 */
import type { Backend, MemoryUse, Program } from "./backends/backend.ts";
import type { Graph } from "./trace.ts";

/** Samples in a batch, and the lengths of axes that have a name. */
export interface BatchShape {
  readonly batch: number;
  readonly sizes?: Readonly<Record<string, number>> | undefined;
}

/**
 * The length that an axis of `length` is filled up to: 1, 2, 3, 4, 6, 8, 12, 16, 24 …, so that at most a third is filling.
 * @param largest no length is above it, so nothing is filled up beyond it
 */
export function bucket(length: number, largest = Number.POSITIVE_INFINITY): number {
  let step = 1;
  while (2 * step < length) step *= 2;
  const between = step + step / 2;
  const rounded = length <= step ? step : step > 1 && length <= between ? between : 2 * step;
  return Math.min(largest, rounded);
}

type Arrays = Program["inputs"];

export class Programs {
  readonly #backend: Backend;
  readonly #trace: (shape: BatchShape) => Graph;
  /** Batches of one shape but for their number are the rule, and found without making a text. */
  readonly #byBatch = new Map<number, Program>();
  readonly #byShape = new Map<string, Program>();
  /** The run before the next one. */
  #before: Promise<unknown> = Promise.resolve();

  /** @param traceAt traces the function for batches of a shape */
  constructor(backend: Backend, traceAt: (shape: BatchShape) => Graph) {
    this.#backend = backend;
    this.#trace = traceAt;
  }

  /** The program for a shape, where it is compiled. */
  find({ batch, sizes }: BatchShape): Program | undefined {
    return sizes === undefined ? this.#byBatch.get(batch) : this.#byShape.get(keyOf(batch, sizes));
  }

  /** The program for a shape, compiled where it is not yet. */
  async get(shape: BatchShape): Promise<Program> {
    const known = this.find(shape);
    if (known !== undefined) return known;
    const program = await this.#backend.compile(this.#trace(shape));
    const { batch, sizes } = shape;
    if (sizes === undefined) this.#byBatch.set(batch, program);
    else this.#byShape.set(keyOf(batch, sizes), program);
    return program;
  }

  /**
   * Runs the program for a shape, after all runs that were asked for before: a program has one place for what it gives, which the
   * next run overwrites.
   * @param write fills its inputs  @param use makes of its outputs what is to be kept
   */
  run<T>(shape: BatchShape, write: (inputs: Arrays) => void, use: (outputs: Arrays) => T): Promise<T> {
    const own = this.#before.then(async () => {
      const program = await this.get(shape);
      write(program.inputs);
      program.run();
      return use(await program.read());
    });
    this.#before = own.catch(() => {});
    return own;
  }

  /** Resolves when all runs are over that were asked for so far. */
  get idle(): Promise<unknown> {
    return this.#before;
  }

  /** Of the program that needs most. */
  get memory(): MemoryUse {
    const uses = [...this.#all()].map(({ memory }) => memory);
    return uses.reduce((most, use) => (use.arena > most.arena ? use : most), { parameters: 0, arena: 0 });
  }

  dispose(): void {
    for (const program of this.#all()) program.dispose();
    this.#byBatch.clear();
    this.#byShape.clear();
  }

  *#all(): Iterable<Program> {
    yield* this.#byBatch.values();
    yield* this.#byShape.values();
  }
}

const keyOf = (batch: number, sizes: Readonly<Record<string, number>>): string =>
  `${batch} ${Object.entries(sizes)
    .map(([name, length]) => `${name}=${length}`)
    .sort()
    .join(" ")}`;
