/** Reads what a model file says of inputs that are numbers (input.ts): of a picture with its preprocessing, or measurements. */
import { DataError } from "../engine/errors.ts";
import { check, either, list, Mismatch, number, oneOf, record, type Schema, whole } from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { preprocessingSchema } from "../picture/preprocessing-schema.ts";
import type { Normalization, NumbersType } from "./input.ts";

const numbers = either(number(), list(number()));
const nothing: Schema<null> = (value, path) => {
  if (value !== null) throw new Mismatch(path, "must be null");
  return value;
};
const normalizationSchema: Schema<Normalization> = record({ mean: numbers, std: numbers }, {}, "ignored");
/** What files say of numbers beside their shape. */
export const typed = { dtype: oneOf("uint8", "float32", "int32"), normalization: either(normalizationSchema, nothing) };
const inputSchema = record({ shape: list(whole(1), 1, 8), ...typed }, {}, "ignored");

/** What a file says of an input of numbers. */
export interface StoredNumbers {
  readonly shape: readonly number[];
  readonly dtype: NumbersType;
  readonly normalization: Normalization | null;
  readonly preprocessing: JsonRecord | undefined;
}

/** @throws DataError when it is damaged, or its preprocessing is newer than this version */
export function checkNumbers(stored: JsonRecord, name: string): StoredNumbers {
  return { ...checkedInput(inputSchema, stored, name), preprocessing: checkPreprocessing(stored.preprocessing, name) };
}

/** @param name starts the message @throws DataError when what a file says of an input is not what it should be */
export function checkedInput<T>(schema: Schema<T>, stored: JsonRecord, name: string): T {
  const found = check(schema, stored);
  if (!(found instanceof Mismatch)) return found;
  throw new DataError(`${name}: what it says of its inputs is damaged: ${found.path} ${found.message}`);
}

function checkPreprocessing(stored: unknown, name: string): JsonRecord | undefined {
  if (typeof stored !== "object" || stored === null || Object.keys(stored).length === 0) return undefined;
  const checked = check(preprocessingSchema, stored);
  if (!(checked instanceof Mismatch)) return { ...checked };
  throw new DataError(`${name}: its preprocessing is unknown; update ductus or train it again`);
}
