/**
 * `ductus/records`: reports, tracking and comparisons, for Node and web pages alike. Apart from the main entry, as a page that
 * only trains has no use for them. Import `ductus` first: it says what it runs on.
 *
 *     import { fit } from "ductus";
 *     import { RunRecords } from "ductus/records";
 */
export { type DataPart, type Duplicate, findDuplicates, type Overlap } from "./data/duplicates.ts";
export { describeOverlap } from "./data/overlap.ts";
export type { ComparisonTable, ReportInput } from "./report/input.ts";
export { renderReport } from "./report/report.ts";
export { type AboutRun, RunRecords, type RunRecordsOptions } from "./report/run-records.ts";
export { fitTemperature } from "./task/classify/calibration.ts";
export { type JudgedSample, suspectedLabels, worstErrors } from "./task/classify/errors.ts";
export { comparePaired, type PairedComparison } from "./task/classify/mcnemar.ts";
export { formatComparison, formatEvaluation } from "./task/classify/text.ts";
export { csvWriter } from "./tracking/csv.ts";
export { type MlflowOptions, type MlflowTracker, mlflowTracker } from "./tracking/mlflow.ts";
export { tensorBoardWriter } from "./tracking/tensorboard.ts";
