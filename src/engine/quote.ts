/** Text from files and command lines that nobody vouches for, inside one-line messages. */

const QUOTED_LENGTH = 60;

/** At most so many characters of `text`. */
export function shortened(text: string, most = QUOTED_LENGTH): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** `text` in double quotes, on one line, without control characters, shortened: safe to print whatever it holds. */
export function quote(text: string, most = QUOTED_LENGTH): string {
  return JSON.stringify(shortened(text, most)).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** As {@link quote}, without the quotes around it; those inside stand as they are. */
export const printed = (text: string, most = QUOTED_LENGTH): string =>
  quote(text, most).slice(1, -1).replaceAll('\\"', '"');

/** A value of parsed JSON in a message: as JSON, shortened. */
export function quoteValue(value: unknown): string {
  return typeof value === "string" ? quote(value) : shortened(JSON.stringify(value) ?? "undefined");
}
