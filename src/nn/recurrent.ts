/**
 * Recurrent layers, LSTM and GRU, with PyTorch's names, gates and both biases. Sequences are [batch, time, features], batch
 * first, where PyTorch's default is time first; states are [batch, layers · directions, hidden] for the same reason.
 */
import { ShapeError, UsageError } from "../engine/errors.ts";
import { dropout } from "../engine/ops/activation.ts";
import { constant } from "../engine/ops/constant.ts";
import { concat, reshape, slice } from "../engine/ops/movement.ts";
import {
  type CellName,
  cellSizes,
  gru,
  lstm,
  type RecurrentOptions,
  type RecurrentPart,
  type RecurrentWeights,
} from "../engine/ops/recurrent.ts";
import type { Random } from "../engine/random.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { dropoutDraw, requireShare } from "./dropout.ts";
import { drawFirst, filled, uniformInit } from "./init.ts";
import { type Context, Module } from "./module.ts";

/** Options of {@link LSTM} and {@link GRU}. */
export interface RecurrentLayerOptions {
  /** Layers on top of each other, each reading the output of the one below; default 1. */
  readonly numLayers?: number | undefined;
  /** Whether both products have a bias; default true. */
  readonly bias?: boolean | undefined;
  /** Probability with which outputs of all layers but the last are dropped while training; default 0. */
  readonly dropout?: number | undefined;
  /** Whether a second set of weights reads every sequence backwards; outputs are then [forward, backward]. Default false. */
  readonly bidirectional?: boolean | undefined;
}

/** What a sequence begins with and how long it is. */
export interface SequenceOptions {
  /** Hidden state before the first step, [batch, layers · directions, hidden]; default zeros. */
  readonly hidden?: Tensor | undefined;
  /** Cell state before the first step, the same shape; LSTM only; default zeros. */
  readonly cell?: Tensor | undefined;
  /**
   * int32 [batch]: how many steps of each sample count. As PyTorch's packed sequences: outputs behind them are 0, states are
   * those after the last step that counts, and the backward direction begins there. A length of 0 gives zeros and the state
   * that came in. Default: all steps of all samples.
   */
  readonly lengths?: Tensor | undefined;
}

/** What a GRU gives for a sequence; an LSTM also gives its cell state. */
export interface SequenceResult {
  /** Hidden states of the last layer after every step, [batch, time, directions · hidden]. */
  readonly output: Tensor;
  /** Hidden state after the last step, [batch, layers · directions, hidden]; layer by layer, forward before backward. */
  readonly hidden: Tensor;
}

