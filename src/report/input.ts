/** What a report is made from. Every part but the title and the model may be missing; its section is then left out. */
import type { Dataset } from "../data/dataset.ts";
import type { DataPart, Overlap } from "../data/duplicates.ts";
import type { SamplePictures } from "../data/mosaic.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import type { PlainResult } from "../train/results.ts";

/** Mean loss over some steps up to this one. */
export interface StepPoint {
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
}

/** An evaluation with the samples that it is about. */
export interface MeasuredData<E extends AnyEvaluation = AnyEvaluation> {
  readonly evaluation: E;
  readonly dataset: Dataset;
}

/** Models beside each other: a row for each, its name first. */
export interface ComparisonTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly caption?: string | undefined;
}

/** What a report is made of. */
export interface ReportInput {
  readonly title: string;
  /** What was done, in one line. */
  readonly subtitle: string;
  /** When, as ISO 8601. */
  readonly created: string;
  /** Shown beside the results: parameters, time, file … */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly history: readonly PlainResult[];
  readonly steps: readonly StepPoint[];
  /** Samples of the first batches, as the network got them. */
  readonly batches?: SamplePictures | undefined;
  readonly measured?: MeasuredData | undefined;
  readonly comparison?: ComparisonTable | undefined;
  /** What was measured, or trained. */
  readonly model: AnyModel;
  readonly parts: readonly DataPart[];
  readonly overlaps: readonly Overlap[];
  /** Everything else that is known, as plain data by name: recipe, data, environment. */
  readonly records: readonly (readonly [name: string, value: object])[];
}
