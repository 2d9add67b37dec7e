/**
 * Where the characters of a string stand, and how sure each of them is: of all paths that say the string, the most probable one
 * (Viterbi), and of all strings that differ from it in one character, how probable they are.
 */
import { type Frames, logProbabilityOf, logSoftmaxOf, symbolOf } from "./ctc-frames.ts";
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
  const logOf = (string: readonly number[]): number => {
    return isAllowed(string, blank, allowed) ? logProbabilityOf(rows, string, blank) : Number.NEGATIVE_INFINITY;
  };
  const own = logProbabilityOf(rows, symbols, blank);
  return symbols.map((label, i) => {
    const others = [symbols.toSpliced(i, 1)];
    rows[0].forEach((_, other) => {
      if (other !== blank && other !== label) others.push(symbols.with(i, other));
    });
    const share = others.reduce((sum, string) => sum + Math.exp(logOf(string) - own), 0);
    const state = 2 * i + 1;
    return { label, start: path.indexOf(state), end: path.lastIndexOf(state) + 1, probability: 1 / (1 + share) };
  });
}

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
  const states = [blank, ...symbols.flatMap((label) => [label, blank])];
  const NONE = Number.NEGATIVE_INFINITY;
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