/** What both kinds share: layers, directions, weights, dropout between layers. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly bidirectional: boolean;
  /** May be changed between two trainings: at least 0 and less than 1. */
  dropout: number;
  readonly #name: string;
  readonly #cell: CellName;

  constructor(name: string, cell: CellName, inputSize: number, hiddenSize: number, options: RecurrentLayerOptions) {
    super();
    const { numLayers = 1, bias = true, dropout: p = 0, bidirectional = false } = options;
    requireWhole(name, { inputSize, hiddenSize, numLayers });
    requireShare(name, { dropout: p });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.bidirectional = bidirectional;
    this.dropout = p;
    this.#name = name;
    this.#cell = cell;
    const rows = cellSizes(cell).gates * hiddenSize;
    for (let layer = 0; layer < numLayers; layer++) {
      const width = layer === 0 ? inputSize : hiddenSize * this.#directions;
      for (let direction = 0; direction < this.#directions; direction++) {
        const named = (kind: string, shape: readonly number[]): void => {
          Object.defineProperty(this, weightName(kind, layer, direction), {
            value: filled(shape),
            enumerable: true,
            writable: true,
          });
        };
        named("weight_ih", [rows, width]);
        named("weight_hh", [rows, hiddenSize]);
        if (!bias) continue;
        named("bias_ih", [rows]);
        named("bias_hh", [rows]);
      }
    }
    drawFirst(this);
  }

  get #directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** All weights uniform within ±1/√hidden, as PyTorch draws them. */
  override reset(random: Random): void {
    for (const [, weight] of this.namedParameters()) {
      uniformInit(weight as Parameter, 1 / Math.sqrt(this.hiddenSize), random);
    }
  }

  /** [batch, time, inputSize] → the output of the last layer, [batch, time, directions · hidden]. */
  forward(x: Tensor, context: Context): Tensor {
    const { recall, inputs } = context;
    if (recall === undefined) return this.through(x, context, {}).output;
    if (this.bidirectional) throw new UsageError(`${this.#name}: only one direction can read a text piece by piece`);
    const shape = [x.shape[0], this.numLayers, this.hiddenSize];
    const [hidden, cell] = [recall.state(shape), recall.state(shape)];
    const states = { hidden: hidden.before, cell: cell.before, lengths: inputs?.length };
    const after = this.through(x, context, states);
    hidden.keep(after.hidden);
    cell.keep(after.cell);
    return after.output;
  }

  override describe(): string {
    const { numLayers, bias, bidirectional } = this;
    const options = { numLayers, bias, dropout: this.dropout, bidirectional };
    const defaults = { numLayers: 1, bias: true, dropout: 0, bidirectional: false };
    return describeLayer(this.#name, [this.inputSize, this.hiddenSize], options, defaults);
  }

  /** Takes a sequence through all layers. */
  protected through(x: Tensor, context: Context, options: SequenceOptions): Record<RecurrentPart, Tensor> {
    const { hiddenSize: H, numLayers, dropout: p } = this;
    if (x.rank !== 3 || x.shape[2] !== this.inputSize || x.dtype !== "float32") {
      throw new ShapeError(
        `${this.#name}: input is ${x.dtype} ${formatShape(x.shape)} but must be float32 [batch, time, ${this.inputSize}]`,
      );
    }
    const states = numLayers * this.#directions;
    const ends: { hidden: Tensor; cell: Tensor }[] = [];
    const stateAt = (kind: "hidden" | "cell", index: number): Tensor => this.#stateAt(kind, index, x, options);
    let output = x;
    for (let layer = 0; layer < numLayers; layer++) {
      const results = Array.from({ length: this.#directions }, (_, direction) => {
        const index = layer * this.#directions + direction;
        const before = { hidden: stateAt("hidden", index), cell: stateAt("cell", index) };
        const weights = this.#weights(layer, direction);
        return step(this.#cell, output, weights, before, { lengths: options.lengths, reverse: direction === 1 });
      });
      ends.push(...results);
      const outputs = results.map((result) => result.output);
      output = outputs.length === 1 ? outputs[0] : concat(outputs, 2);
      const draw = layer === numLayers - 1 ? undefined : dropoutDraw(this.#name, p, context);
      if (draw !== undefined) output = dropout(output, draw.key, draw.attrs);
    }
    const together = (kind: "hidden" | "cell"): Tensor => {
      const rows = ends.map((end) => reshape(end[kind], [x.shape[0], 1, H]));
      return states === 1 ? rows[0] : concat(rows, 1);
    };
    return { output, hidden: together("hidden"), cell: together("cell") };
  }

  /** The state before the first step of one layer and direction, [batch, hidden]. */
  #stateAt(kind: "hidden" | "cell", index: number, x: Tensor, options: SequenceOptions): Tensor {
    const [B, count, H] = [x.shape[0], this.numLayers * this.#directions, this.hiddenSize];
    const shape = [B, count, H];
    const given = options[kind];
    if (given === undefined) return constant(0, "float32", [B, H]);
    if (!sameShape(given.shape, shape)) {
      throw new ShapeError(
        `${this.#name}: the first ${kind} state is ${formatShape(given.shape)} but must be ${formatShape(shape)}, [batch, layers · directions, hidden]`,
      );
    }
    return reshape(count === 1 ? given : slice(given, [{}, { start: index, end: index + 1 }]), [B, H]);
  }

  #weights(layer: number, direction: number): RecurrentWeights {
    const weight = (kind: string): Parameter | undefined => {
      const found: unknown = Object.entries(this).find(([name]) => name === weightName(kind, layer, direction))?.[1];
      return found instanceof Parameter ? found : undefined;
    };
    const matrix = (kind: string): Parameter => weight(kind) as Parameter;
    const vector = (kind: string): Tensor =>
      weight(kind) ?? constant(0, "float32", [cellSizes(this.#cell).gates * this.hiddenSize]);
    return {
      weightIh: matrix("weight_ih"),
      weightHh: matrix("weight_hh"),
      biasIh: vector("bias_ih"),
      biasHh: vector("bias_hh"),
    };
  }
}

/** PyTorch's name of a weight: `weight_ih_l0`, `bias_hh_l1_reverse`. */
const weightName = (kind: string, layer: number, direction: number): string =>
  `${kind}_l${layer}${direction === 1 ? "_reverse" : ""}`;

/** One layer and direction of either cell; a GRU's cell state is what came in. */
function step(
  cell: CellName,
  x: Tensor,
  weights: RecurrentWeights,
  before: { readonly hidden: Tensor; readonly cell: Tensor },
  options: RecurrentOptions,
): Record<RecurrentPart, Tensor> {
  return cell === "lstm"
    ? lstm(x, weights, before, options)
    : { cell: before.cell, ...gru(x, weights, before, options) };
}

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates), as torch.nn.LSTM with batch_first:
 * [batch, time, inputSize] → [batch, time, directions · hiddenSize]. Rows of the weights are the gates i f g o.
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super("LSTM", "lstm", inputSize, hiddenSize, options);
  }

  /**
   * The output with the states after the last step, for sequences of different length and for those that go on.
   * @param x [batch, time, inputSize]
   * @throws ShapeError when shapes do not fit
   */
  sequence(x: Tensor, context: Context, options: SequenceOptions = {}): SequenceResult & { readonly cell: Tensor } {
    return this.through(x, context, options);
  }
}

/**
 * Gated recurrent unit (Cho et al., arXiv 1406.1078), as torch.nn.GRU with batch_first: [batch, time, inputSize] →
 * [batch, time, directions · hiddenSize]. Rows of the weights are the gates r z n; r is applied behind the product with the
 * hidden state and its bias.
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super("GRU", "gru", inputSize, hiddenSize, options);
  }

  /**
   * The output with the state after the last step, for sequences of different length and for those that go on.
   * @param x [batch, time, inputSize]
   * @throws ShapeError when shapes do not fit
   */
  sequence(x: Tensor, context: Context, options: Omit<SequenceOptions, "cell"> = {}): SequenceResult {
    const { output, hidden } = this.through(x, context, options);
    return { output, hidden };
  }
}
