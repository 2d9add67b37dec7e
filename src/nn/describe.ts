/** How layers print themselves, and how they check the numbers they are made with. */
import { UsageError } from "../engine/errors.ts";

/** `Conv2d(1, 32, kernelSize=3)`: positional values, then the options that differ from their defaults. */
export function describeLayer(
  name: string,
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  const named = Object.entries(options)
    .filter(([key, value]) => value !== undefined && format(value) !== format(defaults[key]))
    .map(([key, value]) => `${key}=${format(value)}`);
  return `${name}(${[...positional.map(format), ...named].join(", ")})`;
}

/** [3, 3] prints as 3, since that is how it was most likely written. */
function format(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return value.length === 2 && value[0] === value[1] ? String(value[0]) : `[${value.join(", ")}]`;
}

/** @throws UsageError unless every value is a whole number of at least `least` */
export function requireWhole(
  layer: string,
  values: Readonly<Record<string, number | readonly number[]>>,
  least = 1,
): void {
  for (const [name, value] of Object.entries(values)) {
    for (const number of typeof value === "number" ? [value] : value) {
      if (!Number.isInteger(number) || number < least) {
        throw new UsageError(`${layer}: ${name} is ${number} but must be a whole number of at least ${least}`);
      }
    }
  }
}

/** @throws UsageError unless the value lies between the bounds */
export function requireRange(layer: string, name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) {
    throw new UsageError(`${layer}: ${name} is ${value} but must lie between ${low} and ${high}`);
  }
}
