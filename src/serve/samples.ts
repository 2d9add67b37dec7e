/**
 * Samples as clients write them: nested lists of numbers, flat ones, or a whole file in base64. Numbers go to the
 * network as they are, in its own units; pictures of any size and polarity go through the model's preprocessing.
 */
import type { TypedArray } from "../engine/dtype.ts";
import { formatShape, sameShape, sizeOf } from "../engine/shape.ts";
import { asObject } from "./body.ts";
import { checkNumber, type Intake, type Range, sampleSize, shapeOfSample } from "./intake.ts";
import { RequestError } from "./request-error.ts";

/** Lists nested deeper than this are no samples. */
const MAX_DEPTH = 8;

/**
 * Writes one sample: `{ "b64": "…" }` holds a picture file, anything else numbers in the model's shape, with
 * or without its last axis when that is 1, or in one flat list.
 * @returns the file, which is still to be read; undefined where numbers were written
 * @throws RequestError 400 that says what was expected
 */
export function writeSample(
  intake: Intake,
  value: unknown,
  samples: TypedArray,
  index: number,
): Uint8Array<ArrayBuffer> | undefined {
  const file = base64File(value);
  if (file !== undefined) return file;
  const [shape, expected, size] = [shapeOf(value), shapeOfSample(intake), sampleSize(intake)];
  if (!accepts(expected, shape)) {
    throw new RequestError(
      400,
      `sample ${index} is ${formatShape(shape)}; "${intake.name}" takes ${formatShape(expected)}, or { "b64": a picture }`,
    );
  }
  const end = writeNumbers(value, shape, 0, samples, index * size, intake.ranges.x);
  if (end !== (index + 1) * size) throw new RequestError(400, `sample ${index} has a ragged list`);
  return undefined;
}

/** Whether a sample of this shape is what a model takes. */
export function accepts(expected: readonly number[], shape: readonly number[]): boolean {
  const isPlane = expected.at(-1) === 1 && sameShape(expected.slice(0, -1), shape);
  return isPlane || sameShape(expected, shape) || (shape.length === 1 && shape[0] === sizeOf(expected));
}

/** A sample may be wrapped in the name of the input; a file is an object of its own. */
export function unwrapped(row: unknown, input: string): unknown {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return row;
  return asObject(row, "a sample")["b64"] === undefined ? named(row, "a sample", input) : row;
}

/** The only field of an object. @param input its name, for the message @throws RequestError 400 where it has several, or none */
export function named(value: unknown, what: string, input: string): unknown {
  const values = Object.values(asObject(value, what));
  if (values.length !== 1) {
    throw new RequestError(400, `${what}: the model has one input, "${input}"; this names ${values.length}`);
  }
  return values[0];
}

/** Lengths along the first element of each list. */
function shapeOf(value: unknown): number[] {
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = inner[0]) {
    if (shape.length === MAX_DEPTH) throw new RequestError(400, `lists are nested more than ${MAX_DEPTH} deep`);
    shape.push(inner.length);
  }
  return shape;
}

/** Writes nested lists from `at` on; returns where it ended. */
function writeNumbers(
  value: unknown,
  shape: readonly number[],
  axis: number,
  samples: TypedArray,
  at: number,
  range: Range,
): number {
  if (axis === shape.length) {
    samples[at] = checkNumber(value, range);
    return at + 1;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    throw new RequestError(400, "a list is ragged: all lists of one depth must have the same length");
  }
  let end = at;
  for (const inner of value) end = writeNumbers(inner, shape, axis + 1, samples, end, range);
  return end;
}

/** The bytes of `{ "b64": … }`; undefined for anything else. @throws RequestError 400 for what is no base64 */
export function base64File(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !("b64" in value)) return undefined;
  if (typeof value.b64 !== "string") throw new RequestError(400, '"b64" must be a text: a file in base64');
  try {
    const text = atob(value.b64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  } catch {
    throw new RequestError(400, '"b64" is not base64');
  }
}
