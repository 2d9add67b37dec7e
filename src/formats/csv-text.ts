/** Rows as the text of a CSV file (RFC 4180, with line feeds): what holds a comma, a quote or a line break is quoted. */

export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((fields) => `${fields.map(quoted).join(",")}\n`).join("");
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
