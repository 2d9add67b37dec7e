/** The options of named networks: numbers by name, as they are written in code, in model files and on a command line. */
import { UsageError, unknownName } from "../engine/errors.ts";

/** A number with its default. */
export interface AnyOption {
  readonly default: number;
  /** What it is, in a few words. */
  readonly about: string;
  /** The least that it may be; of whole numbers 1 where nothing is said. */
  readonly min?: number | undefined;
  /** Whether it is a share, 0 … 1 without 1; all others are whole. */
  readonly isShare?: boolean | undefined;
}

/** The number of all options, those that are given and the defaults. @throws UsageError for a name that is none, or a wrong number */
export function checkOptions<Name extends string>(
  network: string,
  known: Readonly<Record<Name, AnyOption>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(known) as Name[];
  const stranger = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (stranger !== undefined) throw unknownName(`option of ${network}`, stranger, names);
  const entries = names.map((name) => {
    const value = given[name] ?? known[name].default;
    const wanted = wrong(known[name], value);
    if (wanted !== undefined) throw new UsageError(`${network}: ${name} is ${String(value)}; expected ${wanted}`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

/** What is expected, where a value is not that. */
function wrong({ isShare = false, min = isShare ? 0 : 1 }: AnyOption, value: unknown): string | undefined {
  const isRight = isShare
    ? typeof value === "number" && value >= min && value < 1
    : Number.isSafeInteger(value) && (value as number) >= min;
  if (isRight) return undefined;
  return isShare ? `a number of at least ${min} and less than 1` : `a whole number of at least ${min}`;
}

/** A network as it is typed: `gpt-s`, or with options `gpt-s:layers=2,width=64`. @throws UsageError for what is no option=number */
export function parseNetwork(text: string): { readonly name: string; readonly options: Record<string, number> } {
  const [name, ...rest] = text.split(":");
  const parts = rest
    .join(":")
    .split(",")
    .filter((part) => part !== "");
  const options = parts.map((part) => {
    const [option, value = ""] = part.split("=", 2);
    if (value.trim() !== "" && !Number.isNaN(Number(value))) return [option, Number(value)];
    throw new UsageError(`${name}: "${part}" is no option=number, as in ${name}:width=64,layers=2`);
  });
  return { name, options: Object.fromEntries(options) };
}
