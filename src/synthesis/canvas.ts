/**
 * The picture of a line while it is drawn: column after column, light ink on black, 0 … 255. Characters are moved onto it with
 * interpolation and a slight bend; then come pen, lines, dirt and noise.
 */
import type { Random } from "../engine/random.ts";
import type { Glyphs } from "./glyphs.ts";

/** Where a character goes, see layout.ts. */
export interface Place {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export class Canvas {
  readonly height: number;
  columns = 0;
  #pixels = new Uint8Array(0);
  #before = new Uint8Array(0);
  readonly #bendX: Float64Array;
  readonly #levels = new Uint8Array(256);

  constructor(height: number) {
    this.height = height;
    this.#bendX = new Float64Array(height);
  }

  get pixels(): Uint8Array {
    return this.#pixels;
  }

  /** Begins a line: all black. */
  clear(columns: number): void {
    this.columns = columns;
    const size = columns * this.height;
    if (this.#pixels.length < size) {
      this.#pixels = new Uint8Array(size);
      this.#before = new Uint8Array(size);
    }
    this.#pixels.fill(0, 0, size);
  }

  /** Draws a character; where there is ink already, the darker one stays. @param bend pixels by which it is bent at most */
  character(glyphs: Glyphs, glyph: number, place: Place, bend: number, random: Random): void {
    const { height: H, columns } = this;
    const pixels = this.#pixels;
    const { images, height, width } = glyphs;
    const { a, b, c, d, e, f } = place;
    const determinant = a * d - b * c;
    const [ia, ib, ic, id] = [d / determinant, -b / determinant, -c / determinant, a / determinant];
    const x0 = Math.max(0, Math.floor(place.left - 2));
    const x1 = Math.min(columns - 1, Math.ceil(place.right + 2));
    const y0 = Math.max(0, Math.floor(place.top - 2));
    const y1 = Math.min(H - 1, Math.ceil(place.bottom + 2));
    const [phase, bendY, phaseY] = [random.uniform(), bend * random.between(-1, 1), random.uniform()];
    const bendHere = bend * random.between(-1, 1);
    for (let y = y0; y <= y1; y++) this.#bendX[y] = bendHere * wave(phase + y / 24);
    const from = glyph * height * width;
    for (let x = x0; x <= x1; x++) {
      const dy = bendY * wave(phaseY + x / 24);
      for (let y = y0; y <= y1; y++) {
        const [px, py] = [x - e, y - f];
        const u = ia * px + ib * py + this.#bendX[y];
        const v = ic * px + id * py + dy;
        const u0 = Math.floor(u);
        const v0 = Math.floor(v);
        if (u0 < -1 || v0 < -1 || u0 >= width || v0 >= height) continue;
        const fu = u - u0;
        const fv = v - v0;
        const at = from + v0 * width + u0;
        const isLeft = u0 >= 0;
        const isRight = u0 + 1 < width;
        let value = 0;
        if (v0 >= 0) {
          if (isLeft) value += (1 - fu) * (1 - fv) * images[at];
          if (isRight) value += fu * (1 - fv) * images[at + 1];
        }
        if (v0 + 1 < height) {
          if (isLeft) value += (1 - fu) * fv * images[at + width];
          if (isRight) value += fu * fv * images[at + width + 1];
        }
        const p = x * H + y;
        if (value > pixels[p]) pixels[p] = value;
      }
    }
  }

  /** Leaves nothing behind a column. */
  end(column: number): void {
    this.#pixels.fill(0, column * this.height, this.columns * this.height);
  }

  /** Out of focus. @param weight of each neighbor, 0 … 0.25; all four, one axis after the other */
  blur(weight: number): void {
    if (weight === 0) return;
    const { height: H, columns } = this;
    const pixels = this.#pixels;
    const before = this.#before;
    const size = columns * H;
    const side = Math.round(256 * weight);
    const own = 256 - 2 * side;
    for (let p = 0; p < size; p++) {
      before[p] = (own * pixels[p] + side * ((p >= H ? pixels[p - H] : 0) + (p + H < size ? pixels[p + H] : 0))) >> 8;
    }
    for (let x = 0, p = 0; x < columns; x++) {
      for (let y = 0; y < H; y++, p++) {
        pixels[p] = (own * before[p] + side * ((y > 0 ? before[p - 1] : 0) + (y + 1 < H ? before[p + 1] : 0))) >> 8;
      }
    }
  }

  /**
   * A pen of another width: values are stretched around a level, so that edges move outwards or inwards.
   * @param low what becomes black  @param high what becomes full ink
   * @param ink value of full ink
   */
  pen(low: number, high: number, ink: number): void {
    const pixels = this.#pixels;
    const levels = this.#levels;
    for (let value = 0; value < 256; value++) {
      levels[value] = Math.round(ink * Math.min(1, Math.max(0, (value - low) / (high - low))));
    }
    levels[0] = 0;
    const size = this.columns * this.height;
    for (let p = 0; p < size; p++) pixels[p] = levels[pixels[p]];
  }

  /** A line from one point to another. @param radius half its width */
  line(x0: number, y0: number, x1: number, y1: number, radius: number, ink: number): void {
    const { height: H, columns } = this;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy || 1;
    const reach = radius + 1;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(columns - 1, Math.ceil(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(H - 1, Math.ceil(Math.max(y0, y1) + reach));
    for (let x = left; x <= right; x++) {
      for (let y = top; y <= bottom; y++) {
        const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
        const [ex, ey] = [x - x0 - along * dx, y - y0 - along * dy];
        const value = ink * Math.min(1, Math.max(0, radius + 0.5 - Math.sqrt(ex * ex + ey * ey)));
        const p = x * H + y;
        if (value > this.#pixels[p]) this.#pixels[p] = value;
      }
    }
  }

  /** Noise of paper and pen: ink loses up to `ink` of its value, and `dots` in a thousand pixels of the ground get some. */
  noise(ink: number, dots: number, columns: number, random: Random): void {
    const pixels = this.#pixels;
    const size = columns * this.height;
    // A small generator of its own: one number a pixel of the counter-based one would cost more than all else.
    let state = random.uint32() | 1;
    const limit = (dots / 1000) * 2 ** 32;
    for (let p = 0; p < size; p++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const drawn = state >>> 0;
      if (pixels[p] > 0) pixels[p] = pixels[p] * (1 - (ink * (drawn & 255)) / 255);
      else if (drawn < limit) pixels[p] = 20 + (drawn & 63);
    }
  }
}

/** A wave of height 1 and period 1, of parabolas: no machine computes it otherwise, as they may a sine. */
function wave(at: number): number {
  const t = 2 * (at - Math.floor(at)) - 1;
  return 4 * t * (1 - Math.abs(t));
}
