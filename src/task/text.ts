/** Numbers as people read them, and rows of names and values: what all texts about results are made of. */
import type { Interval } from "../metrics/intervals.ts";

/** How text is decorated; the command line passes colors where the terminal has them. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

const same = (text: string): string => text;

/** No decoration at all. */
export const PLAIN: Style = { bold: same, dim: same, good: same, bad: same };

/** A share as a percentage with two decimals. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Both ends of an interval of shares: `98.71 to 99.12 %`. */
export function percentInterval({ low, high }: Interval): string {
  return `${(100 * low).toFixed(2)} to ${percent(high)}`;
}

/** Four significant digits, without a tail of zeros. */
export function round(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** A whole number with thousands separated: 60,000. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A learning rate in two digits: 0.0032. */
export function formatRate(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}

/** Seconds as people write them: 0.8 s, 42 s, 3 min 05 s, 2 h 10 min. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** A name and a value a line, the values below each other. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => name.padEnd(width) + value).join("\n");
}

/** Names that a line has room for. */
const LISTED = 20;

/** How many names there are, and the first of them: `10: 0 1 2 …`. */
export function listed(names: readonly string[]): string {
  const some = names.slice(0, LISTED).join(" ");
  return `${grouped(names.length)}: ${some}${names.length > LISTED ? " …" : ""}`;
}

/** Columns aligned: the first to the left, the others, numbers, to the right. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column]))));
  return all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? padEnd(cell, widths[0]) : padStart(cell, widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

/** Columns that text takes in a terminal; wide East Asian characters take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      character,
    )
      ? 2
      : 1;
  }
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}
