/**
 * Where the command line writes: results to standard output, everything on the way to standard error. Colors and the
 * line that redraws itself appear only on a terminal. Nothing is written that would control it (shown.ts).
 */

import { FORMAT } from "../serve/answer-format.ts";
import { PLAIN, type Style } from "../task/text.ts";
import { paint, shown, shownJson } from "./shown.ts";

export interface Terminal {
  /** Whether one JSON object is all that standard output may get. */
  readonly json: boolean;
  /** Style of results. */
  readonly style: Style;
  /** A line of the result; nothing when `json` is on. */
  print(text?: string): void;
  /** A piece of a line of the result, as it comes; nothing when `json` is on. */
  write(piece: string): void;
  /** The JSON object, with the version of its fields in front; nothing when `json` is off. */
  emit(result: object): void;
  /** A line about the way there, to standard error. */
  note(text: string): void;
  /** A line that the next one overwrites; only where {@link Terminal.isLive}. */
  live(text: string): void;
  /** Whether standard error is a terminal that can redraw a line. */
  readonly isLive: boolean;
  /** Columns of a line that can be redrawn. */
  readonly columns: number;
  readonly noteStyle: Style;
}

const CLEAR_LINE = "\r\u001b[K";
const COLORED: Style = { bold: paint("1"), dim: paint("2"), good: paint("32"), bad: paint("31") };

/** Colors for a stream: only on a terminal, and not against https://no-color.org. */
export function styleFor(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv = process.env,
): Style {
  const refused = (env.NO_COLOR !== undefined && env.NO_COLOR !== "") || env.TERM === "dumb";
  return stream.isTTY === true && !refused ? COLORED : PLAIN;
}

/** The terminal of this process. */
export function openTerminal(json: boolean): Terminal {
  const { stdout, stderr } = process;
  const isLive = stderr.isTTY === true && process.env.TERM !== "dumb";
  // One is left: a line that fills the window wraps, and only its last part would be overwritten.
  const columns = (): number => (stderr.columns || 80) - 1;
  let hasLine = false;
  const clear = (): void => {
    if (hasLine) stderr.write(CLEAR_LINE);
    hasLine = false;
  };
  return {
    json,
    isLive,
    get columns() {
      return columns();
    },
    style: styleFor(stdout),
    noteStyle: styleFor(stderr),
    print: (text = "") => {
      clear();
      if (!json) stdout.write(`${shown(text)}\n`);
    },
    write: (piece) => {
      clear();
      if (!json) stdout.write(shown(piece));
    },
    emit: (result) => {
      clear();
      if (json) stdout.write(`${shownJson(JSON.stringify({ format: FORMAT, ...result }))}\n`);
    },
    note: (text) => {
      clear();
      stderr.write(`${shown(text)}\n`);
    },
    live: (text) => {
      if (!isLive) return;
      stderr.write(`${CLEAR_LINE}${shown(text).slice(0, columns())}`);
      hasLine = true;
    },
  };
}

/** What was done to what the user gave, a line each. */
export function showNotes(terminal: Terminal, notes: readonly string[]): void {
  for (const note of notes) terminal.note(`note     ${note}`);
}

/** What records of a run have to say, as notes. */
export function noteOf({ note, noteStyle }: Terminal): (message: string, isBad: boolean) => void {
  return (message, isBad) => note(isBad ? noteStyle.bad(message) : noteStyle.dim(message));
}

/** Bytes in the nearest unit: 812 B, 4.5 kB, 12.3 MB. */
export function byteSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
