/**
 * The base of every layer and network. A `Module` owns parameters and other modules as plain properties; their names,
 * joined by dots, are the names in files, the same as PyTorch's. `forward` is run once per shape, to trace a graph:
 * mode and randomness come in through the `Context`, never from hidden state.
 */
import { DuctusError } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { Update } from "../engine/trace.ts";
import type { Recall } from "./recall.ts";

/** A parameter of any type: weights are float32, counters int32. */
export type AnyParameter = Update["target"];

/** What a forward pass may need beside its input. */
export interface Context {
  /** true while training: dropout drops, batch-norm uses and updates batch statistics. */
  readonly training: boolean;
  /** Two int32 words that change with every step; the key of all random numbers drawn in the step. */
  readonly key?: Tensor | undefined;
  /** What the model reads beside `x`, by name: `length`, the lengths of samples that were filled up to one length. */
  readonly inputs?: Readonly<Record<string, Tensor>> | undefined;
  /** What is known of the tokens before those of the input, where a text is read piece by piece. */
  readonly recall?: Recall | undefined;
  /** A number that no other caller in this trace gets: tells the random draws of layers apart. */
  nextStream(): number;
  /** Gives a parameter a new value at the end of the step (running statistics). */
  update(target: AnyParameter, value: Tensor): void;
}

/** The base of every layer and network: it owns parameters and other modules as properties, and builds its output from its input. */
export abstract class Module {
  /** Builds the output from the input. Pictures are [batch, height, width, channels]. */
  abstract forward(x: Tensor, context: Context): Tensor;

  /** One line for `summary()`, in PyTorch's words: `Conv2d(1, 32, kernelSize=3)`. */
  describe(): string {
    return this.constructor.name;
  }

  /**
   * Draws the parameters that this module itself owns anew; `initialize` (init.ts) calls it for every module of a
   * network. A module that owns no parameters, or only ones that others set, leaves it as it is.
   */
  reset(_random: Random): void {}

  /** Modules owned directly, by property name; members of arrays get the index as a further name. */
  *children(): IterableIterator<[name: string, child: Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${name}.${i}`, item];
      }
    }
  }

  /** All parameters (also running statistics) with their dotted names, in order of declaration. */
  *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Parameter) yield [prefix + name, value];
    }
    for (const [name, child] of this.children()) yield* child.namedParameters(`${prefix}${name}.`);
  }

  /** This module and everything inside it, with dotted names ("" for itself). */
  *namedModules(prefix = ""): IterableIterator<[name: string, module: Module]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(prefix === "" ? name : `${prefix}.${name}`);
  }

  /** All parameters, running statistics included, each once, also where two modules share it. */
  parameters(): AnyParameter[] {
    return [...new Set([...this.namedParameters()].map(([, parameter]) => parameter))];
  }

  /** The parameters that training changes, each once. */
  trainable(): Parameter[] {
    return this.parameters().filter((p): p is Parameter => p.requiresGrad && p.dtype === "float32");
  }

  /**
   * Copies values in by name.
   * @param strict when false, names that only one side has are left alone
   * @throws DuctusError naming what is missing, left over or of another shape
   */
  load(
    values: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>,
    strict = true,
  ): void {
    const own = new Map(this.namedParameters());
    const missing = [...own.keys()].filter((name) => !values.has(name) && !name.endsWith("num_batches_tracked"));
    const unexpected = [...values.keys()].filter((name) => !own.has(name));
    if (strict && (missing.length > 0 || unexpected.length > 0)) {
      const parts = [
        missing.length > 0 ? `missing ${shortList(missing)}` : "",
        unexpected.length > 0 ? `unexpected ${shortList(unexpected)}` : "",
      ].filter(Boolean);
      throw new DuctusError(`load: the file does not fit this network: ${parts.join("; ")}`);
    }
    for (const [name, parameter] of own) {
      const value = values.get(name);
      if (value === undefined) continue;
      if (!sameShape(value.shape, parameter.shape)) {
        throw new DuctusError(
          `load: ${name} is ${formatShape(value.shape)} in the file but ${formatShape(parameter.shape)} in this network`,
        );
      }
    }
    // Checked in full before anything is copied: a network is never half-loaded.
    for (const [name, parameter] of own) {
      const value = values.get(name);
      if (value !== undefined) parameter.data.set(value.data);
    }
  }
}

/** More names than this do not help anybody who reads an error. */
const NAMES_SHOWN = 6;

function shortList(names: readonly string[]): string {
  const rest = names.length - NAMES_SHOWN;
  return rest > 1 ? `${names.slice(0, NAMES_SHOWN).join(", ")} and ${rest} more` : names.join(", ");
}
