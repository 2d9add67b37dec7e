/**
 * What reading a page takes beside the network, as tasks of plain data (reading.ts): a photograph becomes the lines on it, and what the
 * network says of these becomes answers. The route is read.ts.
 */
import { DataError, UsageError } from "../engine/errors.ts";
import { Form } from "../page/form.ts";
import type { Line, LineFrame } from "../picture/line.ts";
import { answersFor, type LineScores, RuleBook } from "../read/answering.ts";
import type { NumberAnswer } from "../read/answers.ts";
import { type FormField, formJson, parseFields } from "../read/form-file.ts";
import { linesAt, type PagePlaces, placesOn } from "../read/places.ts";
import { type DecodePicture, decoded } from "./decode-picture.ts";
import type { Intake } from "./intake.ts";
import { RequestError } from "./request-error.ts";
import { readsPages, type ServedModel } from "./served-model.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A form whose fields are read. */
export interface SentForm {
  /** Under which a thread keeps what it found in the picture; undefined: it is used once. */
  readonly id?: string | undefined;
  /** A file with the picture of the blank form. */
  readonly picture: Bytes;
  /** JSON: its fields, or all that a `form.json` holds. */
  readonly fields: Bytes;
  /** The most that its picture may have. */
  readonly maxPixels: number;
}

/** A photograph of a page. */
export interface PageInput {
  /** Of the model that reads its lines. */
  readonly intake: Intake;
  readonly body: Bytes;
  readonly form?: SentForm | undefined;
  /** Of all pictures, by what their first bytes say. */
  readonly pixels: number;
  /** The most that the photograph may have. */
  readonly maxPixels: number;
}

/** What is on a page. */
export interface FoundPage extends PagePlaces {
  /** What is written at each place; undefined where nothing is. */
  readonly lines: readonly (Line | undefined)[];
}

export interface AnswersInput extends Pick<PagePlaces, "places"> {
  /** Of what is written at each place; undefined where nothing is. */
  readonly scores: readonly (LineScores | undefined)[];
  readonly alphabet: readonly string[];
  readonly minProbability: number | undefined;
}

/**
 * Finds what is to be read on a page.
 * @throws RequestError 400 for a form that is not as described or whose rules nothing meets, 422 when it is not in the photograph, and
 * whatever is wrong with a picture
 */
export async function findPage(
  { intake, body, form, maxPixels }: PageInput,
  decode: DecodePicture | undefined,
): Promise<FoundPage> {
  const opened = form && (await openForm(form, intake.names, decode));
  const picture = await decoded(body, maxPixels, decode);
  const found = await located(() => placesOn(picture, opened));
  return { ...found, lines: linesAt(intake.preprocessing as LineFrame & object, found.places) };
}

/** What the picture is was checked before: what cannot be found in it is the form. */
function located(find: () => PagePlaces): PagePlaces {
  try {
    return find();
  } catch (error) {
    throw error instanceof DataError ? new RequestError(422, error.message) : error;
  }
}

/** Answers for all places of a page. */
export function answerPage({ places, scores, alphabet, minProbability }: AnswersInput): NumberAnswer[] {
  return answersFor(places, scores, new RuleBook(alphabet), { minProbability });
}

/** Forms that this thread has looked at, the last used ones. */
const kept = new Map<string, { readonly form: Form<FormField>; readonly fields: readonly FormField[] }>();
const MOST_KEPT = 4;

/**
 * Makes a form of what was sent.
 * @param alphabet of the reader, over which its rules must be met
 * @throws RequestError 400 for fields that are not as described, lie outside of the picture, or have rules that no string meets; and
 * what decoding the picture throws
 */
export async function openForm(
  { id = "", picture, fields: json, maxPixels }: SentForm,
  alphabet: readonly string[],
  decode: DecodePicture | undefined,
): Promise<Form<FormField>> {
  let opened = kept.get(id);
  if (opened === undefined) {
    const fields = parseFields(formJson(json, '"fields"'), '"fields"');
    checkRules(fields, alphabet);
    opened = { fields, form: new Form(await decoded(picture, maxPixels, decode), fields) };
  } else checkRules(opened.fields, alphabet);
  if (id !== "") {
    kept.delete(id);
    kept.set(id, opened);
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT) kept.delete(oldest);
  }
  return opened.form;
}

/** A form that a server is started with. */
export interface GivenForm {
  /** A file with the picture of a blank one. */
  readonly picture: Uint8Array;
  /** What its `form.json` holds (docs/reading.md), or the list of its fields alone. */
  readonly fields: unknown;
}

/**
 * The form whose fields a server reads on pages unless a request brings another. It is found right before it is served.
 * @param models those that read pages are asked whether the rules make sense
 * @throws UsageError when no model reads pages, DataError naming what is wrong with the form
 */
export async function usualForm(
  { picture, fields }: GivenForm,
  models: readonly ServedModel[],
  maxPixels: number,
  decode?: DecodePicture,
): Promise<SentForm> {
  const readers = models.filter(readsPages);
  if (readers.length === 0) {
    throw new UsageError(
      "the fields of a form are read by a model that reads lines of writing, and none is served: ductus serve reader",
    );
  }
  const json = new Uint8Array(new TextEncoder().encode(JSON.stringify(fields)));
  const form = { id: crypto.randomUUID(), picture: new Uint8Array(picture), fields: json, maxPixels };
  try {
    for (const { intake } of readers) await openForm(form, intake.names, decode);
  } catch (error) {
    throw error instanceof RequestError ? new DataError(error.message, { cause: error }) : error;
  }
  return form;
}

function checkRules(fields: readonly FormField[], alphabet: readonly string[]): void {
  try {
    new RuleBook(alphabet).check(fields);
  } catch (error) {
    throw error instanceof UsageError ? new RequestError(400, error.message) : error;
  }
}
