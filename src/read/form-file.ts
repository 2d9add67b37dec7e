/**
 * The description of a form, as `form.json` has it: the picture of one, and its fields with what may stand in them. What finds the
 * fields in a photograph is page/form.ts, what reads them page-reader.ts.
 */
import { DataError, DuctusError, nearest } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import {
  type Checked,
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
  /** The file with the picture of the form, beside this one. */
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

/** Where the values of a field stand: a file beside the form's, and which column of it if it is a table. */
export interface ValuesFile {
  readonly file: string;
  readonly column?: string | undefined;
}

type Fields = Readonly<Record<string, Schema<unknown>>>;

/** As `record`, with the key that a wrong one may have meant. */
function named<R extends Fields, O extends Fields>(required: R, optional: O) {
  const schema = record(required, optional);
  const keys = [...Object.keys(required), ...Object.keys(optional)];
  return (value: unknown, path: string): Checked<typeof schema> => {
    const given = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
    const stranger = given.find((key) => !keys.includes(key));
    if (stranger === undefined) return schema(value, path);
    const meant = nearest(stranger, keys);
    const hint = meant === undefined ? `known: ${keys.join(", ")}` : `did you mean "${meant}"?`;
    throw new Mismatch(path, `has the unknown field ${quote(stranger)}; ${hint}`);
  };
}

const VALUES_FILE: Schema<ValuesFile> = named({ file: text }, { column: text });

/** A list, the name of a file, or a file and its column. */
const VALUES: Schema<readonly string[] | ValuesFile> = (value, path) => {
  if (typeof value === "string") return { file: value };
  if (Array.isArray(value)) return list(text, 1)(value, path);
  if (typeof value === "object" && value !== null) return VALUES_FILE(value, path);
  throw new Mismatch(path, "must be a list of texts, or the name of a file with one a line");
};

const FIELD = named(
  { name: text, box: list(number(), 4, 4) },
  { length: LENGTH, pattern: text, values: VALUES, checksum: oneOf(...CHECKSUMS) },
);
type StoredField = Checked<typeof FIELD>;

const FIELDS = refined(list(FIELD, 1, MOST_FIELDS), (fields) => {
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, k) => names.indexOf(name) < k);
  const flat = fields.find(({ box }) => box[2] < 1 || box[3] < 1);
  if (twice !== undefined) return `has two fields named ${quote(twice)}`;
  return flat && `has the field ${quote(flat.name)} without width or height`;
});

const FORM = named({ picture: text, fields: FIELDS }, {});
/** The same where the picture comes beside it, whatever it is called. */
const SENT = named({ fields: FIELDS }, { picture: text });

/**
 * Checks the description of a form whose values all stand in it.
 * @param value what its JSON holds  @param name of the file, for messages
 * @throws DataError naming what is wrong, and the field
 */
export function parseForm(value: unknown, name: string): FormDescription {
  const { picture, fields } = checked(FORM, value, name);
  return { picture, fields: fields.map((field) => fieldOf(field, name)) };
}

/**
 * As {@link parseForm}, of a form whose values may stand in files.
 * @param valuesOf reads such a file, whose name is as the form has it
 * @throws DataError naming what is wrong, and the field
 */
export async function openForm(
  value: unknown,
  name: string,
  valuesOf: (file: ValuesFile) => Promise<readonly string[]>,
): Promise<FormDescription> {
  const { picture, fields } = checked(FORM, value, name);
  const complete = async (field: StoredField): Promise<StoredField> => {
    const { values } = field;
    if (values === undefined || isList(values)) return field;
    try {
      return { ...field, values: await valuesOf(values) };
    } catch (cause) {
      if (!(cause instanceof DuctusError)) throw cause;
      throw new DataError(`${name}: the values of the field ${quote(field.name)}: ${cause.message}`, { cause });
    }
  };
  return { picture, fields: (await Promise.all(fields.map(complete))).map((field) => fieldOf(field, name)) };
}

/**
 * Checks the fields of a form whose picture comes beside them.
 * @param value a list of fields as in `form.json`, or all that such a file holds  @param name starts messages
 * @throws DataError naming what is wrong, and the field
 */
export function parseFields(value: unknown, name: string): FormField[] {
  const { fields } = checked(SENT, Array.isArray(value) ? { fields: value } : value, name);
  return fields.map((field) => fieldOf(field, name));
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

const isList = (values: readonly string[] | ValuesFile): values is readonly string[] => Array.isArray(values);

function fieldOf({ name, box, values, ...rules }: StoredField, form: string): FormField {
  if (values === undefined) return { name, box, rules };
  if (isList(values)) return { name, box, rules: { ...rules, values } };
  throw new DataError(`${form}: the values of the field ${quote(name)} are in a file; here they must be a list`);
}

/** @throws DataError naming what is wrong; fields by their names */
function checked<T>(schema: Schema<T>, value: unknown, name: string): T {
  const form = check(schema, value);
  if (!(form instanceof Mismatch)) return form;
  const { path, message } = form;
  const [, at, key] = /^fields\.(\d+)\.?(.*)$/.exec(path) ?? [];
  const field = at === undefined ? undefined : (value as { fields: { name?: unknown }[] }).fields[Number(at)]?.name;
  if (typeof field !== "string") throw new DataError(`${name}: ${path || "the form"} ${message}`);
  throw new DataError(`${name}: the field ${quote(field)}${key ? `: ${key}` : ""} ${message}`);
}
