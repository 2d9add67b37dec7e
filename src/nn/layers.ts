/**
 * The layers of a traced forward pass: which tensors a user would call "what conv1 gives". Modules name theirs (observe.ts);
 * what is computed outside of them, in a user's own `forward` or in a network that was loaded as a graph, goes by the
 * weights that it reads or by its op. For everything that looks inside a network.
 */
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { topologicalOrder } from "../engine/trace.ts";
import type { Module } from "./module.ts";
import { type ModuleCall, observeCalls } from "./observe.ts";

export interface Layer {
  /** Dotted, as in weight files; a further call of the same module is `relu_1`, as torchvision has it. */
  readonly name: string;
  /** In PyTorch's words: `Conv2d`. */
  readonly kind: string;
  readonly output: Tensor;
}

/** Whose a tensor is. */
interface Claim {
  /** Dotted name of the innermost module that computes it. */
  readonly scope: string;
  /** The layer whose output it is. */
  readonly module?: Module | undefined;
  /** Whether it is only a step inside of a layer. */
  readonly isHidden: boolean;
}

/**
 * Traces a pass and finds its layers, in the order of the pass. Layers that leave their input as it is (dropout in use)
 * have none; neither has what does not depend on the input.
 * @param pass calls `network.forward`, perhaps with something before and after it
 */
export function traceLayers(
  network: Module,
  x: Tensor,
  pass: () => Tensor,
): { readonly output: Tensor; readonly layers: readonly Layer[] } {
  const claims = new Map<Tensor, Claim>();
  const output = observeCalls(network, (call) => claim(call, claims), pass);
  const order = topologicalOrder([output]);
  const dependent = new Set([x]);
  const readers = new Map<Tensor, number>();
  for (const tensor of order) {
    if (tensor.inputs.some((input) => dependent.has(input))) dependent.add(tensor);
    for (const input of tensor.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  const weights = new Map([...network.namedParameters()].map(([name, parameter]) => [parameter as Tensor, name]));

  const found = new Map<Tensor, Omit<Layer, "output">>();
  for (const tensor of order) {
    const owner = claims.get(tensor);
    if (!dependent.has(tensor) || tensor.dtype !== "float32" || owner === undefined || owner.isHidden) continue;
    const { scope, module } = owner;
    if (module !== undefined) {
      found.set(tensor, { name: scope, kind: kindOf(module) });
      continue;
    }
    const role = tensor.op.layer;
    if (role === undefined) continue;
    const others = tensor.inputs.filter((input) => !dependent.has(input));
    if (role.isArithmetic === true && others.length === tensor.inputs.length - 1) {
      const [before] = tensor.inputs.filter((input) => dependent.has(input));
      const known = found.get(before);
      // A module's output is complete.
      const completed = claims.get(before)?.module === undefined ? before.op.layer?.completed : undefined;
      if (known !== undefined && completed !== undefined && readers.get(before) === 1) {
        found.delete(before);
        found.set(tensor, { ...known, kind: completed });
        continue;
      }
      // Pixels that become numbers 0 … 1, a rescaled activation: no layer of their own.
      if (!others.some((input) => weightName(input, weights) !== undefined)) continue;
    }
    const own = others.map((input) => weightName(input, weights)).find((name) => name?.includes("."));
    const name = own?.slice(0, own.lastIndexOf(".")) ?? (scope === "" ? "" : `${scope}.`) + tensor.op.name;
    found.set(tensor, { name, kind: role.kind });
  }
  return { output, layers: numbered(found) };
}

/** Marks what a call of a module computes. Calls come in the order in which they end, so inner ones are marked already. */
function claim({ name, module, input, output }: ModuleCall, claims: Map<Tensor, Claim>): void {
  if (input === output) return;
  // A network that is one module without others inside is a graph to look into.
  const isLayer = name !== "" && module.children().next().done === true;
  const seen = new Set([input]);
  const waiting = [output];
  for (let tensor = waiting.pop(); tensor !== undefined; tensor = waiting.pop()) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    if (!claims.has(tensor)) {
      const isOutput = isLayer && tensor === output;
      claims.set(tensor, { scope: name, module: isOutput ? module : undefined, isHidden: isLayer && !isOutput });
    }
    waiting.push(...tensor.inputs);
  }
}

/** The first word of how it prints itself: a bundle renames what is declared. */
const kindOf = (module: Module): string => /^\w+/.exec(module.describe())?.[0] ?? "Module";

/** The name of the first parameter that a tensor is made of; what it is asked for does not depend on the input. */
function weightName(tensor: Tensor, names: ReadonlyMap<Tensor, string>): string | undefined {
  return topologicalOrder([tensor])
    .filter((each) => each instanceof Parameter)
    .map((parameter) => names.get(parameter))
    .find((name) => name !== undefined);
}

function numbered(found: ReadonlyMap<Tensor, Omit<Layer, "output">>): Layer[] {
  const calls = new Map<string, number>();
  return [...found].map(([output, { name, kind }]) => {
    const call = calls.get(name) ?? 0;
    calls.set(name, call + 1);
    return { name: call === 0 ? name : `${name}_${call}`, kind, output };
  });
}
