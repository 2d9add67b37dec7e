/** `tasks`: what a model is for. An entry point, so the one place that may re-export. */
export { NETWORKS, type NetworkName } from "../models/network-table.ts";
export { type CreateForOptions, createFor, findNetwork } from "../models/networks.ts";
export { Classify, type Ranked } from "../task/classify/classify.ts";
export type { GenerateEvaluation } from "../task/generate/evaluation.ts";
export { Generate, type NextTokens } from "../task/generate/generate.ts";
export { type InputCodec, type InputKind, NumbersInput, type NumbersOptions, type NumbersType } from "../task/input.ts";
export { LineInput } from "../task/line-input.ts";
export { SequenceInput, type SequenceOptions } from "../task/sequence-input.ts";
export type { AnyTask, Measures, Primary, Task, TaskKind, Tensors } from "../task/task.ts";
export { TextInput, type TextInputOptions } from "../task/text-input.ts";
export type { ImpossibleString, ReadString, TranscribeEvaluation } from "../task/transcribe/evaluation.ts";
export { Transcribe, type Transcription } from "../task/transcribe/transcribe.ts";
export { INPUT_VIEWS, type Likely, VIEWS } from "../task/views.ts";
