/**
 * Finds a form in a photograph of it that somebody filled in: the map from the blank form to the photograph, which may be turned by any
 * angle and in perspective. Features that look alike vote for it (RANSAC: Fischler and Bolles 1981), small pieces of the form
 * are then looked for where it puts them, and what is printed on the form must be there in the photograph, or it is refused.
 */
import { DataError } from "../engine/errors.ts";
import { hasInk } from "./bitmap.ts";
import { type Features, featuresOf, type Match, matchesOf } from "./features.ts";
import {
  composed,
  fitHomography,
  type Homography,
  inverse,
  type Point,
  project,
  type Quad,
  quadToQuad,
  rectangle,
  scaling,
} from "./geometry.ts";
import { type GrayCopy, shrinkToGray } from "./gray.ts";
import type { PageInk } from "./paper.ts";

/** Pictures are compared at this size: letters of a form are some pixels high. */
const LONGEST_SIDE = 1000;
/** Where pixels become fewer, those are ink that are covered so much by it, of 255. */
const INKED = 100;
/** A match agrees with a map that takes it so near, in pixels. */
const NEAR = 6;
/** At least so many must agree, and so many maps are tried. */
const LEAST_MATCHES = 10;
const TRIALS = 4000;
/** Of what is printed on the form so much must be in the photograph, and more than so many times of what would be by chance. */
const PRESENT = 0.5;
const CHANCE = 2;
/** Pieces of so many pixels to each side are looked for so far away; what they look like must agree so well (correlation). */
const PATCH = 9;
const SEARCH = 5;
const ALIKE = 0.6;

/** A picture of a page as it is compared with others. */
export interface Registrable {
  /** How many of its pixels one pixel of the picture is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly ink: PageInk;
  readonly features: Features;
}

/** Of a page whose ink is known. */
export function registrable(gray: GrayCopy, page: PageInk): Registrable {
  const { scaleX, scaleY, ink } = shrunk(gray, page);
  return { scaleX, scaleY, ink, features: featuresOf({ ...ink, data: ink.darkness }) };
}

/** The ink of a page at the size at which pages are compared. */
function shrunk({ scaleX, scaleY }: GrayCopy, page: PageInk): Omit<Registrable, "features"> {
  const scale = LONGEST_SIDE / Math.max(page.width, page.height);
  if (scale >= 1) return { scaleX, scaleY, ink: page };
  const [width, height] = [page.width, page.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = (data: Uint8Array): Uint8Array => shrinkToGray({ ...page, data, channels: 1 }, width, height);
  const mask = small(page.mask.map((value) => 255 * value)).map((value) => (value >= INKED ? 1 : 0));
  return {
    scaleX: (scaleX * width) / page.width,
    scaleY: (scaleY * height) / page.height,
    ink: { ...page, width, height, darkness: small(page.darkness), mask, stroke: Math.max(1, page.stroke * scale) },
  };
}

/**
 * The map from a form's picture to a photograph of it, both in their own pixels.
 * @throws DataError when the form is not to be found in the photograph
 */
export function register(form: Registrable, photograph: Registrable): Homography {
  const matches = matchesOf(form.features, photograph.features);
  const voted = vote(form.features, photograph.features, matches, form.ink);
  if (voted === undefined) throw notFound(`${matches.length} places look alike, but do not fit together`);
  const refined = refine(form, photograph, refine(form, photograph, voted));
  const { present, chance } = agreement(form.ink, photograph.ink, refined);
  if (present < PRESENT || present < CHANCE * chance) {
    throw notFound(`${Math.round(100 * present)} % of what is printed on it is there`);
  }
  return composed(
    scaling(1 / photograph.scaleX, 1 / photograph.scaleY),
    composed(refined, scaling(form.scaleX, form.scaleY)),
  );
}

const notFound = (why: string): DataError =>
  new DataError(
    `the form is not found in the photograph (${why}); is it the same form, all of it in the picture, and sharp?`,
  );

/** The map with which most matches agree. */
function vote(a: Features, b: Features, matches: readonly Match[], { width, height }: PageInk): Homography | undefined {
  if (matches.length < LEAST_MATCHES) return undefined;
  let seed = 1;
  const draw = (count: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * count);
  };
  const from = matches.map((match) => ({ x: a.x[match.from], y: a.y[match.from] }));
  const to = matches.map((match) => ({ x: b.x[match.to], y: b.y[match.to] }));
  let best: readonly number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    // The best matches are tried first (Chum and Matas, PROSAC, CVPR 2005).
    const among = Math.min(matches.length, LEAST_MATCHES + Math.floor((trial * matches.length) / (TRIALS / 4)));
    const chosen = Array.from({ length: 4 }, () => draw(among));
    if (new Set(chosen).size < 4) continue;
    const map = quadToQuad(chosen.map((k) => from[k]) as unknown as Quad, chosen.map((k) => to[k]) as unknown as Quad);
    if (!isPlausible(map, width, height)) continue;
    const agree = agreeing(map, from, to);
    if (agree.length > best.length) best = agree;
    if (trial > 300 && best.length > 0.5 * matches.length) break;
  }
  for (let round = 0; round < 3; round++) {
    const map = fitHomography(
      best.map((k) => from[k]),
      best.map((k) => to[k]),
    );
    if (map === undefined || !isPlausible(map, width, height)) return undefined;
    const agree = agreeing(map, from, to);
    // One corner seen at several sizes counts once.
    const places = new Set(agree.map((k) => `${Math.round(from[k].x / 8)} ${Math.round(from[k].y / 8)}`));
    if (places.size < LEAST_MATCHES) return undefined;
    best = agree;
    if (round === 2) return map;
  }
  return undefined;
}

