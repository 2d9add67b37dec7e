/**
 * Checks of plain data that come from outside: metadata of model files, preprocessing, class names. A {@link Schema} is a
 * function that gives the value back, typed, with what it does not know left out or refused; schemas are made of smaller
 * ones. So small because it is part of what a web page downloads.
 */
import { quote, shortened } from "./quote.ts";

/** What is wrong with a value, and where: `input.shape.0`, or "" for the whole. */
export class Mismatch extends Error {
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Gives `value` back as a `T`. @throws Mismatch */
export type Schema<T> = (value: unknown, path: string) => T;

/** What a schema gives. */
export type Checked<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type Values<F extends Fields> = { readonly [K in keyof F]: Checked<F[K]> };

/** The checked value, or what is wrong with it. */
export function check<T>(schema: Schema<T>, value: unknown): T | Mismatch {
  try {
    return schema(value, "");
  } catch (error) {
    if (error instanceof Mismatch) return error;
    throw error;
  }
}

/** Values for which `holds` is true; `must` completes "must be …". */
function such<T>(must: string, holds: (value: unknown) => boolean): Schema<T> {
  return (value, path) => {
    if (!holds(value)) throw new Mismatch(path, `must be ${must}`);
    return value as T;
  };
}

const inside = (path: string, key: string | number): string => shortened(path === "" ? `${key}` : `${path}.${key}`);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const text: Schema<string> = such("a text", (value) => typeof value === "string");
export const truth: Schema<boolean> = such("true or false", (value) => typeof value === "boolean");

/** Finite numbers from `low` to `high`. */
export const number = (low = -Number.MAX_VALUE, high = Number.MAX_VALUE): Schema<number> =>
  such(`a number from ${low} to ${high}`, (value) => typeof value === "number" && value >= low && value <= high);

/** Whole numbers from `low` to `high`. */
export const whole = (low: number, high = Number.MAX_SAFE_INTEGER): Schema<number> =>
  refined(number(low, high), (value) => (Number.isInteger(value) ? undefined : "must be a whole number"));

/** One of some words or numbers. */
export const oneOf = <const T extends string | number>(...values: readonly T[]): Schema<T> =>
  such(values.join(" or "), (value) => values.includes(value as T));

/** What `schema` gives, if `problem` finds nothing wrong with it. */
export const refined =
  <T>(schema: Schema<T>, problem: (value: T) => string | undefined): Schema<T> =>
  (value, path) => {
    const checked = schema(value, path);
    const found = problem(checked);
    if (found !== undefined) throw new Mismatch(path, found);
    return checked;
  };

/** Lists of `least` to `most` values of a kind. */
export const list =
  <T>(item: Schema<T>, least = 0, most = 1_000_000): Schema<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      throw new Mismatch(path, `must be a list of ${least} to ${most} values`);
    }
    return value.map((each, i) => item(each, inside(path, i)));
  };

/** Any object; what is in it is checked by those who read it. */
export const anyRecord: Schema<Readonly<Record<string, unknown>>> = such("an object", isRecord);

/** Objects whose fields, whatever their names, are of one kind. */
export const dictionary =
  <T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> =>
  (value, path) =>
    Object.fromEntries(
      Object.entries(anyRecord(value, path)).map(([key, each]) => [key, item(each, inside(path, key))]),
    );

/** Any value. */
export const anything: Schema<unknown> = (value) => value;

/** Objects with these fields, some of which may be missing; other fields are an error, or left out. */
export const record =
  <R extends Fields, O extends Fields = Record<never, never>>(
    required: R,
    optional?: O,
    others: "refused" | "ignored" = "refused",
  ): Schema<Values<R> & Partial<Values<O>>> =>
  (value, path) => {
    const given = anyRecord(value, path);
    const all = { ...required, ...optional };
    const stranger = Object.keys(given).find((key) => !Object.hasOwn(all, key));
    if (stranger !== undefined && others === "refused") {
      throw new Mismatch(path, `has the unknown field ${quote(stranger)}`);
    }
    const checked: Record<string, unknown> = {};
    for (const [key, schema] of Object.entries(all)) {
      const isMissing = !Object.hasOwn(given, key) || given[key] === undefined;
      if (isMissing && !Object.hasOwn(required, key)) continue;
      if (isMissing) throw new Mismatch(inside(path, key), "is missing");
      checked[key] = schema(given[key], inside(path, key));
    }
    return checked as Values<R> & Partial<Values<O>>;
  };

/** What the first schema takes, else the second. */
export const either =
  <A, B>(first: Schema<A>, second: Schema<B>): Schema<A | B> =>
  (value, path) => {
    const checked = check(first, value);
    return checked instanceof Mismatch ? second(value, path) : checked;
  };
