/**
 * Regions of a page: which ink is whose, and from a quadrilateral with its ink to what a reader gets. Used for what is found on a page
 * and for the fields of a form.
 */
import type { Box } from "../picture/regions.ts";
import { cropOf, type Owned } from "./crop.ts";
import {
  boxOf,
  composed,
  type Homography,
  isInside,
  mapQuad,
  type Point,
  project,
  type Quad,
  scaling,
  sizeOf,
} from "./geometry.ts";
import type { Gray, GrayCopy } from "./gray.ts";
import type { PageWriting } from "./page-writing.ts";
import type { Piece } from "./pieces.ts";

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

/** Of a cell's height, what is smaller is a speck and no character. */
const SPECK = 0.15;
/** Remains of a cell's lines lie so near to them, in parts of its size. */
const BORDER = 0.08;
/** A piece so many times as wide or high as its cell belongs to others, too. */
const BEYOND = 1.3;

/** A region on the gray copy, before it is cut out. */
export interface Part extends Pick<Region, "kind" | "quad" | "place" | "boxes"> {
  readonly owned: Owned;
}

/** Which ink is whose. */
export interface Distribution {
  readonly ofCells: readonly Owned[];
  readonly free: readonly Piece[];
}

/** Which piece is whose: of the quadrilateral around its middle, of several that it reaches into, or free. */
export function distributed(
  pieces: readonly Piece[],
  cells: readonly { readonly quad: Quad }[],
  stroke: number,
): Distribution {
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

/** Paper around a line of writing in its crop, in heights of it. */
const MARGIN = 0.1;

/** A region with its crop, in the picture of which `gray` is the copy. */
export function regionOf(page: PageWriting, gray: GrayCopy, { kind, quad, owned, place, boxes }: Part): Region {
  const isLine = kind === "line";
  const own = isLine ? owned.own : withoutSpecks(owned.own, sizeOf(quad).height, page.stroke);
  const crop = cropOf(page, page.pieces, quad, { own, shared: owned.shared }, isLine ? MARGIN : 0);
  const { data, width, height, ink, toPage } = crop;
  const toPicture = composed(scaling(1 / gray.scaleX, 1 / gray.scaleY), toPage);
  const corners = mapQuad(quad, ({ x, y }) => ({ x: x / gray.scaleX, y: y / gray.scaleY }));
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
