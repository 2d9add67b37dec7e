/**
 * Long thin lines on a page, be they broken, slanted, or curved a little: candidates for the rules, boxes and grids of a form.
 * A line that runs along x is a chain of short vertical runs of ink, one a column, each touching the last. Chains that go on
 * in one another's direction across a gap, such as a digit that was written over the line, are joined. Lines along y are
 * found in the transposed bitmap.
 */
import { type Bitmap, hasInk } from "./bitmap.ts";

/** A line along x. Lengths are in pixels. */
export interface Track {
  /** First and last column. */
  readonly start: number;
  readonly end: number;
  /** The y of its middle in each column, from `start` on. */
  readonly middle: Float32Array;
  /** Its usual height, measured along y. */
  readonly thickness: number;
  /** Which part of its columns has ink of its own, with nothing crossing. */
  readonly coverage: number;
}

/** Lengths by which tracks are found, in pixels. */
export interface TrackSize {
  /** Vertical runs up to this long are of lines. */
  readonly thickest: number;
  /** Chains shorter than this are of no line. */
  readonly shortest: number;
  /** Gaps up to this are bridged. */
  readonly gap: number;
}

/** More candidates than this are no form; the longest are kept. */
const MOST_TRACKS = 4000;
/** Two chains are one line if both foresee the other's end within so many thicknesses, and so much of the gap. */
const ASIDE = { thickness: 0.6, gap: 0.08 };
/** Their slopes differ by no more than this, and what the ends of short chains leave uncertain. */
const BEND = 0.1;

/** Thin vertical runs, by column and from top to bottom. */
interface Runs {
  /** Of each column the number of its first run; one more at the end. */
  readonly first: Int32Array;
  readonly top: Int32Array;
  readonly length: Int32Array;
}

/** Lines along x, longest first. */
export function tracksOf(bitmap: Bitmap, size: TrackSize): Track[] {
  const runs = runsOf(bitmap, size.thickest);
  const chains = chainsOf(bitmap, runs, size.shortest);
  return joined(chains, size, bitmap.height)
    .map((line) => extended(trackOf(line), bitmap, size.gap))
    .sort((a, b) => b.end - b.start - (a.end - a.start))
    .slice(0, MOST_TRACKS);
}

function runsOf({ data, width, height }: Bitmap, thickest: number): Runs {
  const first = new Int32Array(width + 1);
  const open = new Int32Array(width);
  const eachRun = (found: (x: number, top: number, length: number) => void): void => {
    open.fill(0);
    for (let y = 0, i = 0; y <= height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (y < height && data[i] === 1) open[x]++;
        else if (open[x] > 0) {
          if (open[x] <= thickest) found(x, y - open[x], open[x]);
          open[x] = 0;
        }
      }
    }
  };
  eachRun((x) => {
    first[x + 1]++;
  });
  for (let x = 0; x < width; x++) first[x + 1] += first[x];
  const next = first.slice(0, width);
  const top = new Int32Array(first[width]);
  const length = new Int32Array(first[width]);
  eachRun((x, y, size) => {
    top[next[x]] = y;
    length[next[x]++] = size;
  });
  return { first, top, length };
}

/** Runs of neighboring columns that touch. */
interface Chain {
  readonly start: number;
  readonly middles: Float32Array;
  readonly lengths: Float32Array;
  /** Straight lines through its first and its last columns: y at `start` and at `end`, with their slopes. */
  readonly head: Direction;
  readonly tail: Direction;
  readonly thickness: number;
}

interface Direction {
  readonly y: number;
  readonly slope: number;
}

const endOf = ({ start, middles }: Chain): number => start + middles.length - 1;

