/** What has to be known of a model to read samples for it: plain data, which threads that read for others are given, too. */
import type { Port, Ports } from "../data/port.ts";
import type { TypedArray } from "../engine/dtype.ts";
import { allocate as allocated } from "../engine/dtype.ts";
import { type Shape, sizeOf } from "../engine/shape.ts";
import type { InputKind } from "../task/input.ts";
import { shown } from "./body.ts";
import { RequestError } from "./request-error.ts";

/** Numbers that an input takes. */
export interface Range {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
  /** What is probably wrong with a fraction between 0 and 1. */
  readonly fraction?: string | undefined;
}

export interface Intake {
  /** For messages. */
  readonly name: string;
  readonly kind: InputKind;
  readonly ports: Ports;
  /** By port. */
  readonly ranges: Readonly<Record<string, Range>>;
  /** What a picture may show. */
  readonly names: readonly string[];
  readonly preprocessing?: Readonly<Record<string, unknown>> | undefined;
  /** Samples of one request at most. */
  readonly maxCount: number;
  /** Most tokens of a text. */
  readonly maxLength: number;
}

/** The largest number of float32. */
export const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/** The shape of samples of a model whose samples all have the same. */
export const shapeOfSample = ({ ports }: Intake): Shape => ports.x.shape as Shape;

/** Numbers in one sample of such a model. */
export const sampleSize = (intake: Intake): number => sizeOf(shapeOfSample(intake));

/** Room for the main input of `count` samples of such a model. @throws RequestError 413 when these are too many */
export function allocate(intake: Intake, count: number): TypedArray {
  checkCount(intake, count);
  return allocated(intake.ports.x.dtype, count * sampleSize(intake));
}

/** @throws RequestError 413 when these are too many samples */
export function checkCount({ maxCount }: Intake, count: number): void {
  if (count > maxCount) throw tooManySamples(count, maxCount);
}

export function tooManySamples(count: number, maxCount: number): RequestError {
  return new RequestError(413, `${count} samples in one request; at most ${maxCount} are allowed`);
}

/** The numbers that fit into a port, whatever is in it. */
export function rangeOf({ dtype }: Port): Range {
  return {
    uint8: { least: 0, most: 255, isWhole: true, fraction: "send pixels as they are, not divided by 255" },
    int32: { least: -(2 ** 31), most: 2 ** 31 - 1, isWhole: true },
    float32: { least: -FLOAT32_MAX, most: FLOAT32_MAX, isWhole: false },
  }[dtype];
}

/**
 * One number for the network.
 * @throws RequestError 400 unless it is finite, and one that the input takes
 */
export function checkNumber(value: unknown, { least, most, isWhole, fraction }: Range): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new RequestError(400, `expected a finite number, not ${shown(value)}`);
  }
  if (isWhole && !(Number.isInteger(value) && value >= least && value <= most)) {
    const hint = fraction !== undefined && value > 0 && value < 1 ? `; ${fraction}` : "";
    throw new RequestError(400, `this input takes whole numbers from ${least} to ${most}; ${value} is none${hint}`);
  }
  if (!isWhole && !Number.isFinite(Math.fround(value))) {
    throw new RequestError(400, `${value} does not fit into float32`);
  }
  return value;
}

/** Which numbers an input takes, for descriptions of it. */
export function takes({ isWhole, least, most }: Range): { readonly whole: boolean; readonly range: readonly number[] } {
  return { whole: isWhole, range: [least, most] };
}
