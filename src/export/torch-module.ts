/**
 * `NAME.py` of `--to pt` and `--to safetensors`: the network as a PyTorch module, written from the graph that the model file holds, so that a
 * user's own class comes out like a named one. It takes raw pixels, the normalization is in it; its parameters have the
 * names of the state dict beside it. How an op is said in PyTorch stands in torch-ops.ts.
 */
import { DuctusError } from "../engine/errors.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { topologicalOrder } from "../engine/trace.ts";
import type { AnyModel, Model } from "../models/model.ts";
import { VERSION } from "../platform/version.ts";
import { inferenceGraph } from "../use/inference.ts";
import { accepts, CLASSIFIERS } from "./accepts.ts";
import { movesNothing, type Order, PICTURES, permutation, plainOrder, sameOrder, shapeIn } from "./axes.ts";
import { expandUnwritten } from "./bodies.ts";
import { isLinear, type OpCall, TORCH_OPS, type Value } from "./torch-ops.ts";

/** How PyTorch reads the weights of each kind of file. */
const READERS = {
  pt: { code: (file: string) => `torch.load(${file}, weights_only=True)`, imports: "" },
  safetensors: {
    code: (file: string) => `load_file(${file})`,
    imports: "    from safetensors.torch import load_file\n\n",
  },
} satisfies Record<string, { readonly code: (file: string) => string; readonly imports: string }>;

export type WeightsFormat = keyof typeof READERS;

/** Two batch sizes tell which numbers grow with the batch, and how. */
const SIZES = [2, 3] as const;

/** Words of Python that no attribute can be called by. */
const KEYWORDS = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(
    " ",
  ),
);

/**
 * The source of the module.
 * @param name of the files, without suffix
 * @param format of the file with its weights
 * @throws DuctusError for a model that does not classify numbers, or naming an op that cannot be said in PyTorch
 */
export function torchModule(given: AnyModel, name: string, format: WeightsFormat = "pt"): string {
  if (!accepts(CLASSIFIERS, given)) {
    const { kind, input } = given.task;
    throw new DuctusError(
      `it is written for models that classify numbers; this one's task is to ${kind} ${input.kind}`,
    );
  }
  const model = given as Model;
  const { inputShape, normalization, temperature } = model;
  const { names } = model.task;
  const [height, width, channels] = inputShape;
  const input =
    inputShape.length === 3 ? `[batch, ${channels}, ${height}, ${width}]` : `[batch, ${inputShape.join(", ")}]`;
  const units = model.inputType === "uint8" ? "0 … 255, whole numbers or not" : "as the network was trained on";
  const { code, imports } = READERS[format];
  const { prepared, lines } = new ModuleWriter(model).write();
  return `"""${(model.architecture?.name ?? "A network").replace(/["\\]/g, "")}, written by Ductus ${VERSION}.

${imports}    network = Network()
    network.load_state_dict(${code(JSON.stringify(`${name}.${format}`))})
    network.eval()
    logits = network(pixels)  # ${input} → [batch, ${names.length}]
    probabilities = (logits / TEMPERATURE).softmax(1)

Pixels are ${units}; ${normalization === null ? "they are used as they are" : "the normalization is part of the network"}.
"""
import torch
import torch.nn.functional as F
from torch import nn

CLASSES = [${names.map((label) => JSON.stringify(label)).join(", ")}]
# ${temperature === undefined ? "No temperature was fitted" : "Fitted on samples that the network was not trained on"}.
TEMPERATURE = ${temperature ?? "1.0"}


class Network(nn.Module):
    def __init__(self):
        super().__init__()
${prepared.map((line) => `        ${line}\n`).join("")}
    def _add(self, name, *shape, trained=True, dtype=torch.float32):
        """Makes the parameter (or buffer) of a dotted name, and the modules on the way to it."""
        *path, last = name.split(".")
        owner = self
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, nn.Module())
            owner = getattr(owner, part)
        values = torch.zeros(shape, dtype=dtype)
        if trained:
            owner.register_parameter(last, nn.Parameter(values))
        else:
            owner.register_buffer(last, values)

    def forward(self, pixels):
${lines.map((line) => `        ${line}\n`).join("")}`;
}

/** A line of the generated code: its variable, and an expression in which others stand as ⟨number⟩. */
interface Line {
  readonly variable: number;
  readonly code: string;
}

