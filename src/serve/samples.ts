/**
 * Samples as clients write them: nested lists of numbers, flat ones, or a whole picture in base64. Numbers go to the
 * network as they are, in its own units; pictures of any size and polarity go through the model's preprocessing.
 */
import { formatShape, sameShape, sizeOf } from "../engine/shape.ts";
import type { Samples } from "./batcher.ts";
import { shown } from "./body.ts";
import type { Intake } from "./intake.ts";
import { RequestError } from "./request-error.ts";
import type { Signature } from "./served-model.ts";

/** The largest number of float32. */
export const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

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
  samples: Samples,
  index: number,
): Uint8Array<ArrayBuffer> | undefined {
  const file = base64File(value);
  if (file !== undefined) return file;
  const shape = shapeOf(value);
  if (!accepts(intake.inputShape, shape)) {
    throw new RequestError(
      400,
      `sample ${index} is ${formatShape(shape)}; "${intake.name}" takes ${formatShape(intake.inputShape)}, or { "b64": a picture }`,
    );
  }
  const end = writeNumbers(value, shape, 0, samples, index * intake.sampleSize);
  if (end !== (index + 1) * intake.sampleSize) throw new RequestError(400, `sample ${index} has a ragged list`);
  return undefined;
}

/** Whether a sample of this shape is what a model takes. */
export function accepts(expected: readonly number[], shape: readonly number[]): boolean {
  const isPlane = expected.at(-1) === 1 && sameShape(expected.slice(0, -1), shape);
  return isPlane || sameShape(expected, shape) || (shape.length === 1 && shape[0] === sizeOf(expected));
}

/**
 * One number for the network.
 * @throws RequestError 400 unless it is finite, and a whole number 0 … 255 where the model takes bytes
 */
export function checkNumber(value: unknown, samples: Samples): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new RequestError(400, `expected a finite number, not ${shown(value)}`);
  }
  if (samples instanceof Uint8Array && !(Number.isInteger(value) && value >= 0 && value <= 255)) {
    const hint = value > 0 && value < 1 ? "; send pixels as they are, not divided by 255" : "";
    throw new RequestError(400, `this model takes bytes, whole numbers from 0 to 255; ${value} is none${hint}`);
  }
  if (samples instanceof Float32Array && !Number.isFinite(Math.fround(value))) {
    throw new RequestError(400, `${value} does not fit into float32`);
  }
  return value;
}

/** Which numbers a model takes, for descriptions of it. */
export function takes({ inputType }: Signature): { readonly whole: boolean; readonly range: readonly number[] } {
  const isBytes = inputType === "uint8";
  return { whole: isBytes, range: isBytes ? [0, 255] : [-FLOAT32_MAX, FLOAT32_MAX] };
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
function writeNumbers(value: unknown, shape: readonly number[], axis: number, samples: Samples, at: number): number {
  if (axis === shape.length) {
    samples[at] = checkNumber(value, samples);
    return at + 1;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    throw new RequestError(400, "a list is ragged: all lists of one depth must have the same length");
  }
  let end = at;
  for (const inner of value) end = writeNumbers(inner, shape, axis + 1, samples, end);
  return end;
}

function base64File(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !("b64" in value)) return undefined;
  if (typeof value.b64 !== "string") throw new RequestError(400, '"b64" must be a text: a picture file in base64');
  try {
    const text = atob(value.b64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  } catch {
    throw new RequestError(400, '"b64" is not base64');
  }
}
