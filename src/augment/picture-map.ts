/**
 * Where each pixel of a moved picture comes from: a projective map, and on top of it a field of displacements. All
 * augmentations that move a picture are multiplied into one map first, so that the picture is sampled, and blurred by
 * that, only once. Coordinates are pixels from the center of the picture, x to the right and y downwards.
 */
import { RECORD, WAYS } from "./picture-record.ts";
import type { Field, Workspace } from "./workspace.ts";

/** A pixel shows in what is sampled less than one pixel beside it; positions are rounded. */
const NEIGHBORS = 1.01;
/** Further than any picture is large. */
const EVERYWHERE = 2 ** 20;
/** Less than this, a map makes a line of a picture. */
const LEAST_DETERMINANT = 1e-6;

export class PictureMap {
  readonly #workspace: Workspace;
  /** Row by row; takes a position in the moved picture to one in the original. */
  readonly #matrix = new Float64Array(9);
  #isProjective = false;
  /** Addresses from which displacements are read; 0: there are none. */
  #fieldX = 0;
  #fieldY = 0;
  #strength = 0;
  /** Pixels that displacements move by at most. */
  #reach = 0;
  #isIdentity = true;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.reset();
  }

  /** Back to the map that leaves every pixel where it is. */
  reset(): void {
    for (let i = 0; i < 9; i++) this.#matrix[i] = i % 4 === 0 ? 1 : 0;
    this.#isProjective = false;
    this.#fieldX = 0;
    this.#reach = 0;
    this.#isIdentity = true;
  }

  /** Moves the picture on, by a map that is given backwards: x = a·x′ + b·y′ + c, y = d·x′ + e·y′ + f. */
  affine(a: number, b: number, c: number, d: number, e: number, f: number): void {
    const m = this.#matrix;
    // The third row is (0, 0, 1) as long as nothing was projective.
    const end = this.#isProjective ? 9 : 6;
    for (let row = 0; row < end; row += 3) {
      const x = m[row];
      const y = m[row + 1];
      m[row] = x * a + y * d;
      m[row + 1] = x * b + y * e;
      m[row + 2] += x * c + y * f;
    }
    this.#isIdentity = false;
  }

  /** As {@link affine}, with both divided by g·x′ + h·y′ + i; `by` is row by row. */
  projective(by: readonly number[]): void {
    const m = this.#matrix;
    for (let row = 0; row < 9; row += 3) {
      const x = m[row];
      const y = m[row + 1];
      const w = m[row + 2];
      for (let k = 0; k < 3; k++) m[row + k] = x * by[k] + y * by[3 + k] + w * by[6 + k];
    }
    this.#isProjective = true;
    this.#isIdentity = false;
  }

  /** Adds `strength` times two fields, each read from a place on its torus on, to the positions in the original. */
  displace([x, y]: readonly [Field, Field], placeX: number, placeY: number, strength: number): void {
    this.#fieldX = addressIn(x, placeX);
    this.#fieldY = addressIn(y, placeY);
    this.#strength = strength;
    this.#reach = strength * Math.max(x.most, y.most);
    this.#isIdentity = false;
  }

  /** Writes what this map is into the record of picture `index`; values between pixels will be interpolated linearly. */
  record(index: number): void {
    const { records, words, recordWords } = this.#workspace;
    const at = index * recordWords;
    words[at + RECORD.way] = this.#way;
    if (this.#isIdentity) return;
    // A loop: for nine numbers, a call of set() takes longer than all else in here.
    for (let i = 0; i < 9; i++) records[at + RECORD.matrix + i] = this.#matrix[i];
    if (!this.#isProjective) this.#recordInverse(at);
    if (this.#fieldX === 0) return;
    records[at + RECORD.strength] = this.#strength;
    words[at + RECORD.fieldX] = this.#fieldX;
    words[at + RECORD.fieldY] = this.#fieldY;
  }

  /** Where the ink of the original comes to lie is found by the inverse; where there is none, it may be everywhere. */
  #recordInverse(at: number): void {
    const { records } = this.#workspace;
    const [a, b, c, d, e, f] = this.#matrix;
    const det = a * e - b * d;
    const hasInverse = Math.abs(det) > LEAST_DETERMINANT;
    const to = at + RECORD.inverse;
    const scale = hasInverse ? 1 / det : 0;
    records[to] = hasInverse ? e * scale : 1;
    records[to + 1] = -b * scale;
    records[to + 2] = (b * f - c * e) * scale;
    records[to + 3] = -d * scale;
    records[to + 4] = hasInverse ? a * scale : 1;
    records[to + 5] = (c * d - a * f) * scale;
    records[at + RECORD.reach] = hasInverse ? NEIGHBORS + this.#reach : EVERYWHERE;
  }

  get #way(): number {
    if (this.#isIdentity) return WAYS.copy;
    if (this.#isProjective) return this.#fieldX === 0 ? WAYS.projective : WAYS.projectiveField;
    return this.#fieldX === 0 ? WAYS.affine : WAYS.affineField;
  }
}

/** Of place 0 … side², on the torus. */
function addressIn({ side, stride, address }: Field, place: number): number {
  return address + 4 * (Math.floor(place / side) * stride + (place % side));
}
