/**
 * Points of a page that look alike from wherever it is photographed: corners (Harris and Stephens 1988) at several sizes, each turned
 * upright by where its ink lies, described by 256 comparisons of brightness around it (Rublee et al., ORB, ICCV 2011).
 */
import { type Gray, meansAround, shrinkToGray } from "./gray.ts";

/** Points, by number. */
export interface Features {
  readonly count: number;
  /** Where they are, in pixels of the picture. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Eight words of 32 comparisons for each. */
  readonly words: Uint32Array;
}

const WORDS = 8;
/** Each size is this part of the last; there are so many. */
const STEP = 0.8;
const SIZES = 5;
/** Corners are the strongest of squares of so many pixels; each has so many at most. */
const SQUARE = 24;
const IN_SQUARE = 2;
/** A corner is described by what lies within so many pixels. */
const RADIUS = 15;
/** Descriptions are turned in so many steps. */
const TURNS = 30;
/** Harris's constant, and the least response of a corner, for means of products of differences of brightness. */
const HARRIS = 0.05;
const LEAST_RESPONSE = 2000;

/** Places that are compared, for every turn: x and y of the first, x and y of the second. */
const PATTERNS = patterns();

function patterns(): Int8Array[] {
  let seed = 20110711;
  // The mean of three even numbers is nearly normal; any fixed sequence will do.
  const random = (): number => {
    let sum = 0;
    for (let k = 0; k < 3; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      sum += seed / 2 ** 31 - 1;
    }
    return (sum / 3) * 1.6;
  };
  const upright = Array.from({ length: WORDS * 32 * 4 }, () => Math.max(-0.7, Math.min(0.7, random())) * (RADIUS - 1));
  return Array.from({ length: TURNS }, (_, turn) => {
    const [cos, sin] = [Math.cos((2 * Math.PI * turn) / TURNS), Math.sin((2 * Math.PI * turn) / TURNS)];
    const out = new Int8Array(upright.length);
    for (let k = 0; k < upright.length; k += 2) {
      out[k] = Math.round(cos * upright[k] - sin * upright[k + 1]);
      out[k + 1] = Math.round(sin * upright[k] + cos * upright[k + 1]);
    }
    return out;
  });
}

/** The features of a picture, which is best the darkness of a page's ink. */
export function featuresOf(picture: Gray): Features {
  const x: number[] = [];
  const y: number[] = [];
  const words: number[] = [];
  for (let size = 0; size < SIZES; size++) {
    const scale = STEP ** size;
    const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
    if (Math.min(width, height) < 4 * RADIUS) break;
    const gray =
      size === 0 ? picture : { data: shrinkToGray({ ...picture, channels: 1 }, width, height), width, height };
    const smooth = new Uint8Array(meansAround(gray.data, width, height, 2));
    for (const at of cornersOf(gray)) {
      const [u, v] = [at % width, Math.floor(at / width)];
      describe(smooth, width, at, directionOf(smooth, width, at), words);
      x.push(((u + 0.5) * picture.width) / width);
      y.push(((v + 0.5) * picture.height) / height);
    }
  }
  return { count: x.length, x: Float32Array.from(x), y: Float32Array.from(y), words: Uint32Array.from(words) };
}

/** The strongest corners of each square, as places in the picture. */
function cornersOf({ data, width, height }: Gray): number[] {
  const response = harris(data, width, height);
  const corners: number[] = [];
  const margin = RADIUS + 1;
  for (let top = margin; top < height - margin; top += SQUARE) {
    for (let left = margin; left < width - margin; left += SQUARE) {
      const found: number[] = [];
      for (let y = top; y < Math.min(height - margin, top + SQUARE); y++) {
        for (let x = left, i = y * width + left; x < Math.min(width - margin, left + SQUARE); x++, i++) {
          const value = response[i];
          if (value < LEAST_RESPONSE) continue;
          if (value < response[i - 1] || value < response[i + 1] || value < response[i - width]) continue;
          if (value < response[i + width] || value <= response[i - width - 1] || value <= response[i - width + 1])
            continue;
          found.push(i);
        }
      }
      found.sort((a, b) => response[b] - response[a]);
      corners.push(...found.slice(0, IN_SQUARE));
    }
  }
  return corners;
}

/** Corners are looked for in the sums over squares of so many pixels to each side. */
const REACH = 2;
const IN_SUM = (2 * REACH + 1) ** 2;

