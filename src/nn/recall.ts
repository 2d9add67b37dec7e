/**
 * What a network remembers of a text that it goes on with, so that it reads each token once: keys and values of attention, states
 * of recurrent layers. Between two runs they lie in parameters that are no weights (`Tracer.carry`). A context has a `Recall` where
 * a text is written (use/write-text.ts); layers that look back ask it, all others do not know of it.
 */

import { DuctusError } from "../engine/errors.ts";
import { cast, gt, mul } from "../engine/ops/elementwise.ts";
import { writeRows } from "../engine/ops/gather.ts";
import { type Shape, sameShape, sizeOf } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { Tracer } from "../engine/trace.ts";

/** The memory of one text, while a network is traced that reads the next tokens of it: x is [1, time]. */
export interface Recall {
  /** Tokens of the text that were read before: int32 []. */
  readonly position: Tensor;
  /** Keeps a row for each of the tokens that are read, [1, time, …]. @returns those of the whole text, [1, room, …] */
  rows(rows: Tensor): Tensor;
  /** What was kept behind the token before; zeros in front of the first one. `keep` says what is kept behind the last. */
  state(shape: Shape): { readonly before: Tensor; keep(after: Tensor): void };
}

/** The place of what is remembered, for all graphs that read a text: they ask for the same things in the same order. */
export class Memory {
  readonly #room: number;
  readonly #kept: Parameter[] = [];

  /** @param room most tokens of a text, for layers that keep something of each */
  constructor(room: number) {
    this.#room = room;
  }

  /** For one graph, which gets an input `position`. */
  recall(tracer: Tracer): Recall {
    const position = tracer.input("position", [], "int32");
    let asked = 0;
    const place = (shape: Shape): Parameter => this.#place(asked++, shape);
    return {
      position,
      rows: (rows) => {
        const [batch, , ...rest] = rows.shape;
        const kept = place([batch, this.#room, ...rest]);
        const all = writeRows(kept, rows, position);
        tracer.carry(kept, all);
        return all;
      },
      state: (shape) => {
        const kept = place(shape);
        return { before: mul(kept, cast(gt(position, 0), "float32")), keep: (after) => tracer.carry(kept, after) };
      },
    };
  }

  #place(index: number, shape: Shape): Parameter {
    this.#kept[index] ??= new Parameter(shape, new Float32Array(sizeOf(shape)), false);
    if (sameShape(this.#kept[index].shape, shape)) return this.#kept[index];
    throw new DuctusError("a network asked for something else of its memory than before");
  }
}
