/** What every entry point offers, whatever it runs on. An entry point, so the one place that may re-export. */

export type { Dataset, PairDataset, SampleSpec } from "../data/dataset.ts";
export type { Project } from "../data/formats/project.ts";
export type { Arrays, BatchArrays, Dim, Port, Ports, Sizes } from "../data/port.ts";
export type { ClassWeights } from "../data/sampling.ts";
export { setBudget } from "../engine/budget.ts";
export { DataError, DuctusError, ShapeError, UsageError } from "../engine/errors.ts";
export { Random } from "../engine/random.ts";
export { Parameter, Tensor } from "../engine/tensor.ts";
export { type ExportModelOptions, exportModel } from "../export/export-model.ts";
export type { Agreement, Exported } from "../export/recognizer.ts";
export type { Archive, ArchiveLimits } from "../formats/archive.ts";
export { type ImportModelOptions, importModel } from "../import/import-model.ts";
export { type Metric, type MetricAccumulator, type MetricBatch, topK } from "../metrics/metric.ts";
export { type AnyModel, Model, type ModelOptions, type Recipe, type TaskOptions } from "../models/model.ts";
export { type Platform, platform } from "../platform/platform.ts";
export { VERSION } from "../platform/version.ts";
export type { Evaluation } from "../task/classify/evaluation.ts";
export type { AnyEvaluation } from "../task/evaluation.ts";
export type { LossFunction, LossName } from "../task/losses.ts";
export type { Score } from "../task/score.ts";
export type {
  Callback,
  CheckpointInfo,
  EpochInfo,
  StartInfo,
  StepInfo,
  TrainingControl,
} from "../train/callbacks.ts";
export { type Checkpoint, decodeCheckpoint, loadCheckpoint } from "../train/checkpoint.ts";
export { crossValidate } from "../train/cross-validation.ts";
export type { Teaching } from "../train/distill.ts";
export { type EarlyStoppingOptions, earlyStopping } from "../train/early-stopping.ts";
export { fit, type Run } from "../train/fit.ts";
export type { LrCurve } from "../train/lr-curve.ts";
export { findLr, type LrFindOptions } from "../train/lr-find.ts";
export { fitNovelty, type NoveltyOptions } from "../train/novelty/fit-novelty.ts";
export type { EpochResult } from "../train/results.ts";
export type { FitOptions, OptimizerSpec } from "../train/settings.ts";
export { DivergedError, ImpossibleSampleError } from "../train/trainer.ts";
export { crossValidateFinetune, type Finetuned, finetune } from "../train/transfer/finetune.ts";
export type { TransferOptions } from "../train/transfer/freeze.ts";
export { type Adapted, adapt } from "../train/transfer/transfer.ts";
export { encodeWeights, type LoadedWeights, loadWeights } from "../train/transfer/weights.ts";
export type { Watchable, WatchableMeasures } from "../train/watch.ts";
export { ensembleOf } from "../use/ensemble.ts";
export { type EvaluateOptions, evaluate } from "../use/evaluate.ts";
export {
  Explainer,
  type ExplainOptions,
  type Explanation,
  explain,
  type LayerActivation,
} from "../use/explain.ts";
export { type GenerateOptions, generate } from "../use/generate.ts";
export { halved } from "../use/halved.ts";
export { loadPackaged, type PackagedName } from "../use/packaged.ts";
export { conformTo, type Prediction, Predictor, type PredictorOptions, predict } from "../use/predict.ts";
export { LineReader } from "../use/read-line.ts";
export { NumbersReader } from "../use/read-numbers.ts";
export { TextReader } from "../use/read-text.ts";
export { averagedOver, shifts, type View } from "../use/test-time.ts";
export { encodeModel, load, TrainedModel } from "../use/trained-model.ts";
export { projectFiles, readArchive, writeArchive } from "./archives.ts";
export * as models from "./models.ts";
export * as nn from "./nn.ts";
export * as ops from "./ops.ts";
export * as optim from "./optim.ts";
export * as pages from "./pages.ts";
export * as synthesis from "./synthesis.ts";
export * as tasks from "./tasks.ts";
export * as text from "./text.ts";
