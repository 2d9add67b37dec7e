/**
 * Text from files that nobody vouches for: quoting it inside one-line messages, and reading JSON with the strictness that
 * `JSON.parse` lacks (it keeps the last of two equal keys and accepts any depth). Every reader of this folder uses it.
 */
import { DataError } from "../engine/errors.ts";

const QUOTED_LENGTH = 60;

/** `text` in double quotes, on one line, without control characters, shortened: safe to print whatever it holds. */
export function quote(text: string): string {
  const short = text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH - 1)}…` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A name that can be shown anywhere: 1 to 200 characters, none of them a control or text-direction character. */
export function isPrintable(text: string): boolean {
  return text.length > 0 && text.length <= 200 && !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text);
}

/** Strict UTF-8; throws DataError with `what` in front when the bytes are not. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    // A copy: browsers refuse to decode from shared memory.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    throw new DataError(`${what} is not UTF-8 text; the file is damaged or of another kind`);
  }
}

/**
 * Parses JSON, refusing what `JSON.parse` lets through: an object with the same key twice, a key named `__proto__`, and
 * nesting deeper than `maxDepth`. Throws DataError with `what` (for example `a.safetensors: its header`) in front.
 */
export function parseStrictJson(text: string, what: string, maxDepth = 100): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`${what} is not JSON; the file is damaged or of another kind`);
  }
  checkKeys(text, what, maxDepth);
  return value;
}

/** Walks over the tokens of `text`, which is known to be valid JSON: so only strings, colons and brackets matter. */
function checkKeys(text: string, what: string, maxDepth: number): void {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") {
      if (open.push(new Set()) > maxDepth) throw new DataError(`${what} is nested deeper than ${maxDepth} levels`);
    } else if (c === "}" || c === "]") {
      open.pop();
    } else if (c === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      let next = i + 1;
      while (" \t\n\r".includes(text[next] ?? "x")) next++;
      if (text[next] !== ":") continue;
      const key: string = JSON.parse(text.slice(start, i + 1));
      const keys = open[open.length - 1];
      if (key === "__proto__") throw new DataError(`${what} has a key named "__proto__"; refused`);
      if (keys.has(key)) throw new DataError(`${what} has the key ${quote(key)} twice; the file is damaged or hostile`);
      keys.add(key);
    }
  }
}
