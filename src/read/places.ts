/**
 * The places on a page where numbers may stand, and what each shows as a network gets it: found by themselves or given by a form. The
 * first step from a photograph to text; between it and the last (answering.ts) a network reads the lines. Both steps are plain data
 * in and out, so a server can do them on other threads.
 */

import { findNumbers } from "../page/find-numbers.ts";
import type { Form } from "../page/form.ts";
import type { Quad } from "../page/geometry.ts";
import type { Region } from "../page/regions.ts";
import { type Line, type LineFrame, lineOf } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import type { FieldRules } from "../task/transcribe/fields/field.ts";
import type { FormField } from "./form-file.ts";

/** A place on a page, and what is known of it. */
export interface Place {
  /** Name of the field; undefined on a page of which no fields are known. */
  readonly name?: string | undefined;
  readonly rules?: FieldRules | undefined;
  /** Its corners on the picture, in pixels, from the top left clockwise. */
  readonly quad: Quad;
  /** Undefined where the picture does not show it. */
  readonly region?: Region | undefined;
}

/** All places of a page. */
export interface PagePlaces {
  /** Of the picture, in pixels. */
  readonly width: number;
  readonly height: number;
  /** In reading order, or in the order of the fields. */
  readonly places: readonly Place[];
  /** Why nothing can be relied on, with what to do. */
  readonly problem?: string | undefined;
}

/**
 * The places on a picture: the fields of a form, or whatever looks like a number.
 * @throws DataError when the picture's bytes do not fit its size, or the form is not to be found in it
 */
export function placesOn(picture: Picture, form?: Form<FormField>): PagePlaces {
  const { width, height } = picture;
  if (form === undefined) {
    const { regions, problem } = findNumbers(picture);
    return { width, height, problem, places: regions.map((region) => ({ quad: region.quad, region })) };
  }
  const { fields, problem } = form.find(picture);
  const places = fields.map(({ field: { name, rules }, quad, region }) => ({ name, rules, quad, region }));
  return { width, height, problem, places };
}

/** What is written at each place, as a network gets it; undefined where nothing is. */
export function linesAt(frame: LineFrame, places: readonly Place[]): (Line | undefined)[] {
  return places.map(({ region }) =>
    region?.ink === undefined ? undefined : lineOf(frame, { ...region.crop, channels: 1 }),
  );
}
