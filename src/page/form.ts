/**
 * Forms: a picture of one, with a name for every box in which something is to be read. A photograph of a form that was
 * filled in is laid over that picture, wherever and however it was held, and gives a region for each field.
 */
import { DataError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { type Bitmap, cut, hasInk } from "./bitmap.ts";
import {
  boxOf,
  composed,
  type Homography,
  inverse,
  mapQuad,
  project,
  type Quad,
  rectangle,
  scaling,
} from "./geometry.ts";
import { type GrayCopy, grayCopy } from "./gray.ts";
import { type PageWriting, writingOfPage } from "./page-writing.ts";
import { inkOfPage } from "./paper.ts";
import { type Piece, piecesOf } from "./pieces.ts";
import { problemOf } from "./quality.ts";
import { distributed, type Region, regionOf } from "./regions.ts";
import { type Registrable, register, registrable } from "./register.ts";

/** A box of a form in which something is to be read. */
export interface FormBox {
  readonly name: string;
  /** Left, top, width and height in pixels of the form's picture. */
  readonly box: readonly number[];
}

/** A field in a photograph. */
export interface FoundField<Field extends FormBox> {
  readonly field: Field;
  /** Its corners on the picture, in pixels, from the field's top left clockwise. */
  readonly quad: Quad;
  /** Undefined where the field is not in the picture. */
  readonly region?: Region | undefined;
  /** Why there is nothing to read. */
  readonly problem?: string | undefined;
}

/** A form in a photograph. */
export interface FoundFields<Field extends FormBox> {
  /** In the order of the form. */
  readonly fields: readonly FoundField<Field>[];
  /** From the form's picture to the photograph, in pixels. */
  readonly toPicture: Homography;
  /** Why nothing can be relied on: too small, blurred; in words, with what to do. */
  readonly problem?: string | undefined;
}

/** A field may reach so far beyond the picture, in parts of its width and height. */
const OUTSIDE = 0.1;
/** A piece of ink is the form's own if this part of it lies on ink of the form, or so many of the form's compared pixels beside it. */
const PRINTED = 0.7;
const BESIDE = 1;
/** A piece of ink in the inside of a field is written if it is so high, in heights of the field. */
const WRITTEN = 0.35;

/** A form that is looked for in photographs. */
export class Form<Field extends FormBox = FormBox> {
  readonly #reference: Registrable;
  /** What is printed on it, in pixels of {@link #reference}. */
  readonly #print: Bitmap;
  readonly #fields: readonly Field[];

  /**
   * @param reference a picture of the form: blank, or filled in by somebody
   * @throws DataError when a field lies outside of it
   */
  constructor(reference: Picture, fields: readonly Field[]) {
    const outside = fields.find(
      ({ box: [x, y, width, height] }) =>
        x < 0 || y < 0 || x + width > reference.width || y + height > reference.height,
    );
    if (outside !== undefined) {
      throw new DataError(
        `form: the field "${outside.name}" lies outside of its picture of ${reference.width}×${reference.height} pixels: its box is ${outside.box.join(", ")} (left, top, width, height)`,
      );
    }
    const gray = grayCopy(reference);
    this.#reference = registrable(gray, inkOfPage(gray));
    this.#print = printOf(this.#reference, fields);
    this.#fields = fields;
  }

  /** As they were given. */
  get fields(): readonly Field[] {
    return this.#fields;
  }

  /**
   * The fields in a photograph of the form.
   * @throws DataError when the form is not to be found in it
   */
  find(picture: Picture): FoundFields<Field> {
    const gray = grayCopy(picture);
    const ink = inkOfPage(gray);
    const toPicture = register(this.#reference, registrable(gray, ink));
    const page = writingOfPage(gray, ink);
    const toPage = composed(scaling(gray.scaleX, gray.scaleY), toPicture);
    const quads = this.#fields.map(({ box: [x, y, width, height] }) =>
      mapQuad(rectangle(x, y, width, height), (corner) => project(toPage, corner)),
    );
    const inside = [...quads.keys()].filter((k) => isInPicture(quads[k], page));
    const places = inside.map((k) => ({ quad: quads[k] }));
    const { ofCells } = distributed(this.#withoutPrinted(page, gray, toPage, places), places, page.stroke);
    const regions = new Map(
      inside.map((k, at) => [k, regionOf(page, gray, { kind: "box", quad: quads[k], owned: ofCells[at] })]),
    );
    return {
      fields: this.#fields.map((field, k) => {
        const region = regions.get(k);
        const quad = mapQuad(quads[k], ({ x, y }) => ({ x: x / gray.scaleX, y: y / gray.scaleY }));
        return { field, quad, region, problem: problemWith(field, region) };
      }),
      toPicture,
      problem: problemOf(page, gray.scaleY, [...regions.values()]),
    };
  }

  /** The pieces of a page in some places that are not printed on the form. */
  #withoutPrinted(
    page: PageWriting,
    gray: GrayCopy,
    toPage: Homography,
    places: readonly { readonly quad: Quad }[],
  ): Piece[] {
    const { scaleX, scaleY } = this.#reference;
    const back = composed(scaling(scaleX, scaleY), inverse(toPage));
    const seen = new Int32Array(page.pieces.all.reduce((most, { label }) => Math.max(most, label), 0) + 1);
    const printed = new Int32Array(seen.length);
    for (const { quad } of places) {
      const box = boxOf(quad);
      for (let y = Math.max(0, Math.floor(box.top)); y < Math.min(gray.height, box.bottom); y++) {
        for (let x = Math.max(0, Math.floor(box.left)); x < Math.min(gray.width, box.right); x++) {
          const label = page.pieces.labels[y * gray.width + x];
          if (label === 0 || label >= seen.length) continue;
          seen[label]++;
          const at = project(back, { x: x + 0.5, y: y + 0.5 });
          const [u, v] = [Math.floor(at.x), Math.floor(at.y)];
          if (hasInk(this.#print, u - BESIDE, v - BESIDE, u + BESIDE, v + BESIDE)) printed[label]++;
        }
      }
    }
    return page.pieces.all.filter(({ label }) => seen[label] > 0 && printed[label] < PRINTED * seen[label]);
  }
}

/**
 * The ink of a form but what somebody has written in it: where most fields have pieces of ink in their insides, the picture is of a form
 * that was filled in, and nothing in its fields is print.
 */
function printOf({ ink, scaleX, scaleY }: Registrable, fields: readonly FormBox[]): Bitmap {
  const bitmap = { data: ink.mask, width: ink.width, height: ink.height };
  const boxes = fields.map(({ box: [x, y, width, height] }) => ({
    left: Math.max(0, Math.round(x * scaleX)),
    top: Math.max(0, Math.round(y * scaleY)),
    right: Math.min(ink.width, Math.round((x + width) * scaleX)),
    bottom: Math.min(ink.height, Math.round((y + height) * scaleY)),
  }));
  const written = boxes.filter((box) => {
    const inside = cut(bitmap, box);
    return piecesOf(inside).all.some(
      ({ left, top, right, bottom }) =>
        left > 0 &&
        top > 0 &&
        right < inside.width &&
        bottom < inside.height &&
        bottom - top >= WRITTEN * inside.height,
    );
  });
  if (written.length <= fields.length / 2) return bitmap;
  const data = bitmap.data.slice();
  for (const { left, top, right, bottom } of boxes) {
    for (let y = top; y < bottom; y++) data.fill(0, y * ink.width + left, y * ink.width + right);
  }
  return { ...bitmap, data };
}

function problemWith({ name }: FormBox, region: Region | undefined): string | undefined {
  if (region === undefined) return `the field "${name}" is not in the picture`;
  return region.ink === undefined ? "nothing is written there" : undefined;
}

function isInPicture(quad: Quad, { width, height }: PageWriting): boolean {
  const box = boxOf(quad);
  const [x, y] = [OUTSIDE * (box.right - box.left), OUTSIDE * (box.bottom - box.top)];
  return box.left >= -x && box.top >= -y && box.right <= width + x && box.bottom <= height + y;
}
