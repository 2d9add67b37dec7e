/**
 * What a report says that depends on the task: one view for each kind. They draw, so they are loaded when a page is written, and
 * stand apart from the views that everybody who measures needs (task/views.ts).
 */
import type { DataPart } from "../data/duplicates.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import type { TaskKind } from "../task/task.ts";
import type { Markup } from "./html.ts";
import type { MeasuredData } from "./input.ts";

export interface ReportView {
  /** The big number on top. */
  score(measured: MeasuredData): Markup;
  /** Sections about what was measured; undefined where there is nothing to say. */
  results(measured: MeasuredData, model: AnyModel): Promise<Markup | undefined>;
  /** What the parts of the data consist of. */
  counts(parts: readonly DataPart[], model: AnyModel): Markup;
  /** The model's output for every sample, as a file by which runs are compared; undefined where nothing is kept. */
  predictions(evaluation: AnyEvaluation): { readonly bytes: number; encode(): Uint8Array } | undefined;
}

export const REPORT_VIEWS: Readonly<Record<TaskKind, () => Promise<ReportView>>> = {
  classify: async () => (await import("./classify.ts")).view,
  transcribe: async () => (await import("./transcribe.ts")).view,
  generate: async () => (await import("./generate.ts")).view,
};
