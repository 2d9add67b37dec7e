/**
 * Where the characters of a string stand: one slant, size and baseline for all with a little of each one's own, and the distance
 * between any two, from wide to overlapping, measured where their ink comes closest.
 */
import type { Random } from "../engine/random.ts";
import { type Content, MOST } from "./content.ts";
import { NO_INK } from "./glyphs.ts";

/** How far characters stand apart, in pixels of a string of size 1: their ink where it comes closest. */
export interface Spacing {
  readonly low: number;
  readonly high: number;
  /** What differs from one pair to the next. */
  readonly jitter: number;
}

/** Rows in which the outlines of characters are compared, around the middle of the line. */
const ROWS = 64;
const MIDDLE = ROWS / 2;
/** Ink this narrow is not squeezed more. */
const NARROWEST = 0.84;
/** Neighbors are at least so far apart in a string of size 1, … */
const LEAST_PITCH = 6;
/** … and in the line: two frames of a reader are four pixels, so a doubled character always has the frame between that it needs. */
const LEAST_STEP = 4.2;

/** Places of the characters of one string, in arrays that are used for one after the other. */
export class Layout {
  /** By character: what takes a pixel of its picture to one of the line, x = a·u + b·v + e, y = c·u + d·v + f. */
  readonly a = new Float64Array(MOST);
  readonly b = new Float64Array(MOST);
  readonly c = new Float64Array(MOST);
  readonly d = new Float64Array(MOST);
  readonly e = new Float64Array(MOST);
  readonly f = new Float64Array(MOST);
  /** The box of each one's ink. */
  readonly left = new Float64Array(MOST);
  readonly right = new Float64Array(MOST);
  readonly top = new Float64Array(MOST);
  readonly bottom = new Float64Array(MOST);
  /** Where the ink of all ends. */
  end = 0;
  readonly #first = new Float64Array(MOST * ROWS);
  readonly #last = new Float64Array(MOST * ROWS);
  readonly #gap = new Float64Array(MOST);
  readonly #touch = new Float64Array(MOST);