function agreeing(map: Homography, from: readonly Point[], to: readonly Point[]): number[] {
  const agree: number[] = [];
  for (let k = 0; k < from.length; k++) {
    const at = project(map, from[k]);
    if (Math.abs(at.x - to[k].x) <= NEAR && Math.abs(at.y - to[k].y) <= NEAR) agree.push(k);
  }
  return agree;
}

/** Whether a map sees a page from in front: its corners go around the same way, and none of its sides is seen very short. */
function isPlausible(map: Homography, width: number, height: number): boolean {
  const corners = rectangle(0, 0, width, height);
  if (corners.some(({ x, y }) => !(map[6] * x + map[7] * y + map[8] > 0) === map[8] > 0)) return false;
  const seen = corners.map((corner) => project(map, corner));
  const areas = seen.map((b, k) => {
    const [a, c] = [seen[(k + 3) % 4], seen[(k + 1) % 4]];
    return ((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x)) / (width * height);
  });
  const [least, most] = [Math.min(...areas), Math.max(...areas)];
  return least > 0.02 && most < 50 && most < 6 * least;
}

/** A map made better: pieces of the form with corners are looked for near where it puts them. */
function refine(form: Registrable, photograph: Registrable, map: Homography): Homography {
  const { features, ink } = form;
  const from: Point[] = [];
  const to: Point[] = [];
  const step = Math.max(1, Math.floor(features.count / 400));
  for (let k = 0; k < features.count; k += step) {
    const point = { x: Math.round(features.x[k]), y: Math.round(features.y[k]) };
    const patch = patchAround(ink, point);
    if (patch === undefined) continue;
    const found = bestPlace(patch, point, photograph.ink, map);
    if (found === undefined) continue;
    from.push({ x: point.x + 0.5, y: point.y + 0.5 });
    to.push({ x: found.x + 0.5, y: found.y + 0.5 });
  }
  let map2 = map;
  let kept = [...from.keys()];
  for (const near of [4, 2, 1.5]) {
    const fitted = fitHomography(
      kept.map((k) => from[k]),
      kept.map((k) => to[k]),
    );
    if (fitted === undefined || kept.length < LEAST_MATCHES) return map2;
    map2 = fitted;
    kept = [...from.keys()].filter((k) => {
      const at = project(fitted, from[k]);
      return Math.hypot(at.x - to[k].x, at.y - to[k].y) <= near;
    });
  }
  return map2;
}

