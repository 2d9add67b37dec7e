/**
 * A field's pattern as an automaton: a regular expression that the whole string has to match. Written as in JavaScript, without what
 * looks around or remembers: characters, `.`, `\d`, sets such as `[0-9,]` and `[^0]`, groups, `|`, `?`, `*`, `+`, `{2}`, `{2,}`,
 * `{2,4}`.
 *
 * States are expressions, too: what is left to match after a symbol is the derivative of the expression by it (J. A. Brzozowski,
 * Derivatives of Regular Expressions, JACM 1964). Expressions are simplified as they are made, so their number stays finite.
 */
import { UsageError } from "../../../engine/errors.ts";
import { quote } from "../../../engine/quote.ts";
import { type Automaton, DEAD } from "./automaton.ts";

/** An expression. Equal ones are one object (see `Expressions`), known by its number. */
interface Expression {
  readonly id: number;
  /** Symbols of the shortest string that it matches; ∞ for none. */
  readonly shortest: number;
  readonly derive: (symbol: number) => Expression;
}

/** Parts of all expressions that a pattern may grow to while it is read and derived. */
const MOST_PARTS = 100_000;
const LARGEST_COUNT = 1000;
const LONGEST = 1000;

/** Makes expressions, each only once, in the simplest form. */
class Expressions {
  readonly #made = new Map<string, Expression>();
  #count = 0;
  #parts = 0;
  readonly #pattern: string;
  /** Matches no string. */
  readonly none: Expression;
  /** Matches the empty string alone. */
  readonly empty: Expression;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.none = this.#make("none", Number.POSITIVE_INFINITY, () => this.none);
    this.empty = this.#make("empty", 0, () => this.none);
  }

  /** One symbol of a set. */
  symbol(set: readonly boolean[]): Expression {
    if (!set.includes(true)) return this.none;
    const key = `[${set.map(Number).join("")}]`;
    return this.#make(key, 1, (symbol) => (set[symbol] ? this.empty : this.none));
  }

  join(first: Expression, second: Expression): Expression {
    if (first === this.none || second === this.none) return this.none;
    if (first === this.empty) return second;
    if (second === this.empty) return first;
    return this.#make(`${first.id} ${second.id}`, first.shortest + second.shortest, (symbol) => {
      const onward = this.join(first.derive(symbol), second);
      return first.shortest === 0 ? this.either([onward, second.derive(symbol)]) : onward;
    });
  }

  either(options: readonly Expression[]): Expression {
    const distinct = new Set(options.flatMap((option) => this.#optionsOf.get(option) ?? [option]));
    distinct.delete(this.none);
    const kept = [...distinct].sort((a, b) => a.id - b.id);
    if (kept.length === 0) return this.none;
    if (kept.length === 1) return kept[0];
    const key = kept.map(({ id }) => id).join("|");
    const shortest = Math.min(...kept.map((option) => option.shortest));
    const derive = (symbol: number): Expression => this.either(kept.map((option) => option.derive(symbol)));
    const made = this.#make(key, shortest, derive, kept.length);
    this.#optionsOf.set(made, kept);
    return made;
  }

  repeated(body: Expression): Expression {
    if (body === this.none || body === this.empty) return this.empty;
    const all: Expression = this.#make(`${body.id}*`, 0, (symbol) => this.join(body.derive(symbol), all));
    return all;
  }

  /** `low` to `high` times. */
  counted(body: Expression, low: number, high: number): Expression {
    let rest = high === Number.POSITIVE_INFINITY ? this.repeated(body) : this.empty;
    if (high !== Number.POSITIVE_INFINITY) {
      for (let n = low; n < high; n++) rest = this.either([this.empty, this.join(body, rest)]);
    }
    for (let n = 0; n < low; n++) rest = this.join(body, rest);
    return rest;
  }

  readonly #optionsOf = new Map<Expression, readonly Expression[]>();

  #make(key: string, shortest: number, derive: (symbol: number) => Expression, parts = 1): Expression {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    this.#parts += parts;
    if (this.#parts > MOST_PARTS) {
      throw new UsageError(`pattern ${quote(this.#pattern)} is too complicated; write a simpler one`);
    }
    const derived: Expression[] = [];
    const made: Expression = {
      id: this.#count++,
      shortest,
      derive: (symbol) => {
        derived[symbol] ??= derive(symbol);
        return derived[symbol];
      },
    };
    this.#made.set(key, made);
    return made;
  }
}

/**
 * Strings that match a pattern as a whole.
 * @param alphabet what symbols mean: symbol i is `alphabet[i]`
 * @throws UsageError when the pattern cannot be read, with the place
 */
export function matching(pattern: string, alphabet: readonly string[]): Automaton {
  if (pattern.length > LONGEST) throw new UsageError(`pattern ${quote(pattern)} is longer than ${LONGEST} characters`);
  const expressions = new Expressions(pattern);
  const start = new Reader(pattern, alphabet, expressions).read();
  // The start is state 0: the first two expressions are fixed, so numbers are given anew.
  const states: Expression[] = [start];
  const numbers = new Map<Expression, number>([[start, 0]]);
  return {
    next: (state, symbol) => {
      const after = states[state].derive(symbol);
      if (after === expressions.none) return DEAD;
      let number = numbers.get(after);
      if (number === undefined) {
        number = states.length;
        numbers.set(after, number);
        states.push(after);
      }
      return number;
    },
    remaining: (state) => states[state].shortest,
  };
}

const isDigit = (symbol: string): boolean => /^[0-9]$/.test(symbol);
const isWord = (symbol: string): boolean => /^[0-9A-Za-z_]$/.test(symbol);
const isSpace = (symbol: string): boolean => /^\s$/.test(symbol);