function chainsOf({ width }: Bitmap, { first, top, length }: Runs, shortest: number): Chain[] {
  const count = top.length;
  const before = new Int32Array(count).fill(-1);
  const after = new Int32Array(count).fill(-1);
  const shared = new Int32Array(count);
  for (let x = 1; x < width; x++) {
    let a = first[x - 1];
    for (let b = first[x]; b < first[x + 1]; b++) {
      const bottom = top[b] + length[b];
      while (a < first[x] && top[a] + length[a] < top[b]) a++;
      for (let k = a; k < first[x] && top[k] <= bottom; k++) {
        const overlap = Math.min(bottom, top[k] + length[k]) - Math.max(top[b], top[k]) + 1;
        if (Math.abs(length[k] - length[b]) > 1 + Math.min(length[k], length[b]) / 2) continue;
        if (overlap <= shared[k] || (before[b] >= 0 && overlap <= shared[before[b]])) continue;
        if (after[k] >= 0) before[after[k]] = -1;
        if (before[b] >= 0) {
          after[before[b]] = -1;
          shared[before[b]] = 0;
        }
        after[k] = b;
        before[b] = k;
        shared[k] = overlap;
      }
    }
  }
  const chains: Chain[] = [];
  const middles: number[] = [];
  const lengths: number[] = [];
  for (let x = 0; x < width; x++) {
    for (let run = first[x]; run < first[x + 1]; run++) {
      if (before[run] >= 0) continue;
      middles.length = 0;
      lengths.length = 0;
      for (let at = run; at >= 0; at = after[at]) {
        middles.push(top[at] + (length[at] - 1) / 2);
        lengths.push(length[at]);
      }
      for (const [from, to] of straightParts(middles, 1 + ASIDE.thickness * middle(lengths), shortest)) {
        chains.push(chainOf(x + from, middles.slice(from, to), lengths.slice(from, to), shortest));
      }
    }
  }
  // A chain that was divided begins before what was found earlier.
  return chains.sort((a, b) => a.start - b.start);
}

/** Divides a chain where it leaves its chord the farthest, until no part leaves it by more than `tolerance` (Douglas and Peucker 1973). */
function straightParts(middles: readonly number[], tolerance: number, shortest: number): [number, number][] {
  const parts: [number, number][] = [];
  const open: [number, number][] = [[0, middles.length]];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const [from, to] = part;
    if (to - from < shortest) continue;
    const slope = (middles[to - 1] - middles[from]) / Math.max(1, to - 1 - from);
    let [farthest, most] = [from, tolerance];
    for (let k = from + 1; k < to - 1; k++) {
      const aside = Math.abs(middles[k] - middles[from] - slope * (k - from));
      if (aside > most) [farthest, most] = [k, aside];
    }
    if (farthest === from) parts.push(part);
    else open.push([from, farthest], [farthest, to]);
  }
  return parts;
}

function chainOf(start: number, middles: readonly number[], lengths: readonly number[], shortest: number): Chain {
  const count = middles.length;
  const near = Math.min(count, Math.round(4 * shortest));
  const [head, tail] = [direction(middles, 0, near), direction(middles, count - near, count)];
  return {
    start,
    middles: Float32Array.from(middles),
    lengths: Float32Array.from(lengths),
    head: { y: head.y, slope: head.slope },
    tail: { y: tail.y + tail.slope * (near - 1), slope: tail.slope },
    thickness: middle(lengths),
  };
}

/** The straight line through some values: its y at `from`, and its slope. */
function direction(values: ArrayLike<number>, from: number, to: number): Direction {
  const count = to - from;
  const center = (count - 1) / 2;
  let [sum, moment] = [0, 0];
  for (let k = 0; k < count; k++) {
    sum += values[from + k];
    moment += (k - center) * values[from + k];
  }
  const slope = count > 1 ? (12 * moment) / (count * (count * count - 1)) : 0;
  return { y: sum / count - slope * center, slope };
}

function middle(values: ArrayLike<number>): number {
  const sorted = Float32Array.from(values).sort();
  return sorted[sorted.length >> 1];
}

/** Lists of chains that are one line each. */
function joined(chains: Chain[], { gap }: TrackSize, height: number): Chain[][] {
  const lines: Chain[][] = [];
  // Lines by the y at which they ended, in bands as high as a gap may lead aside.
  const band = Math.max(4, gap / 4);
  const ended = Array.from({ length: Math.ceil(height / band) + 2 }, (): number[] => []);
  const bandOf = (y: number): number => Math.max(0, Math.min(ended.length - 1, Math.floor(y / band)));
  for (const chain of chains) {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (
      let k = Math.max(0, bandOf(chain.head.y) - 1);
      k <= Math.min(ended.length - 1, bandOf(chain.head.y) + 1);
      k++
    ) {
      const left = ended[k].filter((line) => endOf(lines[line].at(-1) as Chain) >= chain.start - gap);
      ended[k] = left;
      for (const line of left) {
        const last = lines[line].at(-1) as Chain;
        const apart = chain.start - endOf(last);
        if (apart < 1 || apart > Math.max(gap / 3, Math.min(gap, last.middles.length, chain.middles.length))) continue;
        const thick = Math.max(last.thickness, chain.thickness);
        if (thick > 2 * Math.min(last.thickness, chain.thickness) + 1) continue;
        const aside = Math.max(
          Math.abs(last.tail.y + last.tail.slope * apart - chain.head.y),
          Math.abs(chain.head.y - chain.head.slope * apart - last.tail.y),
        );
        if (aside > 1 + ASIDE.thickness * thick + ASIDE.gap * apart) continue;
        const bend = Math.abs(last.tail.slope - chain.head.slope);
        if (bend > BEND + 2 / Math.min(last.middles.length, chain.middles.length)) continue;
        if (aside + apart / 4 >= least) continue;
        least = aside + apart / 4;
        best = line;
      }
    }
    if (best < 0) {
      best = lines.length;
      lines.push([]);
    } else {
      const was = ended[bandOf((lines[best].at(-1) as Chain).tail.y)];
      const at = was.indexOf(best);
      if (at >= 0) was.splice(at, 1);
    }
    lines[best].push(chain);
    ended[bandOf(chain.tail.y)].push(best);
  }
  return lines;
}

