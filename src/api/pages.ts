/** `pages`: the numbers on photographed pages. An entry point, so the one place that may re-export. */
export { type FoundNumbers, findNumbers, type Region, type RegionKind } from "../page/find-numbers.ts";
export type { AnswerCharacter, NumberAnswer, PageAnswer, Refusal } from "../read/answers.ts";
export { type KnownRegion, PageReader, type ReadOptions } from "../read/page-reader.ts";
export type { Checksum } from "../task/transcribe/fields/checksums.ts";
export type { FieldRules } from "../task/transcribe/fields/field.ts";
