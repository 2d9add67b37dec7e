/**
 * Sizes that are not known when a graph is written: ONNX works them out from the shapes of the inputs while it runs. A stored
 * number (models/graph-json.ts) says how each depends on the lengths of axes that have a name.
 */
import { DuctusError } from "../engine/errors.ts";
import type { StoredNumber, Term } from "../models/graph-json.ts";
import { int, type OnnxGraph } from "./onnx-graph.ts";

/** Where an axis with a name is found: an input, and the place of the axis among its own. */
export interface AxisPlace {
  readonly input: string;
  readonly place: number;
}

/** ONNX's number for float32. */
const FLOAT = 1;

export const isFixed = (stored: StoredNumber): stored is number => typeof stored === "number";

export class OnnxSizes {
  readonly #graph: OnnxGraph;
  readonly #axes: ReadonlyMap<string, AxisPlace>;
  readonly #known = new Map<string, string>();

  constructor(graph: OnnxGraph, axes: ReadonlyMap<string, AxisPlace>) {
    this.#graph = graph;
    this.#axes = axes;
  }

  /** The length of an axis with a name, as a list of one. */
  length(axis: string): string {
    const known = this.#known.get(axis);
    if (known !== undefined) return known;
    const found = this.#axes.get(axis);
    if (found === undefined) throw new DuctusError(`export: no input has an axis "${axis}"`);
    const name = this.dim(found.input, found.place);
    this.#known.set(axis, name);
    return name;
  }

  /** One dimension of a value, as a list of one. */
  dim(value: string, place: number): string {
    return this.#graph.node("Shape", [value], { start: int(place), end: int(place + 1) });
  }

  /** A number as a list of one. */
  size(stored: StoredNumber, plus = 0): string {
    if (isFixed(stored)) return this.#graph.int64([stored + plus], "size");
    const terms = [...termsOf(stored), ...(plus === 0 ? [] : [[plus] as Term])];
    // Half of a length, behind a pooling, is written as a quotient of whole numbers, which rounds down as poolings do.
    const divisor = divisorOf(terms.map(([factor]) => factor));
    const parts = terms.map(([factor, ...axes]) => {
      const lengths = axes.map((axis) => this.length(axis));
      const whole = Math.round(factor * divisor);
      const factors = whole === 1 && lengths.length > 0 ? lengths : [...lengths, this.#graph.int64([whole], "factor")];
      return factors.reduce((product, one) => this.#graph.node("Mul", [product, one]));
    });
    const sum = parts.reduce((sum, part) => this.#graph.node("Add", [sum, part]));
    return divisor === 1 ? sum : this.#graph.node("Div", [sum, this.#graph.int64([divisor], "divisor")]);
  }

  /** One over a number, as a list of one float32: what a mean over an open axis is multiplied by. */
  inverse(terms: readonly Term[]): string {
    const length = this.#graph.node("Cast", [this.size({ terms })], { to: int(FLOAT) });
    return this.#graph.node("Reciprocal", [length]);
  }

  /** Numbers as one list: a constant where none of them is open. @param plus is added to each */
  list(stored: readonly StoredNumber[], kind: string, plus: readonly number[] = []): string {
    const added = (i: number): number => plus[i] ?? 0;
    if (stored.every(isFixed))
      return this.#graph.int64(
        stored.map((value, i) => value + added(i)),
        kind,
      );
    const parts: string[] = [];
    let fixed: number[] = [];
    const flush = (): void => {
      if (fixed.length > 0) parts.push(this.#graph.int64(fixed, kind));
      fixed = [];
    };
    for (const [i, value] of stored.entries()) {
      if (isFixed(value)) fixed.push(value + added(i));
      else {
        flush();
        parts.push(this.size(value, added(i)));
      }
    }
    flush();
    return parts.length === 1 ? parts[0] : this.#graph.node("Concat", parts, { axis: int(0) });
  }
}

/** Strides of a network make no larger divisors. */
const MOST_DIVIDED = 1024;

/** The least number with which all of some numbers are whole. @throws DuctusError where there is none */
function divisorOf(factors: readonly number[]): number {
  const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < 1e-9;
  for (let divisor = 1; divisor <= MOST_DIVIDED; divisor++) {
    if (factors.every((factor) => isWhole(factor * divisor))) return divisor;
  }
  throw new DuctusError(`export: a length times ${factors.join(", ")} cannot be written as a whole number`);
}

/** @throws DuctusError for what is no whole number */
function termsOf(stored: Exclude<StoredNumber, number>): readonly Term[] {
  if ("terms" in stored) return stored.terms;
  if ("inverse" in stored) throw new DuctusError("export: one over a length is no size");
  if ("float" in stored) throw new DuctusError(`export: a size of ${stored.float} cannot be written`);
  const { batch, plus } = stored;
  const terms: Term[] = [[batch, "batch"], [plus]];
  return terms.filter(([factor]) => factor !== 0);
}
