/**
 * From the frames of a network that was trained with CTC (engine/ops/ctc.ts) to labels: the best path, or the best strings by
 * prefix beam search (Graves & Jaitly, ICML 2014; Hannun et al., arXiv 1408.2873). Plain numbers in and out, no engine needed.
 *
 * A path gives each frame a class. What it says is found in two steps, in this order: runs of a class become one, then blanks
 * are dropped. So "1 blank 1" says 11, and "1 1" says 1.
 */
import { ShapeError } from "../../engine/errors.ts";
import { ctcOp, logAdd } from "../../engine/ops/ctc.ts";

/** Scores of one sample. */
export interface Frames {
  /** Logits or log-probabilities, frame by frame: [frames, classes]. */
  readonly scores: ArrayLike<number>;
  /** The blank among them. */
  readonly classes: number;
  /** How many frames count; default all. */
  readonly frames?: number | undefined;
  /** Class that stands for no label; default 0. */
  readonly blank?: number | undefined;
}

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
  /** How many strings are followed from frame to frame; default 16. */
  readonly width?: number | undefined;
  /** How many strings to give at most; default 1. */
  readonly best?: number | undefined;
}

/** The beginning of a string, by its last label and what is before that. */
interface Prefix {
  readonly before: Prefix | undefined;
  readonly label: number;
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

/**
 * The most probable strings, the best first. The beam finds them; the probability of each is then summed over all of its paths,
 * so it does not depend on the width.
 * @throws ShapeError when scores are no whole number of frames, or the blank is no class
 */
export function beamDecode(sample: Frames, { width = 16, best = 1 }: BeamOptions = {}): Decoded[] {
  const { rows, blank } = logSoftmaxOf(sample);
  let beam: Mass[] = [{ prefix: { before: undefined, label: blank, next: new Map() }, blank: 0, label: NONE }];
  for (const row of rows) {
    const reached = new Reached();
    for (const { prefix, blank: endsInBlank, label: endsInLabel } of beam) {
      const either = logAdd(endsInBlank, endsInLabel);
      const stays = reached.at(prefix);
      stays.blank = logAdd(stays.blank, either + row[blank]);
      if (prefix.before !== undefined) stays.label = logAdd(stays.label, endsInLabel + row[prefix.label]);
      row.forEach((score, label) => {
        if (label === blank || score === NONE) return;
        const again = prefix.before !== undefined && label === prefix.label;
        const grows = reached.behind(prefix, label);
        grows.label = logAdd(grows.label, (again ? endsInBlank : either) + score);
      });
    }
    beam = reached.best(width);
  }
  return beam
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
  behind(before: Prefix, label: number): Mass {
    return this.at(before.next.get(label) ?? { before, label, next: new Map() });
  }

  best(width: number): Mass[] {
    const total = ({ blank, label }: Mass): number => logAdd(blank, label);
    const possible = [...this.#masses.values()].filter((mass) => total(mass) > NONE);
    const kept = possible.sort((a, b) => total(b) - total(a)).slice(0, width);
    for (const { prefix } of kept) prefix.before?.next.set(prefix.label, prefix);
    return kept;
  }
}

function labelsOf(prefix: Prefix): number[] {
  const labels: number[] = [];
  for (let at = prefix; at.before !== undefined; at = at.before) labels.push(at.label);
  return labels.reverse();
}

/** ln of the probability of all paths that say a string. */
function logProbabilityOf(rows: readonly Float64Array[], labels: readonly number[], blank: number): number {
  const classes = rows[0]?.length ?? blank + 1;
  const scores = new Float64Array(rows.length * classes);
  rows.forEach((row, t) => {
    scores.set(row, t * classes);
  });
  const loss = new Float64Array(1);
  ctcOp.reference(
    [
      { shape: [1, rows.length, classes], data: scores },
      { shape: [1, rows.length, 1], data: new Float64Array(rows.length) }, // they are log-probabilities already
      { shape: [1, labels.length], data: Int32Array.from(labels) },
      { shape: [1], data: Int32Array.of(rows.length) },
      { shape: [1], data: Int32Array.of(labels.length) },
    ],
    { shape: [1], data: loss },
    { blank, zeroInfinity: false },
  );
  return -loss[0];
}

/** Log-probabilities of each frame that counts. */
function logSoftmaxOf({ scores, classes, frames, blank = 0 }: Frames): { rows: Float64Array[]; blank: number } {
  if (!Number.isInteger(scores.length / classes)) {
    throw new ShapeError(`ctcDecode: ${scores.length} scores are no whole number of frames of ${classes} classes`);
  }
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new ShapeError(`ctcDecode: blank is ${blank} but the classes are 0 … ${classes - 1}`);
  }
  const count = Math.max(0, Math.min(frames ?? Number.POSITIVE_INFINITY, scores.length / classes));
  const rows = Array.from({ length: count }, (_, t) => {
    const row = Float64Array.from({ length: classes }, (_, c) => scores[t * classes + c]);
    const sum = logAdd(...row);
    return row.map((score) => score - sum);
  });
  return { rows, blank };
}
