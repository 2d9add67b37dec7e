/**
 * A network of texts as a module: gives the outputs of an ONNX graph that takes token numbers and, where it looks at it, how many
 * of each row count, by the names of a text's ports (task/text-input.ts). As Ductus writes them; the axes of batch and time may
 * have any length.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { OnnxModel } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import { TEXT_PORTS } from "../task/text-input.ts";
import { OnnxReplay } from "./onnx-replay.ts";
import { asValue, plain } from "./onnx-value.ts";

export class OnnxTexts extends Module {
  readonly #replay: OnnxReplay;

  /**
   * @param budget of the file
   * @throws DataError for inputs that a text does not have
   */
  constructor(model: OnnxModel, budget?: Budget) {
    super();
    this.#replay = new OnnxReplay(model, budget);
    const foreign = this.#replay.inputs.find(({ name }) => !Object.hasOwn(TEXT_PORTS, name));
    if (foreign !== undefined) {
      const names = Object.keys(TEXT_PORTS).join(" and ");
      throw new DataError(`its input ${quote(foreign.name)} is nothing that a text has; those are ${names}`);
    }
  }

  /** What the user should know of how the weights were read, in sentences. */
  get notes(): readonly string[] {
    return this.#replay.notes;
  }

  /** @param x token numbers [batch, time] → the output of the graph */
  forward(x: Tensor, { inputs = {} }: Context): Tensor {
    const given = Object.entries({ x, ...inputs }).map(([name, tensor]) => [name, asValue(tensor)] as const);
    return plain(this.#replay.run(new Map(given), x.shape[0]));
  }

  override describe(): string {
    return `OnnxTexts(${this.#replay.length} nodes)`;
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, parameter] of this.#replay.parameters) yield [prefix + name, parameter];
  }
}
