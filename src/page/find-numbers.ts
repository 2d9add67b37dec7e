/**
 * From a photograph of a page to the numbers on it: where they are, in reading order, and a picture of each for a reader. Nothing
 * here is learned, and nothing depends on how large the picture is: lengths are in widths of the pen's strokes and in heights of
 * what is written. Words are left out as far as their shapes tell; what else is no number, a reader has to refuse.
 */
import type { Picture } from "../picture/picture.ts";
import type { Box } from "../picture/regions.ts";
import { cropOf, type Owned } from "./crop.ts";
import { boxOf, composed, type Homography, isInside, type Point, project, type Quad, sizeOf } from "./geometry.ts";
import { type Gray, type GrayCopy, grayCopy } from "./gray.ts";
import type { Cell } from "./grids.ts";
import { inRows, type Writing, writingsOf } from "./lines.ts";
import { type PageWriting, writingOfPage } from "./page-writing.ts";
import type { Piece } from "./pieces.ts";
import { problemOf } from "./quality.ts";

/** How a number stands on its page: free, in a box, in a row of boxes for a character each, in a cell of a grid. */
export type RegionKind = "line" | "box" | "comb" | "cell";

/** A place on a page where a number may stand. */
export interface Region {
  readonly kind: RegionKind;
  /** Its corners on the picture, in pixels, from the top left clockwise. */
  readonly quad: Quad;
  /** Of cells: their grid on the page, and their place in it, all from 0. */
  readonly place?: { readonly grid: number; readonly row: number; readonly column: number } | undefined;
  /** Of combs: how many boxes they have. */
  readonly boxes?: number | undefined;
  /**
   * The region upright and without perspective, at most 96 pixels high and mostly less: paper is 255 and ink dark, lines and what belongs to
   * others are erased. Ink that leaves its box is in it, too.
   */
  readonly crop: Gray;
  /** The smallest box around the ink in the crop; undefined where nothing is written. */
  readonly ink: Box | undefined;
  /** Takes a place in the crop, in pixels, to its place on the picture. */
  readonly toPicture: Homography;
}

/** What was found on a page. */
export interface FoundNumbers {
  /** In reading order. */
  readonly regions: readonly Region[];
  /** The usual height of what is written, and the usual width of strokes, in pixels of the picture. */
  readonly textHeight: number;
  readonly strokeWidth: number;
  /** Why nothing can be relied on: no writing, too small, blurred; in words, with what to do. */
  readonly problem?: string | undefined;
}

/** A row of boxes that are at most so many times as wide as high is a comb. */
const COMB_ASPECT = 1.4;
/** What is written in a box is of several lines if the box is so many times as high. */
const SEVERAL_LINES = 1.8;
/** Of a cell's height, what is smaller is a speck and no character. */
const SPECK = 0.15;
/** Remains of a cell's lines lie so near to them, in parts of its size. */
const BORDER = 0.08;
/** A piece so many times as wide or high as its cell belongs to others, too. */
const BEYOND = 1.3;

/**
 * Finds the numbers on a page, dark on light or light on dark, of any size. Time and memory grow with the pixels, up to 2048 on
 * the longer side; larger pictures are reduced to that.
 * @throws DataError when the picture's bytes do not fit its size
 */
export function findNumbers(picture: Picture): FoundNumbers {
  const gray = grayCopy(picture);
  const page = writingOfPage(gray);
  const { pieces, cells, textHeight } = page;
  const { ofCells, free } = distributed(pieces.all, cells, page.stroke);
  const grids: Part[][] = [];
  for (const [k, { quad, grid, row, column }] of cells.entries()) {
    grids[grid] ??= [];
    grids[grid].push({ kind: "cell", quad, owned: ofCells[k], place: { grid, row, column } });
  }
  const units = [
    ...grids.filter((grid) => grid !== undefined).map((grid) => unitOf(page, grid)),
    ...writingsOf(free, textHeight / 2).map((writing) => [lineOf(writing)]),
  ].filter((unit) => unit.length > 0);
  const parts = inRows(units, (unit) => boxOf(unit[0].quad)).flat();
  const regions = parts.map((part) => regionOf(page, gray, part));
  return {
    regions,
    textHeight: textHeight / gray.scaleY,
    strokeWidth: page.stroke / gray.scaleY,
    problem: problemOf(page, gray.scaleY, regions),
  };
}

/** A region on the gray copy, before it is cut out. */
interface Part extends Pick<Region, "kind" | "quad" | "place" | "boxes"> {
  readonly owned: Owned;
}

