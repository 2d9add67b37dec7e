/**
 * Reads a text that grows, with a network that says what may come next: as far as the text goes on with what was read before, only
 * its new tokens are read, and the rest is remembered (nn/recall.ts). What writes texts (generate.ts) asks it token by token.
 */
import type { Backend } from "../engine/backends/backend.ts";
import { DataError } from "../engine/errors.ts";
import { bucket, Programs } from "../engine/programs.ts";
import { type Graph, trace } from "../engine/trace.ts";
import { type Blueprint, blueprintOf } from "../models/blueprint.ts";
import type { Model } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import { Memory } from "../nn/recall.ts";
import { platform } from "../platform/platform.ts";
import { probabilitiesOf } from "../task/classify/ranking.ts";
import type { Generate } from "../task/generate/generate.ts";
import { inferenceGraph } from "./inference.ts";

/** A network of no known kind looks back at so many tokens, all of which are read again for each new one. */
const WINDOW = 256;

/** A model ready to go on with one text after the other. Close it in the end. */
export class TextWriter {
  /** Most tokens that it looks back at; Infinity where it remembers something of all. */
  readonly room: number;
  readonly #model: Model<Generate>;
  readonly #backend: Backend;
  readonly #programs: Programs;
  readonly #remembers: boolean;
  /** The tokens that are remembered. */
  #known: Int32Array = new Int32Array(0);

  private constructor(model: Model<Generate>, backend: Backend, blueprint: Blueprint | undefined) {
    const { maxLength = Number.POSITIVE_INFINITY } = model.task.input;
    const longest = blueprint === undefined ? WINDOW : blueprint.record.longest?.(blueprint.options);
    this.room = Math.min(maxLength, longest ?? Number.POSITIVE_INFINITY);
    this.#model = model;
    this.#backend = backend;
    this.#remembers = blueprint !== undefined;
    const memory = blueprint === undefined ? undefined : new Memory(this.room);
    this.#programs = new Programs(backend, ({ batch, sizes }) =>
      memory === undefined ? inferenceGraph(model, batch, sizes) : recallingGraph(model, sizes?.time ?? 1, memory),
    );
  }

  static async open(model: Model<Generate>): Promise<TextWriter> {
    const backend = await platform().createBackend({ threads: 1 });
    return new TextWriter(model, backend, blueprintOf(model.network));
  }

  /**
   * How likely each token is to come after some tokens, of which there are at most {@link room}.
   * @throws DataError for none, DuctusError when the network gives no finite numbers
   */
  async next(tokens: Int32Array): Promise<Float64Array> {
    if (tokens.length === 0) throw new DataError("the text is empty: there is nothing to go on with");
    const known = this.#remembers && isLonger(tokens, this.#known) ? this.#known.length : 0;
    const fresh = tokens.subarray(known);
    // Nothing is known until it has been read.
    this.#known = new Int32Array(0);
    const sizes = { time: bucket(fresh.length, this.room - known) };
    const { task, temperature } = this.#model;
    const classes = task.tokenizer.tokens;
    const answer = await this.#programs.run(
      { batch: 1, sizes },
      (inputs) => {
        inputs.x.fill(0);
        inputs.x.set(fresh);
        inputs.length?.fill(fresh.length);
        inputs.position?.fill(known);
      },
      ({ logits }) => {
        const last = (fresh.length - 1) * classes.length;
        return probabilitiesOf({ classes, temperature }, logits.subarray(last, last + classes.length));
      },
    );
    this.#known = tokens.slice();
    return answer;
  }

  async close(): Promise<void> {
    this.#programs.dispose();
    await this.#backend.close();
  }
}

/** Whether a text goes on with another. */
const isLonger = (text: Int32Array, other: Int32Array): boolean =>
  text.length > other.length && other.every((token, i) => token === text[i]);

/** The graph that reads the next tokens of a text. */
function recallingGraph(model: Model<Generate>, time: number, memory: Memory): Graph {
  return trace((tracer) => {
    const inputs = {
      x: tracer.input("x", [1, time], "int32", true),
      length: tracer.input("length", [1], "int32", true),
    };
    return model.outputs(inputs, { ...inferenceContext(), recall: memory.recall(tracer) });
  });
}