/**
 * Harris's measure of each pixel: of the sums of products of differences, the determinant less a part of the squared trace, by the
 * trace. Sums of columns move down row by row, and sums of squares along them; where next to nothing differs it is 0.
 */
function harris(data: Uint8Array, width: number, height: number): Float32Array {
  const out = new Float32Array(data.length);
  // Whole numbers below 2³¹: five products of up to 255².
  const [xx, yy, xy] = [new Int32Array(width), new Int32Array(width), new Int32Array(width)];
  const addRow = (y: number, sign: number): void => {
    if (y < 1 || y >= height - 1) return;
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      const across = data[i + 1] - data[i - 1];
      const down = data[i + width] - data[i - width];
      xx[x] += sign * across * across;
      yy[x] += sign * down * down;
      xy[x] += sign * across * down;
    }
  };
  for (let y = -REACH; y < height; y++) {
    addRow(y + REACH, 1);
    addRow(y - REACH - 1, -1);
    if (y < REACH || y >= height - REACH) continue;
    let [a, b, c] = [0, 0, 0];
    for (let x = 0; x < 2 * REACH; x++) {
      a += xx[x];
      b += yy[x];
      c += xy[x];
    }
    for (let x = REACH, i = y * width + REACH; x < width - REACH; x++, i++) {
      a += xx[x + REACH];
      b += yy[x + REACH];
      c += xy[x + REACH];
      const trace = a + b;
      if (trace > LEAST_RESPONSE * IN_SUM) {
        out[i] = ((a * b - c * c) / trace - HARRIS * trace) / IN_SUM;
      }
      a -= xx[x - REACH];
      b -= yy[x - REACH];
      c -= xy[x - REACH];
    }
  }
  return out;
}

/** In which direction, from the corner, the darker part of its surroundings lies: a turn from 0 to TURNS - 1. */
function directionOf(data: Uint8Array, width: number, at: number): number {
  let [across, down] = [0, 0];
  for (let y = -RADIUS; y <= RADIUS; y++) {
    const half = Math.floor(Math.sqrt(RADIUS * RADIUS - y * y));
    for (let x = -half, i = at + y * width - half; x <= half; x++, i++) {
      across += x * data[i];
      down += y * data[i];
    }
  }
  const turn = Math.round((Math.atan2(down, across) / (2 * Math.PI)) * TURNS);
  return (turn + TURNS) % TURNS;
}

function describe(data: Uint8Array, width: number, at: number, turn: number, words: number[]): void {
  const pattern = PATTERNS[turn];
  for (let word = 0, k = 0; word < WORDS; word++) {
    let bits = 0;
    for (let bit = 0; bit < 32; bit++, k += 4) {
      const first = data[at + pattern[k] + pattern[k + 1] * width];
      const second = data[at + pattern[k + 2] + pattern[k + 3] * width];
      bits = (bits << 1) | (first < second ? 1 : 0);
    }
    words.push(bits >>> 0);
  }
}

/** Two features that look alike, by number; how many of their 256 comparisons differ. */
export interface Match {
  readonly from: number;
  readonly to: number;
  readonly differs: number;
}

/** Alike features differ in at most so many comparisons, and in fewer than this part of the next best. */
const MOST_DIFFERENT = 76;
const CLEARLY = 0.88;
/** What differs in as many is no match, and too different to keep another from being one. */
const UNLIKE = Math.floor(MOST_DIFFERENT / CLEARLY) + 1;

/** The features of one picture with those of another that look like them and like no others, best first. */
export function matchesOf(a: Features, b: Features): Match[] {
  const matches: Match[] = [];
  for (let i = 0; i < a.count; i++) {
    let [best, second, to] = [UNLIKE, UNLIKE, -1];
    for (let j = 0; j < b.count; j++) {
      let differs = 0;
      for (let k = 0; k < WORDS && differs < second; k++)
        differs += bitsOf(a.words[i * WORDS + k] ^ b.words[j * WORDS + k]);
      if (differs >= second) continue;
      if (differs >= best) {
        // The same corner at another size is no other.
        if (Math.hypot(b.x[j] - b.x[to], b.y[j] - b.y[to]) > RADIUS) second = differs;
        continue;
      }
      if (to >= 0 && Math.hypot(b.x[j] - b.x[to], b.y[j] - b.y[to]) > RADIUS) second = best;
      best = differs;
      to = j;
    }
    if (to >= 0 && best <= MOST_DIFFERENT && best <= CLEARLY * second) matches.push({ from: i, to, differs: best });
  }
  return matches.sort((a, b) => a.differs - b.differs);
}

function bitsOf(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