/** Which piece is whose. */
function distributed(
  pieces: readonly Piece[],
  cells: readonly Cell[],
  stroke: number,
): { readonly ofCells: readonly Owned[]; readonly free: readonly Piece[] } {
  const ofCells = cells.map(() => ({ own: [] as Piece[], shared: [] as Piece[] }));
  const boxes = cells.map(({ quad }) => boxOf(quad));
  const free: Piece[] = [];
  for (const piece of pieces) {
    const center = { x: (piece.left + piece.right) / 2, y: (piece.top + piece.bottom) / 2 };
    const touched = boxes.flatMap((box, k) =>
      piece.left < box.right && piece.right > box.left && piece.top < box.bottom && piece.bottom > box.top ? [k] : [],
    );
    const home = touched.find((k) => isInside(cells[k].quad, center));
    const isLarge = (k: number): boolean => {
      const { width, height } = sizeOf(cells[k].quad);
      return piece.right - piece.left > BEYOND * width || piece.bottom - piece.top > BEYOND * height;
    };
    if (touched.length > 1 && touched.some(isLarge)) for (const k of touched) ofCells[k].shared.push(piece);
    else if (home === undefined) free.push(piece);
    else if (!isRemains(piece, cells[home].quad, stroke)) ofCells[home].own.push(piece);
  }
  return { ofCells, free };
}

/** Whether a piece is what a line of its cell left behind: thin, and all along one side. */
function isRemains({ left, top, right, bottom }: Piece, quad: Quad, stroke: number): boolean {
  const box = boxOf(quad);
  const [x, y] = [BORDER * (box.right - box.left), BORDER * (box.bottom - box.top)].map((edge) =>
    Math.max(edge, stroke),
  );
  return right < box.left + x || left > box.right - x || bottom < box.top + y || top > box.bottom - y;
}

/** The regions of a grid in reading order: its cells; or of a row of small boxes all together, or of a large box its lines. */
function unitOf(page: PageWriting, grid: readonly Part[]): Part[] {
  const [first] = grid;
  if (grid.length === 1) {
    const lines = linesIn(first, page.textHeight);
    return lines.length > 1 ? lines : [{ ...first, kind: "box", place: undefined }];
  }
  const isComb =
    grid.every(({ place }) => place?.row === 0) &&
    grid.every(({ quad }) => sizeOf(quad).width <= COMB_ASPECT * sizeOf(quad).height);
  if (!isComb) return [...grid];
  const last = grid[grid.length - 1];
  const owned = {
    own: grid.flatMap(({ owned }) => owned.own),
    shared: [...new Set(grid.flatMap(({ owned }) => owned.shared))],
  };
  const quad: Quad = [first.quad[0], last.quad[1], last.quad[2], first.quad[3]];
  return [{ kind: "comb", quad, owned, boxes: grid.length }];
}

/** The lines of writing in a box that has room for several. */
function linesIn({ quad, owned }: Part, height: number): Part[] {
  if (sizeOf(quad).height < SEVERAL_LINES * height) return [];
  const lines = writingsOf(owned.own, height / 2);
  const boxes = lines.map((line) => boxOf(line.quad));
  const isSeveral = boxes.some((a) => boxes.some((b) => a.bottom <= b.top));
  return isSeveral ? lines.map(lineOf) : [];
}

const lineOf = ({ pieces, quad }: Writing): Part => ({ kind: "line", quad, owned: { own: pieces, shared: [] } });

/** Paper around a line of writing in its crop, in heights of it. */
const MARGIN = 0.1;

function regionOf(page: PageWriting, gray: GrayCopy, { kind, quad, owned, place, boxes }: Part): Region {
  const isLine = kind === "line";
  const own = isLine ? owned.own : withoutSpecks(owned.own, sizeOf(quad).height, page.stroke);
  const crop = cropOf(page, page.pieces, quad, { own, shared: owned.shared }, isLine ? MARGIN : 0);
  const { data, width, height, ink, toPage } = crop;
  const toPicture = composed([1 / gray.scaleX, 0, 0, 0, 1 / gray.scaleY, 0, 0, 0, 1], toPage);
  const corners = quad.map(({ x, y }) => ({ x: x / gray.scaleX, y: y / gray.scaleY })) as unknown as Quad;
  return { kind, quad: corners, place, boxes, crop: { data, width, height }, ink, toPicture };
}

/** Nothing, where all that is in a cell are specks. */
function withoutSpecks(own: readonly Piece[], height: number, stroke: number): readonly Piece[] {
  const least = Math.max(1.5 * stroke, SPECK * height);
  const isWritten = own.some(({ left, top, right, bottom }) => Math.max(right - left, bottom - top) >= least);
  return isWritten ? own : [];
}

/** Where columns `from` to `to` of a region's crop are on the picture: the box of one of its characters. */
export function quadOfColumns({ crop, toPicture }: Region, from: number, to: number): Quad {
  const corner = (x: number, y: number): Point => project(toPicture, { x, y });
  return [corner(from, 0), corner(to, 0), corner(to, crop.height), corner(from, crop.height)];
}
