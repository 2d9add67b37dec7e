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
  const prefixes = new Prefixes(sample.classes, blank);
  let beam: Mass[] = [{ prefix: 0, blank: 0, label: NONE }];
  for (const [t, row] of rows.entries()) beam = step(prefixes, beam, row, rows.length - 1 - t, width, allowed);
  return beam
    .filter(({ prefix }) => allowed.remaining(prefixes.state[prefix]) === 0)
    .map(({ prefix }) => prefixes.labels(prefix))
    .map((labels) => ({ labels, probability: Math.exp(logProbabilityOf(rows, labels, blank)) }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, best);
}

/** ln of the probability of all paths so far that say a prefix. */
interface Mass {
  /** Its number. */
  readonly prefix: number;
  /** Of those that end in a blank. Kept apart, since after these the last label may come again. */
  readonly blank: number;
  /** Of those that end in the last label. */
  readonly label: number;
}

/** The beginnings of strings that have been followed, by number: a tree; 0 is the empty one. */
class Prefixes {
  readonly #classes: number;
  /** The last label of each; of the empty one the blank. */
  readonly label: number[];
  /** The one without the last label; −1 of the empty one. */
  readonly before = [-1];
  /** Where each has led the automaton of what is allowed. */
  readonly state = [0];
  /** Where each stands in the beam; −1: not in it. */
  readonly place = [-1];
  /** Longer ones by one label, by number and label. */
  readonly #longer = new Map<number, number>();

  constructor(classes: number, blank: number) {
    this.#classes = classes;
    this.label = [blank];
  }

  /** The number of a prefix that is longer by a label; the same whenever it is asked for. */
  longer(prefix: number, label: number, state: number): number {
    const key = prefix * this.#classes + label;
    let number = this.#longer.get(key);
    if (number === undefined) {
      number = this.label.length;
      this.#longer.set(key, number);
      this.label.push(label);
      this.before.push(prefix);
      this.state.push(state);
      this.place.push(-1);
    }
    return number;
  }

  labels(prefix: number): number[] {
    const labels: number[] = [];
    for (let at = prefix; at !== 0; at = this.before[at]) labels.push(this.label[at]);
    return labels.reverse();
  }
}

/**
 * The beam after one more frame. Nothing is made of what does not come into it: most of what may follow is hopeless.
 * @param row log-probabilities of the frame  @param left frames that follow it
 */
function step(
  prefixes: Prefixes,
  beam: readonly Mass[],
  row: Float64Array,
  left: number,
  width: number,
  allowed: Automaton,
): Mass[] {
  const { before, label: labels, state: states, place } = prefixes;
  const [blank, classes] = [labels[0], row.length];
  const kept = new Kept(width);
  for (let at = 0; at < beam.length; at++) place[beam[at].prefix] = at;
  const either = beam.map((mass) => logAddTwo(mass.blank, mass.label));
  /** Which of the longer ones are in the beam themselves: what comes to them from the shorter one is added to what they have. */
  const isInBeam = new Uint8Array(beam.length * classes);
  for (let at = 0; at < beam.length; at++) {
    const { prefix, label } = beam[at];
    const last = labels[prefix];
    let endsInLabel = prefix === 0 ? NONE : label + row[last];
    const from = prefix === 0 ? -1 : place[before[prefix]];
    if (from >= 0) {
      isInBeam[from * classes + last] = 1;
      const grows = last === labels[beam[from].prefix] ? beam[from].blank : either[from];
      endsInLabel = logAddTwo(endsInLabel, grows + row[last]);
    }
    const endsInBlank = either[at] + row[blank];
    const state = states[prefix];
    if (allowed.remaining(state) > left) continue;
    kept.offer(state, logAddTwo(endsInBlank, endsInLabel), prefix, blank, endsInBlank, endsInLabel);
  }
  for (let at = 0; at < beam.length; at++) {
    const { prefix, blank: endsInBlank } = beam[at];
    for (let label = 0; label < classes; label++) {
      if (label === blank || isInBeam[at * classes + label] === 1) continue;
      // After the same label there is a new one only behind a blank.
      const score = (label === labels[prefix] ? endsInBlank : either[at]) + row[label];
      if (!kept.hasHope(score)) continue;
      const state = allowed.next(states[prefix], symbolOf(label, blank));
      if (state === DEAD || allowed.remaining(state) > left) continue;
      kept.offer(state, score, prefix, label, NONE, score);
    }
  }
  for (const { prefix } of beam) place[prefix] = -1;
  return kept.masses((from, label, state) => (label === blank ? from : prefixes.longer(from, label, state)));
}