/** Where a run is thicker than the line something crosses or touches it, so its middle says nothing. */
function trackOf(chains: readonly Chain[]): Track {
  const start = chains[0].start;
  const end = endOf(chains[chains.length - 1]);
  const size = end - start + 1;
  const lengths = new Float32Array(chains.reduce((sum, { lengths }) => sum + lengths.length, 0));
  let count = 0;
  for (const chain of chains) {
    lengths.set(chain.lengths, count);
    count += chain.lengths.length;
  }
  const thickness = middle(lengths);
  const own = new Float32Array(size).fill(-1);
  let covered = 0;
  for (const chain of chains) {
    for (const [k, y] of chain.middles.entries()) {
      if (chain.lengths[k] > 1.5 * thickness + 0.5) continue;
      own[chain.start - start + k] = y;
      covered++;
    }
  }
  return {
    start,
    end,
    middle: smoothed(own, Math.max(2, Math.round(2 * thickness))),
    thickness,
    coverage: covered / size,
  };
}

/** A track with its ends moved on for as long as there is ink: where something touches a line its runs are too long for chains. */
function extended(track: Track, bitmap: Bitmap, most: number): Track {
  const reach = Math.ceil(track.thickness / 2);
  const isInk = (x: number): boolean => {
    const middle = Math.round(middleAt(track, x));
    return hasInk(bitmap, x, middle - reach, x, middle + reach);
  };
  let { start, end } = track;
  while (start > 0 && track.start - start < most && isInk(start - 1)) start--;
  while (end < bitmap.width - 1 && end - track.end < most && isInk(end + 1)) end++;
  const middle = Float32Array.from({ length: end - start + 1 }, (_, k) => middleAt(track, start + k));
  return { ...track, start, end, middle };
}

/** Means of the known values within `radius` of each place; straight lines across gaps that are longer. */
function smoothed(values: Float32Array, radius: number): Float32Array {
  const size = values.length;
  const sums = new Float64Array(size + 1);
  const counts = new Int32Array(size + 1);
  for (let i = 0; i < size; i++) {
    sums[i + 1] = sums[i] + Math.max(0, values[i]);
    counts[i + 1] = counts[i] + (values[i] >= 0 ? 1 : 0);
  }
  const out = new Float32Array(size);
  let last = -1;
  for (let i = 0; i < size; i++) {
    // As far to one side as to the other, or a slanted line would bend at its ends.
    const reach = Math.min(radius, i, size - 1 - i);
    const known = counts[i + reach + 1] - counts[i - reach];
    if (known === 0) continue;
    out[i] = (sums[i + reach + 1] - sums[i - reach]) / known;
    for (let k = last + 1; k < i; k++) {
      out[k] = last < 0 ? out[i] : out[last] + ((out[i] - out[last]) * (k - last)) / (i - last);
    }
    last = i;
  }
  for (let k = last + 1; k < size && last >= 0; k++) out[k] = out[last];
  return out;
}

/** The y of a track at any x; beyond its ends it goes on as it ended. */
export function middleAt({ start, end, middle: y, thickness }: Track, x: number): number {
  if (x >= start && x <= end) {
    const at = Math.min(end - start, Math.floor(x) - start);
    const next = Math.min(end - start, at + 1);
    return y[at] + (y[next] - y[at]) * (x - start - at);
  }
  const reach = Math.min(y.length - 1, Math.max(8, Math.round(10 * thickness)));
  if (reach === 0) return y[0];
  if (x < start) return y[0] + ((y[reach] - y[0]) / reach) * (x - start);
  return y[y.length - 1] + ((y[y.length - 1] - y[y.length - 1 - reach]) / reach) * (x - end);
}
