/**
 * A network of pictures made elsewhere, as a module: gives the outputs of an ONNX graph, whatever they are; onnx-outputs.ts
 * makes logits of them. Saved, it becomes a stored graph like any network of a user's own, and needs no ONNX file any more.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";
import { reshape } from "../engine/ops/movement.ts";
import { formatShape, type Shape, sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { OnnxModel, OnnxValue } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import { OnnxReplay, requireOne } from "./onnx-replay.ts";
import { asValue, dimsOf, plain, type Value } from "./onnx-value.ts";

/** Which axis of a picture holds its channels. */
export type OnnxLayout = "NCHW" | "NHWC";

export class OnnxNetwork extends Module {
  /** Shape of one input as Ductus has it: [height, width, channels]. */
  readonly inputShape: Shape;
  readonly #replay: OnnxReplay;
  readonly #input: OnnxValue;
  readonly #layout: OnnxLayout;

  /**
   * @param layout of the input; default: found by where there are 1 or 3 channels, channels first when in doubt
   * @param budget of the file
   * @throws DataError naming the operator and its node where one cannot be imported
   */
  constructor(model: OnnxModel, layout?: OnnxLayout, budget?: Budget) {
    super();
    requireOne(
      model.inputs.filter(({ name }) => !model.initializers.has(name)),
      "input",
    );
    this.#replay = new OnnxReplay(model, budget);
    [this.#input] = this.#replay.inputs;
    const dims = pictureDims(this.#input);
    this.#layout = this.#input.shape?.length === 4 ? (layout ?? guessLayout(dims)) : "NHWC";
    const [a, b, c] = dims;
    this.inputShape = this.#layout === "NCHW" ? [b, c, a] : [a, b, c];
  }

  /** What the user should know of how the weights were read, in sentences. */
  get notes(): readonly string[] {
    return this.#replay.notes;
  }

  /** @param x [batch, height, width, channels] → [batch, outputs] */
  forward(x: Tensor, _context: Context): Tensor {
    const first = this.#input.shape?.[0];
    if (typeof first === "number" && first > 0) return this.#outputs(x, first);
    try {
      return this.#outputs(x, undefined);
    } catch (error) {
      if (!(error instanceof DuctusError) || error instanceof TooLargeError) throw error;
      // The batch axis is open, but shapes inside may still be those of one sample.
      try {
        return this.#outputs(x, 1);
      } catch {
        throw error;
      }
    }
  }

  #outputs(x: Tensor, fixedBatch: number | undefined): Tensor {
    const batch = x.shape[0];
    const output = this.#replay.run(new Map([[this.#input.name, this.#enter(x, batch)]]), batch, fixedBatch);
    // One number for each picture may come without an axis of its own.
    const [rows, ...rest] = dimsOf(output);
    if (rows !== batch || sizeOf(rest) !== Math.max(1, ...rest)) {
      throw new DataError(`its output is ${formatShape(dimsOf(output))}; a classifier gives [batch, outputs]`);
    }
    const outputs = plain(output);
    return outputs.rank === 2 ? outputs : reshape(outputs, [batch, sizeOf(rest)]);
  }

  override describe(): string {
    return `OnnxNetwork(${this.#replay.length} nodes)`;
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, parameter] of this.#replay.parameters) yield [prefix + name, parameter];
  }

  /** The input as the graph wants it. Channels first costs nothing here: it is an order of axes. */
  #enter(x: Tensor, batch: number): Value {
    const order = this.#layout === "NCHW" ? [0, 3, 1, 2] : [0, 1, 2, 3];
    const picture: Value = { tensor: x, order };
    const rank = this.#input.shape?.length ?? 4;
    if (rank === 4) return picture;
    const [height, width] = this.inputShape;
    return asValue(reshape(x, rank === 2 ? [batch, height * width] : [batch, height, width]));
  }
}

function guessLayout([first, , last]: readonly number[]): OnnxLayout {
  const isChannels = (dim: number): boolean => dim === 1 || dim === 3;
  return isChannels(last) && !isChannels(first) ? "NHWC" : "NCHW";
}

/** The three axes behind the batch. A row of n² numbers, or a picture without channels, is a gray picture. */
function pictureDims({ name, shape, dtype }: OnnxValue): readonly [number, number, number] {
  if (shape === undefined || dtype === undefined) throw new DataError(`its input ${quote(name)} has no shape`);
  const dims = shape.slice(1);
  const open = dims.find((dim) => typeof dim !== "number" || dim < 1 || dim > 65535);
  if (open !== undefined) {
    throw new DataError(
      `its input ${quote(name)} is [${shape.join(", ").slice(0, 100)}]; export it for pictures of one size (only the batch may be open)`,
    );
  }
  const sizes = dims as readonly number[];
  if (sizes.length === 3) return [sizes[0], sizes[1], sizes[2]];
  if (sizes.length === 2) return [sizes[0], sizes[1], 1];
  const side = Math.sqrt(sizes[0] ?? 0);
  if (sizes.length === 1 && Number.isInteger(side)) return [side, side, 1];
  throw new DataError(
    `its input ${quote(name)} is ${formatShape([0, ...sizes]).replace("0", "batch")}, which is no picture`,
  );
}
