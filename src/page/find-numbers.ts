/**
 * From a photograph of a page to the numbers on it: where they are, in reading order, and a picture of each for a reader. Nothing
 * here is learned, and nothing depends on how large the picture is: lengths are in widths of the pen's strokes and in heights of
 * what is written. Words are left out as far as their shapes tell; what else is no number, a reader has to refuse.
 */
import type { Picture } from "../picture/picture.ts";
import { boxOf, type Quad, sizeOf } from "./geometry.ts";
import { grayCopy } from "./gray.ts";
import { inRows, type Writing, writingsOf } from "./lines.ts";
import { type PageWriting, writingOfPage } from "./page-writing.ts";
import type { Piece } from "./pieces.ts";
import { problemOf } from "./quality.ts";
import { type Distribution, distributed, type Part, type Region, regionOf } from "./regions.ts";

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
/** What is so high, in heights of its cell, is written over it, not into it. */
const FILLS = 1.05;
/**
 * Finds the numbers on a page, dark on light or light on dark, of any size. Time and memory grow with the pixels, up to 2048 on
 * the longer side; larger pictures are reduced to that.
 * @throws DataError when the picture's bytes do not fit its size
 */
export function findNumbers(picture: Picture): FoundNumbers {
  const gray = grayCopy(picture);
  const page = writingOfPage(gray);
  const { pieces, textHeight } = page;
  const { cells, ofCells, free } = withoutSquares(page, distributed(pieces.all, page.cells, page.stroke));
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

/** Grids whose cells are smaller than what is written over them are squared paper: their lines are gone, and their cells are none. */
function withoutSquares(page: PageWriting, { ofCells, free }: Distribution) {
  const counts = new Map<number, { fits: number; over: number }>();
  for (const [k, { grid }] of page.cells.entries()) {
    const count = counts.get(grid) ?? { fits: 0, over: 0 };
    counts.set(grid, count);
    const { height } = sizeOf(page.cells[k].quad);
    const isBody = ({ top, bottom }: Piece): boolean => bottom - top >= page.textHeight / 2;
    count.fits += ofCells[k].own.filter((piece) => isBody(piece) && piece.bottom - piece.top < FILLS * height).length;
    count.over += ofCells[k].own.filter((piece) => piece.bottom - piece.top >= FILLS * height).length;
    count.over += ofCells[k].shared.filter(isBody).length;
  }
  const cells = page.cells.filter(({ grid }) => {
    const { fits, over } = counts.get(grid) ?? { fits: 0, over: 0 };
    return over <= fits;
  });
  if (cells.length === page.cells.length) return { cells, ofCells, free };
  return { cells, ...distributed(page.pieces.all, cells, page.stroke) };
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