class ModuleWriter {
  readonly #model: Model;
  /** The ops of the network, each after its inputs; the same list for each of {@link SIZES}. */
  readonly #orders: readonly (readonly Tensor[])[];
  readonly #names = new Map<Tensor, string>();
  readonly #values = new Map<Tensor, Value>();
  readonly #lines: Line[] = [];
  readonly #uses = new Map<Tensor, number>();
  /** Sums that a layer's own bias takes over: the layer by the sum, and the bias. */
  readonly #biased = new Map<Tensor, { readonly layer: Tensor; readonly bias: Tensor }>();

  constructor(model: Model) {
    this.#model = model;
    this.#orders = SIZES.map((batch) => {
      const { logits } = inferenceGraph(model, batch).outputs;
      return topologicalOrder(expandUnwritten([logits], TORCH_OPS));
    });
    for (const [name, parameter] of model.network.namedParameters()) {
      if (!this.#names.has(parameter)) this.#names.set(parameter, name);
    }
    for (const { inputs } of this.#orders[0]) {
      for (const input of inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
    }
    for (const sum of this.#orders[0]) this.#findBias(sum);
  }

  write(): { prepared: string[]; lines: string[] } {
    const [tensors] = this.#orders;
    const layers = new Set([...this.#biased.values()].map(({ layer }) => layer));
    for (const [i, tensor] of tensors.entries()) {
      if (layers.has(tensor)) continue;
      const biased = this.#biased.get(tensor);
      if (biased === undefined) this.#values.set(tensor, this.#make(tensor, i, "None"));
      else
        this.#values.set(tensor, this.#make(biased.layer, tensors.indexOf(biased.layer), this.#parameter(biased.bias)));
    }
    const output = tensors[tensors.length - 1];
    const result = this.#as(output, plainOrder(output.rank));
    return { prepared: this.#prepare(), lines: nameVariables(this.#lines, result) };
  }

  /** A convolution or fully connected layer whose only use is a sum with one number per output. */
  #findBias(sum: Tensor): void {
    if (sum.op.name !== "add") return;
    const [layer, bias] = sum.inputs[1] instanceof Parameter ? sum.inputs : [...sum.inputs].reverse();
    const isLayer = layer.op.name === "conv2d" || isLinear(layer);
    const fits = bias instanceof Parameter && bias.rank === 1 && bias.size === layer.shape.at(-1);
    if (isLayer && fits && this.#uses.get(layer) === 1) this.#biased.set(sum, { layer, bias });
  }

  #make(tensor: Tensor, i: number, bias: string): Value {
    if (tensor instanceof Parameter) return { code: this.#parameter(tensor), order: plainOrder(tensor.rank) };
    if (tensor.op.name === "input") {
      const order = tensor.rank === 4 ? PICTURES : plainOrder(tensor.rank);
      // Bytes are converted by an op of the network itself.
      return { code: tensor.dtype === "float32" ? this.#line("pixels.float()") : "pixels", order };
    }
    const writer = TORCH_OPS[tensor.op.name as keyof typeof TORCH_OPS];
    const refuse = (why: string): never => {
      throw new DuctusError(`op ${i}, ${tensor.op.name}, ${why} and cannot be written for PyTorch`);
    };
    if (writer === undefined) return refuse("is for training");
    const call: OpCall = {
      tensor,
      attrs: tensor.attrs as never,
      order: (input) => this.#value(tensor.inputs[input]).order,
      input: (input, order) => this.#as(tensor.inputs[input], order ?? this.#value(tensor.inputs[input]).order),
      aligned: () => this.#align(tensor),
      sizes: tensor.shape.map((_, axis) => this.#size(i, axis)),
      grows: (axis) => this.#orders[0][i].inputs[0].shape[axis] !== this.#orders[1][i].inputs[0].shape[axis],
      bias,
      refuse,
    };
    const { code, order } = writer(call);
    // Numbers and values that are only seen in another order need no line of their own.
    const isOperand = tensor.inputs.some((input) => this.#values.get(input)?.code === code);
    const isShort = isOperand || /^(⟨\d+⟩|pixels|self(\.\w+)+|-?[\d.e-]+|float\("[^"]*"\))$/.test(code);
    if (isShort && tensor.op.name !== "cast") {
      return { code: code.startsWith("-") ? `(${code})` : code, order };
    }
    return { code: this.#line(code), order };
  }

  #line(code: string): string {
    const variable = this.#lines.length;
    this.#lines.push({ variable, code });
    return `⟨${variable}⟩`;
  }

  #value(tensor: Tensor): Value {
    return this.#values.get(tensor) as Value;
  }

  /** A tensor in an order of axes. */
  #as(tensor: Tensor, wanted: Order): string {
    const { code, order } = this.#value(tensor);
    if (sameOrder(order, wanted)) return code;
    const moved = permutation(order, wanted);
    const i = this.#orders[0].indexOf(tensor);
    if (movesNothing(moved, shapeIn(order, tensor.shape))) {
      const sizes = tensor.shape.map((_, axis) => this.#size(i, axis));
      return this.#line(`${code}.reshape(${shapeIn(wanted, sizes).join(", ")})`);
    }
    return this.#line(`${code}.permute(${moved.join(", ")})`);
  }

  /** The inputs of an elementwise op, in the order of the first that has all axes and is no weight. */
  #align(tensor: Tensor): { operands: string[]; order: Order } {
    const { rank, inputs } = tensor;
    const leader = inputs.find((input) => input.rank === rank && !(input instanceof Parameter)) ?? inputs[0];
    const order = leader.rank === rank ? this.#value(leader).order : plainOrder(rank);
    const operands = inputs.map((input) => {
      if (input.rank === rank) return this.#as(input, order);
      const plain = this.#as(input, plainOrder(input.rank));
      if (input.rank === 0 || sameOrder(order, plainOrder(rank))) return plain;
      const shape = [...new Array<number>(rank - input.rank).fill(1), ...input.shape];
      const moved = permutation(plainOrder(rank), order);
      if (movesNothing(moved, shape)) return `${plain}.reshape(${shapeIn(order, shape).join(", ")})`;
      return `${plain}.reshape(${shape.join(", ")}).permute(${moved.join(", ")})`;
    });
    return { operands, order };
  }

  /** A size as code. */
  #size(i: number, axis: number): string {
    const [first, second] = this.#orders.map((order) => order[i].shape[axis]);
    const growth = second - first;
    const rest = first - SIZES[0] * growth;
    if (growth === 0) return String(rest);
    const batch = growth === 1 ? "pixels.shape[0]" : `${growth} * pixels.shape[0]`;
    return rest === 0 ? batch : `${batch} + ${rest}`;
  }

  #parameter(tensor: Tensor): string {
    const name = this.#names.get(tensor);
    if (name === undefined) throw new DuctusError("the network uses a weight that has no name");
    const isWord = (part: string): boolean => /^[A-Za-z_]\w*$/.test(part) && !KEYWORDS.has(part);
    // Names such as features.0 are no Python.
    return name
      .split(".")
      .reduce((o, part) => (isWord(part) ? `${o}.${part}` : `getattr(${o}, ${JSON.stringify(part)})`), "self");
  }

  #prepare(): string[] {
    return [...this.#model.network.namedParameters()].map(([name, { shape, requiresGrad, dtype }]) => {
      const trained = requiresGrad && dtype === "float32" ? "" : ", trained=False";
      const type = dtype === "float32" ? "" : `, dtype=torch.${dtype}`;
      return `self._add(${[JSON.stringify(name), ...shape].join(", ")}${trained}${type})`;
    });
  }
}

/** Gives variables names, the same again once a value is no longer needed: a chain of layers is written with x alone. */
function nameVariables(lines: readonly Line[], result: string): string[] {
  const used = (code: string): number[] => [...code.matchAll(/⟨(\d+)⟩/g)].map(([, n]) => Number(n));
  const lastUse = new Map<number, number>();
  for (const [at, { code }] of lines.entries()) for (const n of used(code)) lastUse.set(n, at);
  for (const n of used(result)) lastUse.set(n, lines.length);
  const free = ["x", "y", "z"];
  const names = new Map<number, string>();
  const spelled = (code: string): string => code.replace(/⟨(\d+)⟩/g, (_, n: string) => names.get(Number(n)) as string);
  const written = lines.map(({ variable, code }, at) => {
    const right = spelled(code);
    for (const n of new Set(used(code))) if (lastUse.get(n) === at) free.unshift(names.get(n) as string);
    const name = free.shift() ?? `v${variable}`;
    names.set(variable, name);
    return `${name} = ${right}`;
  });
  return [...written, `return ${spelled(result)}`];
}
