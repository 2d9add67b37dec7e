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

type StoredField = FieldRules & FormBox;

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

const FIELDS = refined(list(FIELD, 1, MOST_FIELDS), (fields) => {
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, k) => names.indexOf(name) < k);
  const flat = fields.find(({ box }) => box[2] < 1 || box[3] < 1);
  if (twice !== undefined) return `has two fields named "${twice}"`;
  return flat && `has the field "${flat.name}" without width or height`;
});

const FORM = record({ picture: text, fields: FIELDS });
/** The same where the picture comes beside it, whatever it is called. */
const SENT = record({ fields: FIELDS }, { picture: text });

/**
 * Checks the description of a form.
 * @param value what its JSON holds  @param name of the file, for messages
 * @throws DataError naming what is wrong
 */
export function parseForm(value: unknown, name: string): FormDescription {
  const form = check(FORM, value);
  if (form instanceof Mismatch) throw mismatch(form, name);
  return { picture: form.picture, fields: form.fields.map(fieldOf) };
}

/**
 * Checks the fields of a form whose picture comes beside them.
 * @param value a list of fields as in `form.json`, or all that such a file holds  @param name starts messages
 * @throws DataError naming what is wrong
 */
export function parseFields(value: unknown, name: string): FormField[] {
  const form = check(SENT, Array.isArray(value) ? { fields: value } : value);
  if (form instanceof Mismatch) throw mismatch(form, name);
  return form.fields.map(fieldOf);
}

/** The JSON of a form. @throws DataError when it is none */
export function formJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DataError(
      `${name}: is no JSON (${(cause as Error).message}); see docs/reading.md for what describes a form`,
      { cause },
    );
  }
}

const fieldOf = ({ name, box, ...rules }: StoredField): FormField => ({ name, box, rules });

const mismatch = ({ path, message }: Mismatch, name: string): DataError =>
  new DataError(`${name}: ${path || "the form"} ${message}`);
