/**
 * What values an option of an augmentation may have. A rule reads one option of a record: it gives the value in the form
 * that the augmentation works with, or says in one line what is wrong.
 */
import { UsageError, unknownName } from "../engine/errors.ts";
import { quoteValue } from "../engine/quote.ts";

/** Two numbers, drawn from uniformly. */
export type Interval = readonly [low: number, high: number];

/** Reads the option called `where`: "rotate: degrees". @throws UsageError when the value is not allowed */
export type Rule<T> = (value: unknown, where: string) => T;

/** Rules by the names of their options, and what they read. */
export type Rules = Readonly<Record<string, Rule<unknown>>>;
export type Options<R extends Rules> = { readonly [K in keyof R]: R[K] extends Rule<infer T> ? T : never };

interface Limits {
  readonly min: number;
  readonly max: number;
}

/** One number a for [−a, a], or two. Without `byDefault` the option must be given. */
export function symmetric(limits: Limits, byDefault?: Interval): Rule<Interval> {
  const pair = interval(limits, byDefault);
  return (value, where) => pair(isNumber(value) ? [-Math.abs(value), Math.abs(value)] : value, where);
}

/** One number, which is always drawn, or two. */
export function interval(limits: Limits, byDefault?: Interval): Rule<Interval> {
  return (value, where) => {
    const given = value ?? byDefault ?? missing(where);
    const pair = isNumber(given) ? [given, given] : given;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(isNumber)) {
      throw new UsageError(`augmentation ${where} is ${quoteValue(value)} but must be a number or [low, high]`);
    }
    const [low, high] = pair as unknown as Interval;
    if (low > high) throw new UsageError(`augmentation ${where} is [${low}, ${high}]; the lower number comes first`);
    for (const end of [high, low]) checkLimits(end, limits, where);
    return [low, high];
  };
}

export function number(limits: Limits & { readonly whole?: boolean | undefined }, byDefault?: number): Rule<number> {
  return (value, where) => {
    const given = value ?? byDefault ?? missing(where);
    if (!isNumber(given) || (limits.whole === true && !Number.isInteger(given))) {
      const kind = limits.whole === true ? "whole number" : "number";
      throw new UsageError(`augmentation ${where} is ${quoteValue(value)} but must be a ${kind}`);
    }
    checkLimits(given, limits, where);
    return given;
  };
}

/** A name out of a few. */
export function choice<const Name extends string>(names: readonly Name[], byDefault?: NoInfer<Name>): Rule<Name> {
  return (value, where) => {
    const given = value ?? byDefault ?? missing(where);
    if (!names.includes(given as Name))
      throw unknownName(`value of augmentation ${where}`, typeof given === "string" ? given : quoteValue(given), names);
    return given as Name;
  };
}

/** Reads all options of a record. @throws UsageError for an option that there is no rule for */
export function readOptions<R extends Rules>(rules: R, record: object, name: string): Options<R> {
  const known = Object.keys(rules);
  for (const option of Object.keys(record)) {
    if (option !== "name" && !known.includes(option)) {
      throw unknownName(`option of augmentation ${name}`, option, known);
    }
  }
  const values = record as Readonly<Record<string, unknown>>;
  return Object.fromEntries(known.map((key) => [key, rules[key](values[key], `${name}: ${key}`)])) as Options<R>;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function checkLimits(value: number, { min, max }: Limits, where: string): void {
  if (value >= min && value <= max) return;
  throw new UsageError(`augmentation ${where} is ${value} but must be from ${min} to ${max}`);
}

function missing(where: string): never {
  throw new UsageError(`augmentation ${where} is missing`);
}