/**
 * The best of each state, which are as many as the beam is wide: strings that differ in what may follow do not push each other out.
 * Each is told by the prefix that it comes from and the label that it is longer by; the blank: it is that prefix.
 */
class Kept {
  readonly #width: number;
  readonly #total: number[] = [];
  readonly #from: number[] = [];
  readonly #longerBy: number[] = [];
  readonly #blank: number[] = [];
  readonly #label: number[] = [];
  /** Of each state those that are kept, by number; the least probable first where there are as many as there may be. */
  readonly #inState = new Map<number, number[]>();
  #state = DEAD;
  #list: number[] = [];
  #best = NONE;

  constructor(width: number) {
    this.#width = width;
  }

  hasHope(total: number): boolean {
    return total > NONE && total >= this.#best - HOPELESS;
  }

  offer(state: number, total: number, from: number, longerBy: number, blank: number, label: number): void {
    if (!this.hasHope(total)) return;
    if (total > this.#best) this.#best = total;
    // What follows one prefix often leads to one state.
    if (state !== this.#state) {
      this.#state = state;
      this.#list = this.#inState.get(state) ?? [];
      if (this.#list.length === 0) this.#inState.set(state, this.#list);
    }
    const list = this.#list;
    const isFull = list.length === this.#width;
    if (isFull && total <= this.#total[list[0]]) return;
    const at = isFull ? list[0] : this.#total.length;
    if (!isFull) list.push(at);
    this.#total[at] = total;
    this.#from[at] = from;
    this.#longerBy[at] = longerBy;
    this.#blank[at] = blank;
    this.#label[at] = label;
    if (list.length === this.#width) this.#leastFirst(list);
  }

  #leastFirst(list: number[]): void {
    let least = 0;
    for (let k = 1; k < list.length; k++) if (this.#total[list[k]] < this.#total[list[least]]) least = k;
    const first = list[0];
    list[0] = list[least];
    list[least] = first;
  }

  /** @param prefixOf the number of a prefix that is longer by a label */
  masses(prefixOf: (from: number, longerBy: number, state: number) => number): Mass[] {
    const masses: Mass[] = [];
    for (const [state, list] of this.#inState) {
      for (const at of list) {
        if (!this.hasHope(this.#total[at])) continue;
        const prefix = prefixOf(this.#from[at], this.#longerBy[at], state);
        masses.push({ prefix, blank: this.#blank[at], label: this.#label[at] });
      }
    }
    return masses;
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
  const { classes } = sample;
  // The probability of all paths so far by the state that they have led to, and the class of their last frame.
  const start = Float64Array.from({ length: classes }, (_, label) => (label === blank ? 1 : 0));
  let masses = new Map<number, Float64Array>([[0, start]]);
  for (const [t, row] of rows.entries()) {
    const left = rows.length - 1 - t;
    const probabilities = row.map(Math.exp);
    const after = new Map<number, Float64Array>();
    const into = (state: number): Float64Array | undefined => {
      if (state === DEAD || allowed.remaining(state) > left) return undefined;
      const found = after.get(state) ?? new Float64Array(classes);
      after.set(state, found);
      return found;
    };
    for (const [state, byLabel] of masses) {
      let all = 0;
      for (const mass of byLabel) all += mass;
      if (all < NEGLIGIBLE) continue;
      const same = into(state);
      if (same !== undefined) {
        for (let label = 0; label < classes; label++) {
          same[label] += (label === blank ? all : byLabel[label]) * probabilities[label];
        }
      }
      // Of those that end in another label; a sum of what stands before it and behind it, as differences would lose digits.
      let others = 0;
      const behind = new Float64Array(classes + 1);
      for (let label = classes - 1; label >= 0; label--) behind[label] = behind[label + 1] + byLabel[label];
      for (let label = 0; label < classes; label++) {
        const mass = (others + behind[label + 1]) * probabilities[label];
        others += byLabel[label];
        if (label === blank || mass === 0) continue;
        const onward = into(allowed.next(state, symbolOf(label, blank)));
        if (onward !== undefined) onward[label] += mass;
      }
    }
    masses = after;
  }
  let sum = 0;
  for (const [state, byLabel] of masses) {
    if (allowed.remaining(state) === 0) for (const mass of byLabel) sum += mass;
  }
  return Math.min(1, sum);
}
