/**
 * Where the characters of a string stand, and how sure each of them is: of all paths that say the string, the most probable one
 * (Viterbi), and of all strings that differ from it in one character, how probable they are.
 */
import { type Frames, logAddTwo, logSoftmaxOf, pathSums, statesOf, symbolOf } from "./ctc-frames.ts";
import { ANY, type Automaton, DEAD } from "./fields/automaton.ts";

/** A label of a string and where it stands. */
export interface AlignedLabel {
  readonly label: number;
  /** First frame. */
  readonly start: number;
  /** Behind the last frame. */
  readonly end: number;
  /** 0 … 1: that this label and no other, nor none, stands here, if all else is right. */
  readonly probability: number;
}

export interface AlignOptions {
  /** Which strings may stand there, as for `beamDecode`; default all. */
  readonly allowed?: Automaton | undefined;
}

/**
 * @param symbols a string, without blanks
 * @returns one entry a label; none where the frames cannot hold the string
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function alignLabels(
  sample: Frames,
  symbols: readonly number[],
  { allowed = ANY }: AlignOptions = {},
): AlignedLabel[] {
  const { rows, blank } = logSoftmaxOf(sample);
  const path = rows.length === 0 ? undefined : bestPath(rows, symbols, blank);
  if (path === undefined) return [];
  const around = new Around(rows, symbols, blank);
  return symbols.map((label, i) => {
    let share = 0;
    rows[0].forEach((_, other) => {
      if (other === label) return;
      // The blank stands for no label at all.
      const string = other === blank ? symbols.toSpliced(i, 1) : symbols.with(i, other);
      if (isAllowed(string, blank, allowed)) share += Math.exp(around.logWith(i, other) - around.own);
    });
    const state = 2 * i + 1;
    return { label, start: path.indexOf(state), end: path.lastIndexOf(state) + 1, probability: 1 / (1 + share) };
  });
}

/**
 * The probability of strings that differ from one in a label. What comes before the label and what comes behind it is summed once
 * (the forward and backward sums of CTC), so that another label costs one walk along the frames.
 */
class Around {
  /** ln of the probability of the string itself. */
  readonly own: number;
  readonly #rows: readonly Float64Array[];
  readonly #symbols: readonly number[];
  readonly #blank: number;
  /**
   * By frame and state (2i + 1 for label i, even ones for the blanks around it): ln of the probability of all paths up to the frame
   * that end in the state; and of all from the frame on that begin there, the frame included in both.
   */
  readonly #before: readonly Float64Array[];
  readonly #behind: readonly Float64Array[];

  constructor(rows: readonly Float64Array[], symbols: readonly number[], blank: number) {
    this.#rows = rows;
    this.#symbols = symbols;
    this.#blank = blank;
    const states = statesOf(symbols, blank);
    this.#before = pathSums(rows, states, blank);
    this.#behind = pathSums(rows.toReversed(), states.toReversed(), blank)
      .toReversed()
      .map((row) => row.toReversed());
    this.own = this.#upTo(rows.length - 1, symbols.length, blank);
  }

  /** ln of the probability of the string with another label at a place, or, for the blank, without any there. */
  logWith(i: number, other: number): number {
    const [rows, symbols] = [this.#rows, this.#symbols];
    const isLast = i === symbols.length - 1;
    const frames = rows.length;
    if (other === this.#blank) {
      if (isLast) return this.#upTo(frames - 1, i, this.#blank);
      let total = NONE;
      for (let t = 0; t < frames; t++) {
        total = logAddTwo(total, this.#upTo(t - 1, i, symbols[i + 1]) + this.#behind[t][2 * i + 3]);
      }
      return total;
    }
    let total = NONE;
    // Of all paths that are at the label in a frame.
    let here = NONE;
    for (let t = 0; t < frames; t++) {
      here = logAddTwo(here, this.#upTo(t - 1, i, other)) + rows[t][other];
      let onward = t + 1 < frames ? this.#behind[t + 1][2 * i + 2] : isLast ? 0 : NONE;
      if (t + 1 < frames && !isLast && symbols[i + 1] !== other) {
        onward = logAddTwo(onward, this.#behind[t + 1][2 * i + 3]);
      }
      total = logAddTwo(total, here + onward);
    }
    return total;
  }

  /** ln of the probability of all paths up to a frame that say the first `count` labels, and that `next` may follow. */
  #upTo(t: number, count: number, next: number): number {
    if (t < 0) return count === 0 ? 0 : NONE;
    const before = this.#before[t];
    if (count === 0 || this.#symbols[count - 1] === next) return before[2 * count];
    return logAddTwo(before[2 * count], before[2 * count - 1]);
  }
}

const NONE = Number.NEGATIVE_INFINITY;

function isAllowed(symbols: readonly number[], blank: number, allowed: Automaton): boolean {
  let state = 0;
  for (const label of symbols) {
    state = allowed.next(state, symbolOf(label, blank));
    if (state === DEAD) return false;
  }
  return allowed.remaining(state) === 0;
}

/** The state of each frame: 2i + 1 for label i, even ones for the blanks around it; undefined where no path says the string. */
function bestPath(rows: readonly Float64Array[], symbols: readonly number[], blank: number): number[] | undefined {
  const states = statesOf(symbols, blank);
  // Before the first frame a path may be thought of as being in front of the first state.
  let scores = states.map((_, s) => (s < 2 ? 0 : NONE));
  const came: Int32Array[] = [];
  rows.forEach((row, t) => {
    const from = new Int32Array(states.length);
    const next = states.map((label, s) => {
      from[s] = s;
      let best = scores[s];
      if (t > 0) {
        for (const back of [1, 2]) {
          const mayStep = back === 1 ? s >= 1 : s >= 2 && label !== states[s - 2];
          if (mayStep && scores[s - back] > best) {
            best = scores[s - back];
            from[s] = s - back;
          }
        }
      }
      return best + row[label];
    });
    came.push(from);
    scores = next;
  });
  let state = states.length - 1;
  if (state > 0 && scores[state - 1] > scores[state]) state--;
  if (!(scores[state] > NONE)) return undefined;
  const path: number[] = [];
  for (const from of came.toReversed()) {
    path.push(state);
    state = from[state];
  }
  return path.reverse();
}
