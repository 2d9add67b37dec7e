/**
 * Text from files that nobody vouches for: quoting it inside one-line messages, and reading JSON with the strictness that
 * `JSON.parse` lacks (it keeps the last of two equal keys and accepts any depth). Every reader of this folder uses it.
 */
import { Budget, VALUES_PER_ENTRY } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";

export { quote };

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
 * @param budget of the file, which pays for the values; default: that of a file which is this text
 */
export function parseStrictJson(
  text: string,
  what: string,
  {
    maxDepth = 100,
    budget = new Budget(what, text.length),
  }: { maxDepth?: number | undefined; budget?: Budget | undefined } = {},
): unknown {
  budget.spend("entries", countValues(text) / VALUES_PER_ENTRY, "its JSON");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`${what} is not JSON; the file is damaged or of another kind`);
  }
  checkKeys(text, what, maxDepth);
  return value;
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [...'"\\,[{'].map((c) => c.charCodeAt(0));

/** About how many values some JSON holds, whether it is valid or not: each comma, list and object outside of texts. */
function countValues(text: string): number {
  let count = 1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === COMMA || c === BRACKET || c === BRACE) count++;
    else if (c === QUOTE) {
      i = text.indexOf('"', i + 1);
      while (i >= 0 && isEscaped(text, i)) i = text.indexOf('"', i + 1);
      if (i < 0) break;
    }
  }
  return count;
}

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === BACKSLASH) before--;
  return (at - before) % 2 === 1;
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
