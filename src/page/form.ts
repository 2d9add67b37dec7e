/**
 * Forms: a picture of a blank one, with a name for every box in which something is to be read. A photograph of a form that was
 * filled in is laid over the blank one, wherever and however it was held, and gives a region for each field.
 */
import { DataError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { boxOf, composed, type Homography, inverse, type Point, project, type Quad } from "./geometry.ts";
import { type GrayCopy, grayCopy } from "./gray.ts";
import { type PageWriting, writingOfPage } from "./page-writing.ts";
import type { Piece } from "./pieces.ts";
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

/** A form that is looked for in photographs. */
export class Form<Field extends FormBox = FormBox> {
  readonly #reference: Registrable;
  readonly #fields: readonly Field[];

  /**
   * @param reference a picture of the blank form
   * @throws DataError when a field lies outside of it
   */
  constructor(reference: Picture, fields: readonly Field[]) {
    const outside = fields.find(
      ({ box: [x, y, width, height] }) =>
        x < 0 || y < 0 || x + width > reference.width || y + height > reference.height,
    );
    if (outside !== undefined) {
      throw new DataError(
        `form: the field "${outside.name}" lies outside of its picture of ${reference.width}×${reference.height} pixels`,
      );
    }
    this.#reference = registrable(reference);
    this.#fields = fields;
  }

  /**
   * The fields in a photograph of the form.
   * @throws DataError when the form is not to be found in it
   */
  find(picture: Picture): FoundFields<Field> {
    const toPicture = register(this.#reference, registrable(picture));
    const gray = grayCopy(picture);
    const page = writingOfPage(gray);
    const toPage = composed([gray.scaleX, 0, 0, 0, gray.scaleY, 0, 0, 0, 1], toPicture);
    const quads = this.#fields.map(({ box: [x, y, width, height] }) => {
      const corners = [
        [x, y],
        [x + width, y],
        [x + width, y + height],
        [x, y + height],
      ];
      return corners.map(([u, v]) => project(toPage, { x: u, y: v })) as unknown as Quad;
    });
    const inside = [...quads.keys()].filter((k) => isInPicture(quads[k], page));
    const places = inside.map((k) => ({ quad: quads[k] }));
    const { ofCells } = distributed(this.#withoutPrinted(page, gray, toPage, places), places, page.stroke);
    const regions = new Map(
      inside.map((k, at) => [k, regionOf(page, gray, { kind: "box", quad: quads[k], owned: ofCells[at] })]),
    );
    return {
      fields: this.#fields.map((field, k) => {
        const region = regions.get(k);
        const quad = quads[k].map(({ x, y }) => ({ x: x / gray.scaleX, y: y / gray.scaleY })) as unknown as Quad;
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
    const { ink, gray: form } = this.#reference;
    const back = composed([form.scaleX, 0, 0, 0, form.scaleY, 0, 0, 0, 1], inverse(toPage));
    const seen = new Int32Array(page.pieces.all.reduce((most, { label }) => Math.max(most, label), 0) + 1);
    const printed = new Int32Array(seen.length);
    for (const { quad } of places) {
      const box = boxOf(quad);
      for (let y = Math.max(0, Math.floor(box.top)); y < Math.min(gray.height, box.bottom); y++) {
        for (let x = Math.max(0, Math.floor(box.left)); x < Math.min(gray.width, box.right); x++) {
          const label = page.pieces.labels[y * gray.width + x];
          if (label === 0 || label >= seen.length) continue;
          seen[label]++;
          if (isInked(ink, project(back, { x: x + 0.5, y: y + 0.5 }))) printed[label]++;
        }
      }
    }
    return page.pieces.all.filter(({ label }) => seen[label] > 0 && printed[label] < PRINTED * seen[label]);
  }
}

function problemWith({ name }: FormBox, region: Region | undefined): string | undefined {
  if (region === undefined) return `the field "${name}" is not in the picture`;
  return region.ink === undefined ? "nothing is written there" : undefined;
}

function isInked({ mask, width, height }: Registrable["ink"], { x, y }: Point): boolean {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  for (let v = Math.max(0, row - BESIDE); v <= Math.min(height - 1, row + BESIDE); v++) {
    for (let u = Math.max(0, column - BESIDE); u <= Math.min(width - 1, column + BESIDE); u++) {
      if (mask[v * width + u] === 1) return true;
    }
  }
  return false;
}

function isInPicture(quad: Quad, { width, height }: PageWriting): boolean {
  const box = boxOf(quad);
  const [x, y] = [OUTSIDE * (box.right - box.left), OUTSIDE * (box.bottom - box.top)];
  return box.left >= -x && box.top >= -y && box.right <= width + x && box.bottom <= height + y;
}