  /**
   * @param room pixels from the first ink to the last; what does not fit is moved together, then squeezed, then left out
   * @param height of the ink of all, in pixels; the middle of it comes to lie at `middle`
   * @param begin where the ink begins
   */
  place(
    content: Content,
    spacing: Spacing,
    { room, height, middle, begin }: { room: number; height: number; middle: number; begin: number },
    random: Random,
  ): void {
    const slant = 0.14 * random.normal();
    const wide = random.between(0.88, 1.18);
    const rise = random.between(-0.04, 0.04);
    const looseness = random.uniform();
    const apart = random.between(spacing.low, spacing.high);
    let top = Number.POSITIVE_INFINITY;
    let bottom = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < content.count; k++) {
      this.#shape(content, k, slant, wide, looseness, random);
      this.#gap[k] = apart + spacing.jitter * random.normal();
      const fromFirst = rise * 15 * k;
      this.f[k] += fromFirst;
      this.#outline(content, k);
      top = Math.min(top, this.top[k]);
      bottom = Math.max(bottom, this.bottom[k]);
    }
    if (content.count === 0) return;
    // Signs alone are not as high as digits are.
    const zoom = Math.min(1.5, height / Math.max(1, bottom - top + 1));
    for (let k = 1; k < content.count; k++) this.#touch[k] = this.#distance(k);
    this.#fit(content, room / zoom, Math.max(LEAST_PITCH, LEAST_STEP / (zoom * NARROWEST)));
    this.#settle(content, zoom, begin, middle - (zoom * (top + bottom)) / 2);
  }

  /** The form of a character, its ink around (0, 0). */
  #shape(content: Content, k: number, slant: number, wide: number, looseness: number, random: Random): void {
    const glyphs = content.from[k];
    const glyph = content.glyph[k];
    const size = glyphs.scale * (1 + 0.09 * looseness * random.normal());
    const lean = slant + 0.05 * random.normal();
    const turn = 0.05 * random.normal();
    const stretch = wide * (1 + 0.06 * random.normal());
    // Turned a little, then leaning: no sine is needed for angles as small as these.
    const [a, b, c, d] = [size * stretch, -size * (turn * stretch + lean), size * turn, size];
    this.a[k] = a;
    this.b[k] = b;
    this.c[k] = c;
    this.d[k] = d;
    const [u, v] = [glyphs.middleX[glyph], glyphs.middleY[glyph]];
    this.e[k] = -(a * u + b * v);
    const own = content.isSign[k] === 1 ? 0.7 : 1.6 * looseness + 0.3;
    this.f[k] = -(c * u + d * v) + own * random.normal();
  }

  /** First and last column with ink of every row of the line, and the box of all. */
  #outline(content: Content, k: number): void {
    const { left, right, height } = content.from[k];
    const at = k * ROWS;
    this.#first.fill(Number.POSITIVE_INFINITY, at, at + ROWS);
    this.#last.fill(Number.NEGATIVE_INFINITY, at, at + ROWS);
    let [low, high, upper, lower] = [
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ];
    const from = content.glyph[k] * height;
    const [a, b, c, d, e, f] = [this.a[k], this.b[k], this.c[k], this.d[k], this.e[k], this.f[k]];
    for (let v = 0; v < height; v++) {
      if (left[from + v] === NO_INK) continue;
      for (let side = 0; side < 2; side++) {
        const u = side === 0 ? left[from + v] : right[from + v];
        const x = a * u + b * v + e;
        const y = c * u + d * v + f;
        if (x < low) low = x;
        if (x > high) high = x;
        if (y < upper) upper = y;
        if (y > lower) lower = y;
        const row = Math.floor(y) + MIDDLE;
        // A row of the picture may be more than one of the line.
        for (let r = Math.max(0, row); r <= Math.min(ROWS - 1, row + 1); r++) {
          if (x < this.#first[at + r]) this.#first[at + r] = x;
          if (x > this.#last[at + r]) this.#last[at + r] = x;
        }
      }
    }
    this.left[k] = low;
    this.right[k] = high;
    this.top[k] = upper;
    this.bottom[k] = lower;
  }

  /** How far the origin of a character must be from that of the one before it, for their ink to meet. */
  #distance(k: number): number {
    const [before, at] = [(k - 1) * ROWS, k * ROWS];
    let nearest = Number.NEGATIVE_INFINITY;
    for (let r = 0; r < ROWS; r++) nearest = Math.max(nearest, this.#last[before + r] - this.#first[at + r]);
    // What shares no row, such as a point and a minus, stands beside each other all the same.
    const boxes = this.right[k - 1] - this.left[k];
    const least = 0.55 * boxes;
    return Math.max(nearest === Number.NEGATIVE_INFINITY ? boxes : nearest + 1, least);
  }

  /** Moves characters together, squeezes them, or leaves the last ones out, until they have room. */
  #fit(content: Content, room: number, least: number): void {
    for (;;) {
      const last = content.count - 1;
      let [fixed, loose] = [this.right[last] - this.left[0], 0];
      for (let k = 1; k <= last; k++) {
        const pitch = Math.max(least, this.#touch[k] + Math.min(0, this.#gap[k]));
        const extra = Math.max(0, this.#touch[k] + this.#gap[k] - pitch);
        fixed += pitch;
        loose += extra;
      }
      const share = loose === 0 ? 0 : Math.min(1, Math.max(0, (room - fixed) / loose));
      const squeeze = Math.min(1, room / fixed);
      if (squeeze < NARROWEST && content.count > 1) {
        content.dropLast();
        continue;
      }
      let x = -this.left[0] * squeeze;
      for (let k = 0; k <= last; k++) {
        if (k > 0) {
          const pitch = Math.max(least, this.#touch[k] + Math.min(0, this.#gap[k]));
          const extra = Math.max(0, this.#touch[k] + this.#gap[k] - pitch);
          x += squeeze * (pitch + share * extra);
        }
        this.a[k] *= squeeze;
        this.b[k] *= squeeze;
        this.e[k] = this.e[k] * squeeze + x;
        this.left[k] = this.left[k] * squeeze + x;
        this.right[k] = this.right[k] * squeeze + x;
      }
      return;
    }
  }

  /** To the size and the place that the line has in its picture. */
  #settle(content: Content, zoom: number, begin: number, middle: number): void {
    this.end = 0;
    for (let k = 0; k < content.count; k++) {
      this.a[k] *= zoom;
      this.b[k] *= zoom;
      this.c[k] *= zoom;
      this.d[k] *= zoom;
      this.e[k] = zoom * this.e[k] + begin;
      this.f[k] = zoom * this.f[k] + middle;
      this.left[k] = zoom * this.left[k] + begin;
      this.right[k] = zoom * this.right[k] + begin;
      this.top[k] = zoom * this.top[k] + middle;
      this.bottom[k] = zoom * this.bottom[k] + middle;
      this.end = Math.max(this.end, this.right[k]);
    }
  }
}
