/** What optimizers share: state parameters made once per parameter, and checks of their options. */
import { UsageError } from "../engine/errors.ts";
import { add, sub } from "../engine/ops/elementwise.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";

/** State parameters by name, made on first use and the same ones afterwards. All start at zero. */
export class ZeroState<Name extends string> {
  readonly #names: readonly Name[];
  readonly #states = new WeakMap<Parameter, Readonly<Record<Name, Parameter>>>();

  constructor(names: readonly Name[]) {
    this.#names = names;
  }

  of(parameter: Parameter): Readonly<Record<Name, Parameter>> {
    const known = this.#states.get(parameter);
    if (known !== undefined) return known;
    const zero = (): Parameter => new Parameter(parameter.shape, new Float32Array(parameter.size), false);
    const made = Object.fromEntries(this.#names.map((name) => [name, zero()])) as Record<Name, Parameter>;
    this.#states.set(parameter, made);
    return made;
  }
}

/** 2⁻⁸⁶; half a unit in its last place is 2⁻¹¹⁰, about 10⁻³³. */
const TINY = 2 ** -86;

/**
 * A running mean whose values below about 10⁻³³ are 0. Where the gradient has died, a mean would fade into subnormal
 * numbers and, by rounding, stay there for good; processors take a hundred times as long for those. Other values stay as they are,
 * to within 10⁻³³.
 */
export const withoutDust = (mean: Tensor): Tensor => sub(add(mean, TINY), TINY);

/** @throws UsageError unless every option is a finite number of at least 0 */
export function requireNonNegative(optimizer: string, options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new UsageError(
        (option) => `${optimizer}: ${option(name)} is ${value} but must be a finite number of at least 0`,
      );
    }
  }
}

/** @throws UsageError unless every option, the share of the past that a running mean keeps, is in 0 ≤ x < 1 */
export function requireShare(optimizer: string, options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(value >= 0 && value < 1)) {
      throw new UsageError(
        (option) => `${optimizer}: ${option(name)} is ${value} but must be at least 0 and less than 1`,
      );
    }
  }
}
