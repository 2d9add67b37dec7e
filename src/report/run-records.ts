/**
 * What a run leaves beside its checkpoints: the leakage check at its start, `results.csv` and TensorBoard's events while it
 * runs, MLflow where it is asked for, and at its end the test, `results.json`, the test's predictions and `report.html`.
 *
 *     const records = new RunRecords({ folder, args, environment, test, note: console.error });
 *     const run = await fit(model, train, { validation: 0.1, callbacks: [runFolder({ path: folder, … }), ...records.callbacks] });
 *     await records.write(run, await records.measure(run.model));
 */
import type { Dataset } from "../data/dataset.ts";
import { type DataPart, findDuplicates, type Overlap } from "../data/duplicates.ts";
import { describeOverlap, refuseOverlap, summarizeOverlap } from "../data/leakage.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { modelName } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { Evaluation } from "../task/classify/evaluation.ts";
import { encodePredictions } from "../task/classify/saved-predictions.ts";
import { duration, grouped, round } from "../task/text.ts";
import { csvWriter } from "../tracking/csv.ts";
import { type MlflowTracker, mlflowTracker } from "../tracking/mlflow.ts";
import { tensorBoardWriter } from "../tracking/tensorboard.ts";
import type { Callback } from "../train/callbacks.ts";
import type { Run } from "../train/fit.ts";
import { plainResult } from "../train/results.ts";
import { runFiles } from "../train/run-folder.ts";
import { evaluate } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { type ComparisonTable, partCounts, type ReportInput } from "./input.ts";
import { runRecorder } from "./recorder.ts";

export interface RunRecordsOptions {
  /** An existing folder. */
  readonly folder: string;
  /** What `args.json` and `environment.json` hold. */
  readonly args: object;
  readonly environment: object;
  /** As the model wants it; looked at once, in the end. */
  readonly test: Dataset;
  /** Hears in one line what was found; `isBad` where it should be seen. */
  readonly note: (message: string, isBad: boolean) => void;
  /** Address of an MLflow server. */
  readonly mlflow?: string | undefined;
}

/** What a report says of a run beside its numbers. */
export interface AboutRun {
  /** What the run stands beside. */
  readonly comparison?: ComparisonTable | undefined;
  /** Which weights were tested, where they are not those of an epoch of the run. */
  readonly kept?: string | undefined;
}

/** Bytes of outputs on the test samples that a run keeps: of thousands of classes they would be most of a disk. */
const MOST_PREDICTIONS = 256 * 2 ** 20;

/** Keeps the records of one run. */
export class RunRecords {
  /** For `fit`. */
  readonly callbacks: readonly Callback[];
  readonly #options: RunRecordsOptions;
  readonly #recorder = runRecorder();
  readonly #mlflow: MlflowTracker | undefined;
  #overlaps: readonly Overlap[] = [];

