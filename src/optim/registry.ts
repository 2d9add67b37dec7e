/** Optimizers by name, for the command line, recipes and run folders. */
import { UsageError, unknownName } from "../engine/errors.ts";
import { adam, adamW } from "./adam.ts";
import { muon } from "./muon.ts";
import type { Optimizer } from "./optimizer.ts";
import { rmsprop } from "./rmsprop.ts";
import { sgd } from "./sgd.ts";

/** The value of an option, as a command line or a file gives it. */
export type OptimizerOption = number | boolean | readonly number[];

type Kind = "number" | "boolean" | "pair";

interface Entry {
  /** What each option must be. */
  readonly options: Readonly<Record<string, Kind>>;
  create(options: object): Optimizer;
}

const OPTIMIZERS = {
  sgd: {
    options: { lr: "number", momentum: "number", nesterov: "boolean", weightDecay: "number" },
    create: sgd,
  },
  adam: { options: { lr: "number", betas: "pair", eps: "number", weightDecay: "number" }, create: adam },
  adamw: { options: { lr: "number", betas: "pair", eps: "number", weightDecay: "number" }, create: adamW },
  muon: {
    options: {
      lr: "number",
      betas: "pair",
      eps: "number",
      weightDecay: "number",
      momentum: "number",
      nesterov: "boolean",
    },
    create: muon,
  },
  rmsprop: {
    options: {
      lr: "number",
      alpha: "number",
      eps: "number",
      weightDecay: "number",
      momentum: "number",
      centered: "boolean",
    },
    create: rmsprop,
  },
} satisfies Readonly<Record<string, Entry>>;

/** A name that {@link createOptimizer} knows. */
export type OptimizerName = keyof typeof OPTIMIZERS;

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  pair: (value) => Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "number"),
};

/** The names that {@link createOptimizer} knows. */
export const OPTIMIZER_NAMES: readonly string[] = Object.keys(OPTIMIZERS);

/** Whether an optimizer takes an option: `takesOption("adam", "momentum")` is false. */
export function takesOption(name: string, option: string): boolean {
  return Object.hasOwn(find(name).options, option);
}

/**
 * Makes an optimizer by name ("sgd", "adam", "adamw", "muon", "rmsprop"); options left undefined take their defaults.
 * @throws UsageError for an unknown name or option (with a suggestion) and for values out of range
 */
export function createOptimizer(
  name: string,
  options: Readonly<Record<string, OptimizerOption | undefined>> = {},
): Optimizer {
  const entry = find(name);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [option, value] of given) {
    if (!Object.hasOwn(entry.options, option)) {
      throw unknownName(`option of ${name}`, option, Object.keys(entry.options));
    }
    const kind = entry.options[option];
    if (!IS[kind](value)) {
      throw new UsageError(
        (named) => `${name}: ${named(option)} is ${JSON.stringify(value)} but must be a ${ARTICLES[kind]}`,
      );
    }
  }
  return entry.create(Object.fromEntries(given));
}

const ARTICLES: Readonly<Record<Kind, string>> = {
  number: "number",
  boolean: "truth value",
  pair: "pair of numbers",
};

function find(name: string): Entry {
  if (!Object.hasOwn(OPTIMIZERS, name)) throw unknownName("optimizer", name, OPTIMIZER_NAMES);
  return OPTIMIZERS[name as OptimizerName];
}
