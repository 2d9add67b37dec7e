/**
 * What may stand in a field of a form: how long it is, a pattern, a list of values, a checksum. Together they are one automaton that
 * decoding keeps to, so that what cannot stand there is never the answer, and what can is found even where the network
 * prefers something else.
 */
import { UsageError } from "../../../engine/errors.ts";
import { quote } from "../../../engine/quote.ts";
import { type Automaton, allOf, isEmpty, ofLength, oneOf } from "./automaton.ts";
import { type Checksum, checked } from "./checksums.ts";
import { matching } from "./pattern.ts";

/** What may stand in a field. Where nothing is said, anything may. */
export interface FieldRules {
  /** How many characters: exactly so many, or from … to. */
  readonly length?: number | readonly [low: number, high: number] | undefined;
  /** A regular expression that the whole string matches; see pattern.ts for what it may have. */
  readonly pattern?: string | undefined;
  /** The strings that may stand there. */
  readonly values?: readonly string[] | undefined;
  /** How the number checks itself. */
  readonly checksum?: Checksum | undefined;
}

/** The rules that a field may have, each as an automaton. Alphabet: symbol i is `alphabet[i]`. */
const RULES: {
  readonly [K in keyof FieldRules]-?: (rule: NonNullable<FieldRules[K]>, alphabet: readonly string[]) => Automaton;
} = {
  length: (length) => {
    const [low, high] = typeof length === "number" ? [length, length] : length;
    if (Number.isInteger(low) && low >= 0 && Number.isInteger(high) && high >= low) return ofLength(low, high);
    throw new UsageError(`length ${low} to ${high}: whole numbers from 0 are needed, the smaller first`);
  },
  pattern: matching,
  values: (values, alphabet) => oneOf(values.map((value) => symbolsOf(value, alphabet))),
  checksum: checked,
};

/**
 * @param alphabet what the reader can read: symbol i is `alphabet[i]`
 * @throws UsageError for a rule that cannot be read, a value with a character that the alphabet lacks, or rules that no string
 * meets
 */
export function fieldAutomaton(field: FieldRules, alphabet: readonly string[]): Automaton {
  const automata = (Object.keys(RULES) as (keyof FieldRules)[]).flatMap((name) => {
    const rule = field[name];
    return rule === undefined
      ? []
      : [(RULES[name] as (rule: unknown, alphabet: readonly string[]) => Automaton)(rule, alphabet)];
  });
  const all = allOf(automata, alphabet.length);
  if (isEmpty(all, alphabet.length)) {
    const said = Object.entries(field).filter(([name, rule]) => Object.hasOwn(RULES, name) && rule !== undefined);
    const rules = said.map(([name, rule]) => `${name} ${quote(JSON.stringify(rule))}`).join(", ");
    throw new UsageError(`no string of ${quote(alphabet.join(""))} meets ${rules}`);
  }
  return all;
}

function symbolsOf(value: string, alphabet: readonly string[]): number[] {
  return [...value].map((character) => {
    const symbol = alphabet.indexOf(character);
    if (symbol >= 0) return symbol;
    throw new UsageError(`values: ${quote(value)} has ${quote(character)}, which the reader cannot read`);
  });
}
