/** Aligned tables of text, and the numbers in them. */

/**
 * Rows of text as lines: the first `texts` columns to the left, the others to the right. The first row is the heading.
 */
export function table(rows, texts = 1) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, c) => (c < texts ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}

/** Three significant digits at least, thousands apart: 3,960 and 0.51. */
export function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en-GB");
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** A share as whole percents. */
export const percent = (share) => `${Math.round(100 * share)} %`;
