/**
 * From the frames of a network that was trained with CTC (engine/ops/ctc.ts) to labels: the best path, or the best strings by
 * prefix beam search (Graves & Jaitly, ICML 2014; Hannun et al., arXiv 1408.2873). Plain numbers in and out, no engine needed.
 *
 * A path gives each frame a class. What it says is found in two steps, in this order: runs of a class become one, then blanks
 * are dropped. So "1 blank 1" says 11, and "1 1" says 1.
 */
import { type Frames, logAddTwo, logProbabilityOf, logSoftmaxOf, symbolOf } from "./ctc-frames.ts";
import { ANY, type Automaton, DEAD } from "./fields/automaton.ts";

export interface Decoded {
  /** Classes, without blanks. */
  readonly labels: readonly number[];
  /** 0 … 1. */
  readonly probability: number;
}

/**
 * What the most probable path says. Its `probability` is that of this one path, which others that say the same are not part of:
 * no measure of confidence.
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function greedyDecode(sample: Frames): Decoded {
  const { rows, blank } = logSoftmaxOf(sample);
  const labels: number[] = [];
  let logProbability = 0;
  let before = blank;
  for (const row of rows) {
    const best = row.indexOf(Math.max(...row));
    logProbability += row[best];
    if (best !== before && best !== blank) labels.push(best);
    before = best;
  }
  return { labels, probability: Math.exp(logProbability) };
}

export interface BeamOptions {
  /** How many strings are followed from frame to frame; with `allowed`, as many for each of its states; default 16. */
  readonly width?: number | undefined;
  /** How many strings to give at most; default 1. */
  readonly best?: number | undefined;
  /** Which strings may be the answer, over symbols 0, 1 … for the classes without the blank; default all. */
  readonly allowed?: Automaton | undefined;
}

/** The beginning of a string, by its last label and what is before that. */
interface Prefix {
  readonly before: Prefix | undefined;
  readonly label: number;
  /** Where it has led the automaton of what is allowed. */
  readonly state: number;
  /** Longer ones by one label that have been followed. */
  readonly next: Map<number, Prefix>;
}

/** ln of the probability of all paths so far that say a prefix. */
interface Mass {
  readonly prefix: Prefix;
  /** Of those that end in a blank. Kept apart, since after these the last label may come again. */
  blank: number;
  /** Of those that end in the last label. */
  label: number;
}

const NONE = Number.NEGATIVE_INFINITY;
/** Prefixes that are less probable than the best by a factor of e to this are given up. */
const HOPELESS = 40;
/** Paths of less than this are left out of a sum that is at most 1. */
const NEGLIGIBLE = 1e-14;

/**
 * The most probable strings, the best first; none where no allowed string fits into the frames. The beam finds them; the
 * probability of each is then summed over all of its paths, so it does not depend on the width.
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function beamDecode(sample: Frames, { width = 16, best = 1, allowed = ANY }: BeamOptions = {}): Decoded[] {
  const { rows, blank } = logSoftmaxOf(sample);
  const start: Prefix = { before: undefined, label: blank, state: 0, next: new Map() };
  let beam: Mass[] = [{ prefix: start, blank: 0, label: NONE }];
  rows.forEach((row, t) => {
    const reached = new Reached();
    const left = rows.length - 1 - t;
    for (const { prefix, blank: endsInBlank, label: endsInLabel } of beam) {
      const either = logAddTwo(endsInBlank, endsInLabel);
      if (allowed.remaining(prefix.state) <= left) {
        const stays = reached.at(prefix);
        stays.blank = logAddTwo(stays.blank, either + row[blank]);
        if (prefix.before !== undefined) stays.label = logAddTwo(stays.label, endsInLabel + row[prefix.label]);
      }
      row.forEach((score, label) => {
        if (label === blank || score === NONE) return;
        const state = allowed.next(prefix.state, symbolOf(label, blank));
        if (state === DEAD || allowed.remaining(state) > left) return;
        const again = prefix.before !== undefined && label === prefix.label;
        const grows = reached.behind(prefix, label, state);
        grows.label = logAddTwo(grows.label, (again ? endsInBlank : either) + score);
      });
    }
    beam = reached.best(width);
  });
  return beam
    .filter(({ prefix }) => allowed.remaining(prefix.state) === 0)
    .map(({ prefix }) => labelsOf(prefix))
    .map((labels) => ({ labels, probability: Math.exp(logProbabilityOf(rows, labels, blank)) }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, best);
}

/** The prefixes that a frame leads to. Of new ones only those that are kept become part of the tree of prefixes. */
class Reached {
  readonly #masses = new Map<Prefix, Mass>();

  at(prefix: Prefix): Mass {
    let mass = this.#masses.get(prefix);
    if (mass === undefined) {
      mass = { prefix, blank: NONE, label: NONE };
      this.#masses.set(prefix, mass);
    }
    return mass;
  }

  /** One prefix may be reached from itself and from the one before it: both must meet in the same object. */
  behind(before: Prefix, label: number, state: number): Mass {
    return this.at(before.next.get(label) ?? { before, label, state, next: new Map() });
  }

  /** The best of each state: strings that differ in what may follow do not push each other out. */
  best(width: number): Mass[] {
    const all = [...this.#masses.values()].map((mass) => ({ mass, total: logAddTwo(mass.blank, mass.label) }));
    const best = all.reduce((most, { total }) => Math.max(most, total), NONE);
    const inState = new Map<number, number>();
    const kept = all
      .filter(({ total }) => total > NONE && total >= best - HOPELESS)
      .sort((a, b) => b.total - a.total)
      .filter(({ mass: { prefix } }) => {
        const before = inState.get(prefix.state) ?? 0;
        inState.set(prefix.state, before + 1);
        return before < width;
      })
      .map(({ mass }) => mass);
    for (const { prefix } of kept) prefix.before?.next.set(prefix.label, prefix);
    return kept;
  }
}

/**
 * The probability that an allowed string stands there: of all paths, whatever they say, the share of those that say one. What a
 * string's own probability is divided by where it is known that one of the allowed strings stands there; and a small one says
 * that something else does.
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function allowedProbability(sample: Frames, allowed: Automaton): number {
  const { rows, blank } = logSoftmaxOf(sample);
  if (rows.length === 0) return allowed.remaining(0) === 0 ? 1 : 0;
  const classes = rows[0].length;
  // The probability of all paths so far by the state that they have led to and the class of their last frame.
  let masses = new Map<number, number>([[blank, 1]]);
  rows.forEach((row, t) => {
    const left = rows.length - 1 - t;
    const probabilities = row.map(Math.exp);
    const after = new Map<number, number>();
    for (const [key, mass] of masses) {
      if (mass < NEGLIGIBLE) continue;
      const [state, last] = [Math.floor(key / classes), key % classes];
      probabilities.forEach((probability, label) => {
        const stays = label === blank || label === last;
        const onward = stays ? state : allowed.next(state, symbolOf(label, blank));
        if (onward === DEAD || probability === 0 || allowed.remaining(onward) > left) return;
        const to = onward * classes + label;
        after.set(to, (after.get(to) ?? 0) + mass * probability);
      });
    }
    masses = after;
  });
  let sum = 0;
  for (const [key, mass] of masses) if (allowed.remaining(Math.floor(key / classes)) === 0) sum += mass;
  return Math.min(1, sum);
}

function labelsOf(prefix: Prefix): number[] {
  const labels: number[] = [];
  for (let at = prefix; at.before !== undefined; at = at.before) labels.push(at.label);
  return labels.reverse();
}
