/**
 * Which strings may stand in a field, as a machine that reads them symbol by symbol: what decoding (../ctc-decode.ts) asks
 * before it lets a string grow. A pattern, a list of values and a checksum are each one (see their files); a field is all of its own
 * together.
 */

/** A deterministic automaton. Symbols are places in an alphabet; states are whole numbers, 0 is the start. */
export interface Automaton {
  /** The state behind a symbol, or {@link DEAD}. */
  next(state: number, symbol: number): number;
  /**
   * How many symbols an allowed string needs at least from here: 0 where the string may end, ∞ where none can follow. Never
   * more than it really needs.
   */
  remaining(state: number): number;
}

/** Stands for "no string that begins like this is allowed". */
export const DEAD = -1;

/** Every string. */
export const ANY: Automaton = { next: () => 0, remaining: () => 0 };

/** Strings of `low` to `high` symbols. */
export function ofLength(low: number, high: number): Automaton {
  return {
    // Beyond `low` it only matters how many may follow; where any number may, states stop at `low`.
    next: (state) => (state >= high ? DEAD : high === Number.POSITIVE_INFINITY ? Math.min(state + 1, low) : state + 1),
    remaining: (state) => Math.max(0, low - state),
  };
}

/** Strings of a list, each given by its symbols. */
export function oneOf(strings: Iterable<readonly number[]>): Automaton {
  const next: Map<number, number>[] = [new Map()];
  const remaining: number[] = [Number.POSITIVE_INFINITY];
  for (const string of strings) {
    let state = 0;
    string.forEach((symbol, i) => {
      remaining[state] = Math.min(remaining[state], string.length - i);
      let after = next[state].get(symbol);
      if (after === undefined) {
        after = next.length;
        next[state].set(symbol, after);
        next.push(new Map());
        remaining.push(Number.POSITIVE_INFINITY);
      }
      state = after;
    });
    remaining[state] = 0;
  }
  return {
    next: (state, symbol) => next[state].get(symbol) ?? DEAD,
    remaining: (state) => remaining[state],
  };
}

/** Strings that all of the automata allow. Its states are made when they are first reached. */
export function allOf(automata: readonly Automaton[], symbols: number): Automaton {
  if (automata.length === 0) return ANY;
  if (automata.length === 1) return automata[0];
  const UNKNOWN = -2;
  const numbers = new Map<string, number>();
  const states: (readonly number[])[] = [];
  const nexts: Int32Array[] = [];
  const numberOf = (parts: readonly number[]): number => {
    const key = parts.join();
    let number = numbers.get(key);
    if (number === undefined) {
      number = states.length;
      numbers.set(key, number);
      states.push(parts);
      nexts.push(new Int32Array(symbols).fill(UNKNOWN));
    }
    return number;
  };
  numberOf(automata.map(() => 0));
  return {
    next: (state, symbol) => {
      if (nexts[state][symbol] === UNKNOWN) {
        const parts = automata.map((automaton, i) => automaton.next(states[state][i], symbol));
        nexts[state][symbol] = parts.includes(DEAD) ? DEAD : numberOf(parts);
      }
      return nexts[state][symbol];
    },
    remaining: (state) =>
      automata.reduce((most, automaton, i) => Math.max(most, automaton.remaining(states[state][i])), 0),
  };
}

/** The strings of an automaton that lack a symbol. */
export function without({ next, remaining }: Automaton, symbol: number): Automaton {
  return { next: (state, read) => (read === symbol ? DEAD : next(state, read)), remaining };
}

/** States that a search for an allowed string looks at before it gives up. */
const LOOKED_AT = 200_000;

/** Whether there is no allowed string. False also where that was not found out among the first 200,000 states. */
export function isEmpty(automaton: Automaton, symbols: number): boolean {
  const seen = new Set([0]);
  const queue = [0];
  for (const state of queue) {
    const remaining = automaton.remaining(state);
    if (remaining === 0) return false;
    if (remaining === Number.POSITIVE_INFINITY) continue;
    if (seen.size > LOOKED_AT) return false;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const after = automaton.next(state, symbol);
      if (after === DEAD || seen.has(after)) continue;
      seen.add(after);
      queue.push(after);
    }
  }
  return true;
}