const SIDE = 2 * PATCH + 1;

function patchAround({ darkness, width, height }: PageInk, { x, y }: Point): Float32Array | undefined {
  if (x < PATCH || y < PATCH || x >= width - PATCH || y >= height - PATCH) return undefined;
  const patch = new Float32Array(SIDE * SIDE);
  for (let v = 0, i = 0; v < SIDE; v++) {
    for (let u = 0; u < SIDE; u++, i++) patch[i] = darkness[(y + v - PATCH) * width + x + u - PATCH];
  }
  return standardized(patch);
}

/** Values with mean 0 and length 1; undefined where all are nearly the same. */
function standardized(values: Float32Array): Float32Array | undefined {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  if (squares < 25 * values.length) return undefined;
  const factor = 1 / Math.sqrt(squares);
  return values.map((value) => (value - mean) * factor);
}

/** The photograph around a point, as the form would show it, is sampled once; the patch is then moved over it. */
function bestPlace(patch: Float32Array, point: Point, ink: PageInk, map: Homography): Point | undefined {
  const reach = PATCH + SEARCH;
  const side = 2 * reach + 1;
  const seen = new Float32Array(side * side);
  for (let v = 0, i = 0; v < side; v++) {
    for (let u = 0; u < side; u++, i++) {
      const at = project(map, { x: point.x + u - reach + 0.5, y: point.y + v - reach + 0.5 });
      const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
      if (x < 0 || y < 0 || x >= ink.width || y >= ink.height) return undefined;
      seen[i] = ink.darkness[y * ink.width + x];
    }
  }
  let best = ALIKE;
  let place: Point | undefined;
  for (let dy = 0; dy <= 2 * SEARCH; dy++) {
    for (let dx = 0; dx <= 2 * SEARCH; dx++) {
      let [sum, squares, product] = [0, 0, 0];
      for (let v = 0, i = 0; v < SIDE; v++) {
        for (let u = 0, from = (v + dy) * side + dx; u < SIDE; u++, i++, from++) {
          const value = seen[from];
          sum += value;
          squares += value * value;
          product += value * patch[i];
        }
      }
      const spread = squares - (sum * sum) / (SIDE * SIDE);
      if (spread < 25 * SIDE * SIDE) continue;
      const alike = product / Math.sqrt(spread);
      if (alike <= best) continue;
      best = alike;
      place = project(map, { x: point.x + dx - SEARCH + 0.5, y: point.y + dy - SEARCH + 0.5 });
    }
  }
  return place === undefined ? undefined : { x: place.x - 0.5, y: place.y - 0.5 };
}

/** Which part of the form's ink that lies in the photograph has ink there, and which part of the photograph would have some by chance. */
function agreement(
  form: PageInk,
  photograph: PageInk,
  map: Homography,
): { readonly present: number; readonly chance: number } {
  const back = inverse(map);
  const bitmap = { ...photograph, data: photograph.mask };
  const near = (x: number, y: number): boolean => hasInk(bitmap, x - 1, y - 1, x + 1, y + 1);
  let [inside, hits, looked, inked] = [0, 0, 0, 0];
  for (let i = 0; i < form.mask.length; i += 3) {
    if (form.mask[i] === 0) continue;
    const at = project(map, { x: (i % form.width) + 0.5, y: Math.floor(i / form.width) + 0.5 });
    const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
    if (x < 0 || y < 0 || x >= photograph.width || y >= photograph.height) continue;
    inside++;
    if (near(x, y)) hits++;
  }
  for (let i = 0; i < photograph.mask.length; i += 7) {
    const [x, y] = [i % photograph.width, Math.floor(i / photograph.width)];
    const at = project(back, { x, y });
    if (at.x < 0 || at.y < 0 || at.x >= form.width || at.y >= form.height) continue;
    looked++;
    if (near(x, y)) inked++;
  }
  return { present: hits / Math.max(1, inside), chance: inked / Math.max(1, looked) };
}
