/**
 * When a loss says that training is lost, before it is NaN: a watch that the trainer asks after every step.
 *
 * What is absurd depends on the loss. The measure is the loss before anything was learned: that of the first step, or ln(outputs)
 * where it is a cross-entropy over the outputs and the first step comes from a trained network. So a loss of one's own may
 * be as large as it likes at the beginning. A single bad batch is no disaster: what is compared is a running mean, and a
 * loss that stays {@link ABSURD} times above its beginning is far from everything that training comes back from. One that
 * leaps to many times that is past it at once.
 */

/** Times the loss at the beginning. */
const ABSURD = 1000;
/** Share of the newest step in the running mean: over some fifty steps. */
const NEWEST = 0.02;

export class DivergenceWatch {
  /** A smaller one would make a small loss that becomes an ordinary one look like a disaster. */
  readonly #least: number;
  /** The loss at the beginning; 0 before the first step. */
  #reference = 0;
  #mean = 0;

  /** @param untrained what the loss is before anything is learned, where that is known */
  constructor(untrained = 1) {
    this.#least = Math.max(1, untrained);
  }

  /** Takes a loss as that of the beginning, where it was in another process. */
  beganWith(loss: number): void {
    this.#reference = Math.max(this.#least, Math.abs(loss));
    this.#mean = loss;
  }

  /** Takes the loss of a step. @returns what is wrong with it, as a part of a sentence */
  problem(loss: number): string | undefined {
    if (!Number.isFinite(loss)) return `loss became ${loss}`;
    if (this.#reference === 0) this.beganWith(loss);
    this.#mean += NEWEST * (loss - this.#mean);
    if (this.#mean <= ABSURD * this.#reference) return undefined;
    return `loss rose to ${short(loss)}, from ${short(this.#reference)} at the beginning,`;
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
