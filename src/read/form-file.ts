/**
 * The description of a form, as `form.json` has it: the picture of a blank one, and its fields with what may stand in them. What finds the
 * fields in a photograph is page/form.ts, what reads them page-reader.ts.
 */
import { DataError } from "../engine/errors.ts";
import {
  check,
  either,
  list,
  Mismatch,
  number,
  oneOf,
  record,
  refined,
  type Schema,
  text,
  whole,
} from "../engine/schema.ts";
import type { FormBox } from "../page/form.ts";
import { CHECKSUMS } from "../task/transcribe/fields/checksums.ts";
import type { FieldRules } from "../task/transcribe/fields/field.ts";

/** A field of a form, and what may stand in it. */
export interface FormField extends FormBox {
  readonly rules?: FieldRules | undefined;
}

/** What `form.json` holds. */
export interface FormDescription {
  /** The file with the picture of the blank form, beside this one. */
  readonly picture: string;
  readonly fields: readonly FormField[];
}

const MOST_FIELDS = 1000;
const MOST_CHARACTERS = 1000;

const LENGTH: Schema<number | readonly [number, number]> = either<number, readonly [number, number]>(
  whole(1, MOST_CHARACTERS),
  (value, path) => {
    const [least, most] = list(whole(1, MOST_CHARACTERS), 2, 2)(value, path);
    return [least, most];
  },
);

const FIELD = record(
  { name: text, box: list(number(), 4, 4) },
  { length: LENGTH, pattern: text, values: list(text, 1), checksum: oneOf(...CHECKSUMS) },
);

const FORM = record({
  picture: text,
  fields: refined(list(FIELD, 1, MOST_FIELDS), (fields) => {
    const names = fields.map(({ name }) => name);
    const twice = names.find((name, k) => names.indexOf(name) < k);
    const flat = fields.find(({ box }) => box[2] < 1 || box[3] < 1);
    if (twice !== undefined) return `has two fields named "${twice}"`;
    return flat && `has the field "${flat.name}" without width or height`;
  }),
});

/**
 * Checks the description of a form.
 * @param value what its JSON holds  @param name of the file, for messages
 * @throws DataError naming what is wrong
 */
export function parseForm(value: unknown, name: string): FormDescription {
  const form = check(FORM, value);
  if (form instanceof Mismatch) throw new DataError(`${name}: ${form.path || "the form"} ${form.message}`);
  return {
    picture: form.picture,
    fields: form.fields.map(({ name, box, ...rules }) => ({ name, box, rules })),
  };
}
