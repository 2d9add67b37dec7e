/**
 * Watching a forward pass from outside: which module was called, with what, and in which one it went wrong. Layers know
 * nothing of it, so a user's own modules are watched like any other. Used by summaries and for errors with layer names.
 */
import { ShapeError } from "../engine/errors.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { Context, Module } from "./module.ts";

/** One call of a module's `forward`. */
export interface ModuleCall {
  /** Dotted name; "" for the network itself. */
  readonly name: string;
  readonly module: Module;
  readonly input: Tensor;
  readonly output: Tensor;
}

/**
 * Runs `pass` while the given modules have a `forward` of their own that hides the class's; afterwards all is as before.
 * @param replace makes it from the module and its own, in the order given
 */
export function withForwards<T>(
  modules: Iterable<Module>,
  replace: (module: Module, forward: Module["forward"]) => Module["forward"],
  pass: () => T,
): T {
  const before = new Map<Module, PropertyDescriptor | undefined>();
  for (const module of modules) {
    before.set(module, Object.getOwnPropertyDescriptor(module, "forward"));
    const value = replace(module, module.forward.bind(module));
    Object.defineProperty(module, "forward", { value, configurable: true, writable: true });
  }
  try {
    return pass();
  } finally {
    for (const [module, own] of before) {
      if (own === undefined) delete (module as { forward?: unknown }).forward;
      else Object.defineProperty(module, "forward", own);
    }
  }
}

/**
 * Runs `pass` while every `forward` inside `network` reports its calls, in order of completion.
 * @throws whatever `pass` throws; a ShapeError is given the name of the innermost module that it comes from
 */
export function observeCalls<T>(network: Module, onCall: (call: ModuleCall) => void, pass: () => T): T {
  const names = new Map<Module, string>();
  for (const [name, module] of network.namedModules()) {
    if (!names.has(module)) names.set(module, name); // shared: goes by its first name
  }
  const watched = (module: Module, forward: Module["forward"]): Module["forward"] => {
    const name = names.get(module) as string;
    return (input, context) => {
      const output = named(name, () => forward(input, context));
      onCall({ name, module, input, output });
      return output;
    };
  };
  return withForwards(names.keys(), watched, pass);
}

/** A shape error that says already which layer it comes from. */
class LayerError extends ShapeError {}

function named<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ShapeError) || error instanceof LayerError || name === "") throw error;
    throw new LayerError(`${name}: ${error.message}`, { cause: error });
  }
}

/** `network.forward(x, context)`, with the layer's name in front of a ShapeError's message. */
export function forwardNamed(network: Module, x: Tensor, context: Context): Tensor {
  return observeCalls(
    network,
    () => {},
    () => network.forward(x, context),
  );
}
