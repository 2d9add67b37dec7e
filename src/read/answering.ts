/**
 * From what a network says of all lines on a page to the answers for it: of each the likeliest string that its field allows
 * (answer-of.ts makes an answer of that). The last step from a photograph to text; places.ts is the first.
 */
import { UsageError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import type { Line } from "../picture/line.ts";
import type { BatchOutputs } from "../task/task.ts";
import type { Frames } from "../task/transcribe/ctc-frames.ts";
import { type Automaton, without } from "../task/transcribe/fields/automaton.ts";
import { type FieldRules, fieldAutomaton } from "../task/transcribe/fields/field.ts";
import { type FieldReading, type LikelyString, readField } from "../task/transcribe/reading.ts";
import { type Transcribe, UNREADABLE } from "../task/transcribe/transcribe.ts";
import { answerOf, NOTHING, type ReadOptions } from "./answer-of.ts";
import type { NumberAnswer } from "./answers.ts";
import type { Place } from "./places.ts";

/** A line, and what a network says of it. */
export interface LineScores extends Frames {
  readonly line: Line;
  /** Columns of the line that a frame stands for. */
  readonly columnsOfFrame: number;
}

/**
 * What a network says of one line of a batch.
 * @param index of the line in the batch
 * @throws DuctusError when its numbers are not finite
 */
export function scoresOf(
  task: Transcribe,
  temperature: number | undefined,
  line: Line,
  outputs: BatchOutputs,
  index: number,
): LineScores {
  const { scores, ...frames } = task.frames(outputs, index, temperature);
  const count = outputs.outputs.logits.length / outputs.count / frames.classes;
  // A copy: the batch after this one is written to the same place.
  return { ...frames, line, scores: Float32Array.from(scores), columnsOfFrame: outputs.sizes.columns / count };
}

/** What may stand in fields, over the alphabet of a reader. The rules of a field are made into an automaton once. */
export class RuleBook {
  readonly alphabet: readonly string[];
  readonly #automata = new Map<FieldRules, Automaton>();
  /** Where there are no rules. */
  readonly #anything: Automaton;

  constructor(alphabet: readonly string[]) {
    this.alphabet = alphabet;
    this.#anything = without(fieldAutomaton({}, alphabet), alphabet.indexOf(UNREADABLE));
  }

  /** @throws UsageError naming the first field whose rules no string over the alphabet meets */
  check(fields: readonly Pick<Place, "name" | "rules">[]): void {
    for (const field of fields) this.allowed(field);
  }

  /**
   * Which strings may stand in a field: without rules all that can be read.
   * @throws UsageError for rules that no string over the alphabet meets, naming the field
   */
  allowed({ name, rules }: Pick<Place, "name" | "rules">): Automaton {
    if (rules === undefined) return this.#anything;
    let automaton = this.#automata.get(rules);
    if (automaton === undefined) {
      // What cannot be read is no string that may stand there.
      automaton = without(automatonOf(rules, this.alphabet, name), this.alphabet.indexOf(UNREADABLE));
      this.#automata.set(rules, automaton);
    }
    return automaton;
  }
}

function automatonOf(rules: FieldRules, alphabet: readonly string[], name: string | undefined): Automaton {
  try {
    return fieldAutomaton(rules, alphabet);
  } catch (cause) {
    if (name === undefined || !(cause instanceof UsageError)) throw cause;
    throw new UsageError(`the field ${quote(name)}: ${cause.message}`, { cause });
  }
}

/**
 * The answer for each place.
 * @param scores of what is written there; undefined where nothing is
 * @throws UsageError for rules that no string meets
 */
export function answersFor(
  places: readonly Place[],
  scores: readonly (LineScores | undefined)[],
  book: RuleBook,
  options: ReadOptions,
): NumberAnswer[] {
  return places.map((place, i) => {
    const { name, quad, region } = place;
    if (region === undefined) return { ...NOTHING, name, kind: "box", quad, refused: "not in the picture" };
    const found = scores[i];
    const reading = found && readPlace(found, place, book);
    return answerOf({ ...region, name, rules: place.rules }, found && { ...found, reading }, options);
  });
}

/**
 * Where a form says what stands there, it does: probabilities are those among what may. Anywhere else there may be letters or a
 * scribble as well, so each is by the picture alone.
 */
function readPlace(found: LineScores, place: Place, book: RuleBook): FieldReading | undefined {
  const reading = readField(found, book.alphabet, { allowed: book.allowed(place) });
  if (reading === undefined || place.rules !== undefined) return reading;
  const byPicture = <T extends LikelyString>(one: T): T => ({ ...one, probability: one.probability * reading.fit });
  return { ...byPicture(reading), alternatives: reading.alternatives.map(byPicture) };
}
