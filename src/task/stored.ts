/** Parts of a task as a model file keeps them. */
import { DataError } from "../engine/errors.ts";
import { check, Mismatch, type Schema } from "../engine/schema.ts";

/** @param name of the file, which starts the message @throws DataError when a part of a task is not what it should be */
export function checkedPart<T>(schema: Schema<T>, value: unknown, name: string): T {
  const found = check(schema, value);
  if (!(found instanceof Mismatch)) return found;
  throw new DataError(
    `${name}: what it says of its task is damaged or newer: ${found.path} ${found.message}; update ductus`,
  );
}
