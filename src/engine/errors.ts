/**
 * The errors that Ductus throws on purpose. Each message is one line that says what is wrong and, where there is one,
 * the likely fix; the command line prints it as it is and picks the exit status from `exitCode`.
 */
import { quote } from "./quote.ts";

/**
 * A message that names options: it gets what puts an option's name (`clipNorm`) as the reader types it. In the API that is
 * the name itself; the command line says `--clip-norm`.
 */
export type NamingMessage = (option: (name: string) => string) => string;

/** Anything that went wrong for a reason the user can act on. */
export class DuctusError extends Error {
  /** Exit status of the command line: 1 = it failed, 2 = it was called wrongly. */
  readonly exitCode: number = 1;
  // Written out in each of them: bundlers rename what is declared.
  override name: string = "DuctusError";
  readonly #message: string | NamingMessage;

  constructor(message: string | NamingMessage = "", details?: ErrorOptions) {
    super(typeof message === "string" ? message : message((name) => name), details);
    this.#message = message;
  }

  /** The message, with the options that it names put in another way. */
  messageWith(option: (name: string) => string): string {
    return typeof this.#message === "string" ? this.message : this.#message(option);
  }
}

/** An op or layer was given tensors whose shapes or types do not fit. */
export class ShapeError extends DuctusError {
  override name = "ShapeError";
}

/** Input from outside (a file, a download, a picture) is not what it claims to be. */
export class DataError extends DuctusError {
  override name = "DataError";
}

/** Input from outside is larger than the caller allows. */
export class TooLargeError extends DataError {}

/** An option, name or argument that does not exist or is out of range. */
export class UsageError extends DuctusError {
  override name = "UsageError";
  override readonly exitCode = 2;
}

/** Longer ones resemble nothing that a person would type. */
const LONGEST_NAME = 100;

/** The name among `known` that is nearest to `name`, or undefined when none is near (Damerau–Levenshtein). */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A usage error for an unknown name: lists what is known and suggests the nearest. */
export function unknownName(kind: string, name: string, known: readonly string[]): UsageError {
  const suggestion = nearest(name, known);
  const hint = suggestion === undefined ? `known: ${known.join(", ")}` : `did you mean "${suggestion}"?`;
  return new UsageError(`unknown ${kind} ${quote(name, LONGEST_NAME)}; ${hint}`);
}

function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, substitution);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
