/**
 * Budgets: what opening a stranger's file may cost. Whoever reads a file works out from its headers and shapes what comes
 * next and spends it here, before anything is allocated or run; what would cost more is refused in one line that names the
 * budget. So a file of a few kilobytes can never take seconds or gigabytes, whatever it says. Larger files get larger
 * budgets: who sends a hundred megabytes has paid for something.
 */
import { TooLargeError, UsageError } from "./errors.ts";

/** What is limited. */
interface Limit {
  /** What every file may cost … */
  readonly base: number;
  /** … and what every byte of it adds. */
  readonly perByte: number;
  /** A number of it in words. */
  readonly format: (amount: number) => string;
}

const count =
  (unit: string) =>
  (amount: number): string =>
    `${Math.round(amount).toLocaleString("en-US")} ${unit}`;

const LIMITS = {
  /** Bytes that are allocated beside the file itself. */
  memory: { base: 2 ** 28, perByte: 4, format: (bytes) => count("MiB")(bytes / 2 ** 20) },
  /** Multiplications, comparisons and the like until the file is open, which includes running its network once. */
  operations: { base: 1e9, perByte: 64, format: (n) => count("million operations")(n / 1e6) },
  /** Operands of ops that are compiled: a compiler takes about half a millisecond for each. */
  operands: { base: 2000, perByte: 1 / 256, format: count("operands") },
  /** Tensors, names, entries of archives, values of a header: what takes some microseconds and some hundred bytes each. */
  entries: { base: 100_000, perByte: 1 / 64, format: count("entries") },
} as const satisfies Record<string, Limit>;

/** Values of JSON, or of a list of numbers in a graph, that count as one entry: they are small beside a tensor. */
export const VALUES_PER_ENTRY = 4;

export type BudgetName = keyof typeof LIMITS;

let factor = 1;

/**
 * Multiplies the budgets of all files that are opened from now on, in this process: for one's own files, where a refusal
 * says that they would cost too much. 1 is the default.
 * @throws UsageError for what is no number above 0
 */
export function setBudget(times: number): void {
  if (!(times > 0)) throw new UsageError(`budget: ${times} must be a number above 0`);
  factor = times;
}

/** The budgets of one file. */
export class Budget {
  readonly #name: string;
  #bytes: number;
  readonly #spent: Record<BudgetName, number> = { memory: 0, operations: 0, operands: 0, entries: 0 };

  /** @param name of the file, which starts every refusal  @param bytes its length */
  constructor(name: string, bytes: number) {
    this.#name = name;
    this.#bytes = bytes;
  }

  /** The same, with nothing spent: for work that is done again and again, and may cost as much each time. */
  fresh(): Budget {
    return new Budget(this.#name, this.#bytes);
  }

  /** Counts another file that belongs to this one (weights beside it), which pays for itself. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** What is left of a budget, for readers that can stop early. */
  left(what: BudgetName): number {
    return this.#limit(what) - this.#spent[what];
  }

  /**
   * Takes `amount` from a budget.
   * @param where the part of the file that wants it, in words
   * @throws TooLargeError when not so much is left; says how to raise it
   */
  spend(what: BudgetName, amount: number, where: string): void {
    this.#spent[what] += amount;
    const spent = this.#spent[what];
    const limit = this.#limit(what);
    if (spent <= limit) return;
    const { format } = LIMITS[what];
    const needed = Math.ceil((spent / limit) * factor * 1.01);
    throw new TooLargeError(
      `${this.#name}: ${where} would bring its cost to ${format(spent)}, beyond its budget of ${format(limit)}; for a file that you trust: --budget ${needed}, or setBudget(${needed})`,
    );
  }

  #limit(what: BudgetName): number {
    const { base, perByte } = LIMITS[what];
    return (base + perByte * this.#bytes) * factor;
  }
}
