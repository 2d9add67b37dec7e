/** `pages`: the numbers on photographed pages. An entry point, so the one place that may re-export. */
export { type FoundNumbers, findNumbers } from "../page/find-numbers.ts";
export { Form, type FormBox, type FoundField, type FoundFields } from "../page/form.ts";
export type { Region, RegionKind } from "../page/regions.ts";
export type { KnownRegion, ReadOptions } from "../read/answer-of.ts";
export {
  type AnswerCharacter,
  type NumberAnswer,
  type PageAnswer,
  pageJson,
  placeOf,
  type Refusal,
} from "../read/answers.ts";
export { type FormDescription, type FormField, formJson, parseForm } from "../read/form-file.ts";
export { PageReader } from "../read/page-reader.ts";
export { type Correction, linesCsv, type PageRows, readingsCsv } from "../read/readings-csv.ts";
export type { Checksum } from "../task/transcribe/fields/checksums.ts";
export type { FieldRules } from "../task/transcribe/fields/field.ts";