/** What stands behind a backslash for more than itself. */
const CLASSES: Readonly<Record<string, (symbol: string) => boolean>> = {
  d: isDigit,
  D: (symbol) => !isDigit(symbol),
  w: isWord,
  W: (symbol) => !isWord(symbol),
  s: isSpace,
  S: (symbol) => !isSpace(symbol),
};

const NOT_CHARACTERS = "*+?{}[]()|^$\\/";

/** Reads a pattern, by recursive descent. */
class Reader {
  readonly #characters: readonly string[];
  readonly #pattern: string;
  readonly #alphabet: readonly string[];
  readonly #make: Expressions;
  #at = 0;

  constructor(pattern: string, alphabet: readonly string[], make: Expressions) {
    this.#pattern = pattern;
    this.#characters = [...pattern];
    this.#alphabet = alphabet;
    this.#make = make;
  }

  read(): Expression {
    // The whole string has to match anyway.
    this.#skip("^");
    const all = this.#either();
    this.#skip("$");
    if (this.#at < this.#characters.length) throw this.#fault(`${quote(this.#here ?? "")} has no beginning`);
    return all;
  }

  get #here(): string | undefined {
    return this.#characters[this.#at];
  }

  #skip(character: string): boolean {
    if (this.#here !== character) return false;
    this.#at++;
    return true;
  }

  #fault(what: string): UsageError {
    return new UsageError(`pattern ${quote(this.#pattern)}: ${what}, at character ${this.#at + 1}`);
  }

  #either(): Expression {
    const options = [this.#joined()];
    while (this.#skip("|")) options.push(this.#joined());
    return this.#make.either(options);
  }

  #joined(): Expression {
    const parts: Expression[] = [];
    while (this.#here !== undefined && this.#here !== "|" && this.#here !== ")" && !this.#isEnd()) {
      parts.push(this.#repeated());
    }
    return parts.reduceRight((rest, part) => this.#make.join(part, rest), this.#make.empty);
  }

  #isEnd(): boolean {
    return this.#here === "$" && this.#at === this.#characters.length - 1;
  }

  #repeated(): Expression {
    let body = this.#one();
    for (;;) {
      if (this.#skip("?")) body = this.#make.counted(body, 0, 1);
      else if (this.#skip("*")) body = this.#make.repeated(body);
      else if (this.#skip("+")) body = this.#make.counted(body, 1, Number.POSITIVE_INFINITY);
      else if (this.#skip("{")) body = this.#make.counted(body, ...this.#counts());
      else return body;
    }
  }

  #counts(): [low: number, high: number] {
    const low = this.#number();
    let high = low;
    if (this.#skip(",")) high = this.#here === "}" ? Number.POSITIVE_INFINITY : this.#number();
    if (!this.#skip("}")) throw this.#fault('"{" needs a count and "}"');
    if (high < low) throw this.#fault(`{${low},${high}} counts down`);
    return [low, high];
  }

  #number(): number {
    let digits = "";
    while (this.#here !== undefined && isDigit(this.#here)) digits += this.#characters[this.#at++];
    if (digits === "") throw this.#fault('"{" needs a count and "}"');
    if (Number(digits) > LARGEST_COUNT) throw this.#fault(`counts go up to ${LARGEST_COUNT}`);
    return Number(digits);
  }

  #one(): Expression {
    if (this.#skip("(")) {
      if (this.#skip("?") && !this.#skip(":")) throw this.#fault('"(?" is known as "(?:" alone');
      const body = this.#either();
      if (!this.#skip(")")) throw this.#fault('")" is missing');
      return body;
    }
    if (this.#skip("[")) return this.#set();
    if (this.#skip(".")) return this.#make.symbol(this.#alphabet.map(() => true));
    return this.#make.symbol(this.#alphabet.map(this.#character()));
  }

  /** A character, or a class of them behind a backslash. */
  #character(): (symbol: string) => boolean {
    const character = this.#here;
    if (character === undefined) throw this.#fault("something is missing");
    if (character !== "\\" && NOT_CHARACTERS.includes(character)) {
      throw this.#fault(
        `${quote(character)} has nothing before it; write ${quote(`\\${character}`)} for the character`,
      );
    }
    this.#at++;
    if (character !== "\\") return (symbol) => symbol === character;
    return this.#escaped();
  }

  /** What stands behind a backslash. */
  #escaped(): (symbol: string) => boolean {
    const character = this.#here;
    if (character === undefined) throw this.#fault("a character is missing behind the backslash");
    if (Object.hasOwn(CLASSES, character)) {
      this.#at++;
      return CLASSES[character];
    }
    if (isWord(character)) throw this.#fault(`${quote(`\\${character}`)} is not known`);
    this.#at++;
    return (symbol) => symbol === character;
  }

  #set(): Expression {
    const isOpposite = this.#skip("^");
    const members: ((symbol: string) => boolean)[] = [];
    while (!this.#skip("]")) {
      const first = this.#here;
      if (first === undefined) throw this.#fault('"]" is missing');
      this.#at++;
      if (first === "\\") members.push(this.#escaped());
      else if (this.#here === "-" && this.#characters[this.#at + 1] !== "]") {
        this.#at++;
        const last = this.#here;
        if (last === undefined) throw this.#fault('"]" is missing');
        if (first > last) throw this.#fault(`${first}-${last} goes down`);
        this.#at++;
        members.push((symbol) => symbol >= first && symbol <= last);
      } else members.push((symbol) => symbol === first);
    }
    return this.#make.symbol(this.#alphabet.map((symbol) => members.some((has) => has(symbol)) !== isOpposite));
  }
}