  /** @throws UsageError when the address of the MLflow server is none */
  constructor(options: RunRecordsOptions) {
    const { folder, args, environment, note, mlflow } = options;
    this.#options = options;
    this.#mlflow =
      mlflow === undefined
        ? undefined
        : mlflowTracker({
            url: mlflow,
            runName: folder,
            parameters: args,
            tags: flatTags(environment),
            onProblem: (message) => note(message, false),
          });
    this.callbacks = [
      { onStart: ({ train, validation }) => this.#checkLeakage(train, validation) },
      this.#recorder,
      csvWriter(runFiles(folder).csv),
      tensorBoardWriter(folder),
      ...(this.#mlflow === undefined ? [] : [this.#mlflow]),
    ];
  }

  /** Measures the model on the test samples. */
  async measure(model: TrainedModel, backend?: Backend): Promise<Evaluation> {
    const { test } = this.#options;
    const trainedOn = this.#overlaps.find(({ from, to }) => from === "training" && to === "test");
    return evaluate(model, test, { backend, trainedOn });
  }

  /**
   * Writes results, predictions and report. @returns where the report is
   * @param about what only some runs have to say in their report
   */
  async write(run: Run, test: Evaluation, { comparison, kept }: AboutRun = {}): Promise<string> {
    const { folder, note } = this.#options;
    const files = runFiles(folder);
    const { writeFile } = platform();
    const overlaps = this.#overlaps.map(summarizeOverlap);
    const { ended, reason, steps, seconds, best } = run;
    const results = { ended, reason, steps, seconds, bestEpoch: best?.epoch, overlaps, test };
    await writeFile(files.results, `${JSON.stringify(results)}\n`);
    const size = test.predictions?.logits.byteLength ?? 0;
    if (size > MOST_PREDICTIONS) {
      note(`records  ${files.predictions} is left out: it would take ${Math.round(size / 2 ** 20)} MiB`, false);
    } else if (test.predictions !== undefined) {
      await writeFile(files.predictions, encodePredictions({ predictions: test.predictions, dataset: test.dataset }));
    }
    // Drawing is loaded when there is something to draw.
    const { renderReport } = await import("./report.ts");
    await writeFile(files.report, await renderReport({ ...this.#reportInput(run, test, kept), comparison }));
    await this.#mlflow?.finish({
      test_loss: test.loss,
      ...(test.accuracyOnNew !== undefined && { test_accuracy: test.accuracyOnNew.accuracy }),
    });
    return files.report;
  }

  #checkLeakage(train: DataPart["dataset"], validation: DataPart["dataset"] | undefined): void {
    const { test, note } = this.#options;
    const parts = this.#parts(train, validation, test);
    this.#overlaps = findDuplicates(parts);
    refuseOverlap(this.#overlaps);
    const leaks = this.#overlaps.filter(({ duplicates }) => duplicates.length > 0);
    if (leaks.length === 0) note("leakage  no sample is in two parts of the data, exactly or nearly", false);
    for (const overlap of leaks) note(`leakage  ${describeOverlap(overlap)}`, true);
  }

  #parts(train: DataPart["dataset"], validation: DataPart["dataset"] | undefined, test: Dataset): DataPart[] {
    return [
      { name: "training", dataset: train },
      ...(validation === undefined ? [] : [{ name: "validation", dataset: validation }]),
      { name: "test", dataset: test },
    ];
  }

  #reportInput(run: Run, test: Evaluation, kept?: string): ReportInput {
    const { args, environment, test: dataset } = this.#options;
    const { model, history, seconds, steps } = run;
    const { train, validation } = this.#recorder.data ?? {};
    const parts = train === undefined ? [] : this.#parts(train, validation, dataset);
    const speed = history.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond / history.length, 0);
    const parameters = [...model.network.namedParameters()].reduce((sum, [, parameter]) => sum + parameter.size, 0);
    return {
      title: `${modelName(model)} on ${test.dataset}`,
      subtitle: `${grouped(train?.length ?? 0)} training samples, ${grouped(history.length)} epochs, ${grouped(steps)} steps; tested once, in the end.`,
      created: new Date().toISOString(),
      facts: [
        ["network", modelName(model)],
        ["parameters", grouped(parameters)],
        ["training time", duration(seconds)],
        ["training speed", `${grouped(Math.round(speed))} images/s`],
        kept === undefined
          ? ["weights of epoch", `${run.best?.epoch ?? history.length} of ${history.length}`]
          : ["weights tested", kept],
        ["loss on the test", round(test.loss)],
      ],
      history: history.map(plainResult),
      steps: this.#recorder.steps,
      batches: this.#recorder.batches(),
      measured: { evaluation: test, dataset },
      classes: model.classes,
      parts: parts.map(partCounts),
      overlaps: this.#overlaps,
      records: [
        ["Recipe and arguments", args],
        ["Environment", environment],
      ],
    };
  }
}

function flatTags(environment: object): Record<string, string> {
  const simple = Object.entries(environment).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(simple.map(([name, value]) => [name, String(value)]));
}
