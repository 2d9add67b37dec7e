/**
 * A network of samples of any length as a module: gives an output of an ONNX graph whose inputs have the names of the ports of a text
 * (token numbers and, where it looks at it, how many of each row count; task/text-input.ts) or of a line of writing
 * (task/line-input.ts). As Ductus writes them; the axes that are open there may have any length.
 */
import type { Ports } from "../data/port.ts";
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { OnnxModel } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import { OnnxReplay } from "./onnx-replay.ts";
import { asValue, plain } from "./onnx-value.ts";

export class OnnxSequences extends Module {
  readonly #replay: OnnxReplay;

  /**
   * @param ports that its samples have  @param of a sample, in words  @param output that it gives; default: its only one
   * @param budget of the file
   * @throws DataError for inputs that such samples do not have
   */
  constructor(model: OnnxModel, ports: Ports, of: string, output?: string, budget?: Budget) {
    super();
    this.#replay = new OnnxReplay(model, budget, output);
    const foreign = this.#replay.inputs.find(({ name }) => !Object.hasOwn(ports, name));
    if (foreign !== undefined) {
      const names = Object.keys(ports).join(" and ");
      throw new DataError(`its input ${quote(foreign.name)} is nothing that a ${of} has; those are ${names}`);
    }
  }

  /** What the user should know of how the weights were read, in sentences. */
  get notes(): readonly string[] {
    return this.#replay.notes;
  }

  /** @param x [batch, time …], such as token numbers → the output of the graph */
  forward(x: Tensor, { inputs = {} }: Context): Tensor {
    const given = Object.entries({ x, ...inputs }).map(([name, tensor]) => [name, asValue(tensor)] as const);
    return plain(this.#replay.run(new Map(given), x.shape[0]));
  }

  override describe(): string {
    return `OnnxSequences(${this.#replay.length} nodes)`;
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, parameter] of this.#replay.parameters) yield [prefix + name, parameter];
  }
}
