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
import { describeOverlap, refuseOverlap, summarizeOverlap } from "../data/overlap.ts";
import { nounOf } from "../data/port.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { modelName } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import type { AnyTask, MeasuredOf } from "../task/task.ts";
import { duration, grouped, round } from "../task/text.ts";
import { csvWriter } from "../tracking/csv.ts";
import { type MlflowTracker, mlflowTracker } from "../tracking/mlflow.ts";
import { tensorBoardWriter } from "../tracking/tensorboard.ts";
import type { Callback } from "../train/callbacks.ts";
import type { Run } from "../train/fit.ts";
import { plainResult } from "../train/results.ts";
import { parseStatus, runFiles, statusText } from "../train/run-folder.ts";
import { evaluate } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import type { ComparisonTable, ReportInput } from "./input.ts";
import { runRecorder } from "./recorder.ts";

/** Where a run leaves records beside its folder. */
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

/** Bytes of outputs on the test samples that a run keeps: with thousands for each they would be most of a disk. */
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
  async measure<T extends AnyTask = Classify>(model: TrainedModel<T>, backend?: Backend): Promise<MeasuredOf<T>> {
    const { test } = this.#options;
    const trainedOn = this.#overlaps.find(({ from, to }) => from === "training" && to === "test");
    return evaluate(model, test, { backend, trainedOn });
  }

  /**
   * Writes results, predictions and report. @returns where the report is
   * @param about what only some runs have to say in their report
   */
  async write(run: Run<AnyTask>, test: AnyEvaluation, { comparison, kept }: AboutRun = {}): Promise<string> {
    const { folder, note } = this.#options;
    const files = runFiles(folder);
    const { writeFile } = platform();
    const overlaps = this.#overlaps.map(summarizeOverlap);
    const { ended, reason, steps, seconds, best } = run;
    const results = { ended, reason, steps, seconds, bestEpoch: best?.epoch, overlaps, test };
    await writeFile(files.results, `${JSON.stringify(results)}\n`);
    // Drawing is loaded when there is something to draw.
    const [{ renderReport }, { REPORT_VIEWS }] = await Promise.all([import("./report.ts"), import("./views.ts")]);
    const { task } = run.model;
    const predictions = (await REPORT_VIEWS[task.kind]()).predictions(test);
    if (predictions !== undefined && predictions.bytes > MOST_PREDICTIONS) {
      const size = Math.round(predictions.bytes / 2 ** 20);
      note(`records  ${files.predictions} is left out: it would take ${size} MiB`, false);
    } else if (predictions !== undefined) await writeFile(files.predictions, predictions.encode());
    await writeFile(files.report, await renderReport({ ...this.#reportInput(run, test, kept), comparison }));
    const { name } = task.primary;
    const measured = test.measure(name);
    await this.#mlflow?.finish({ test_loss: test.loss, ...(measured !== undefined && { [`test_${name}`]: measured }) });
    await this.#close(run.ended);
    return files.report;
  }

  /** Says in the folder that nothing is left to do, where there is a run folder. */
  async #close(ended: Run["ended"]): Promise<void> {
    const { readFile, writeFile, listFolder } = platform();
    const { folder } = this.#options;
    const { status } = runFiles(folder);
    if (!(await listFolder(folder))?.includes("status.json")) return;
    const { times } = parseStatus(await readFile(status));
    await writeFile(status, statusText({ end: ended === "aborted" ? "interrupted" : "done", times }));
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

  #reportInput(run: Run<AnyTask>, test: AnyEvaluation, kept?: string): ReportInput {
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
        ["training speed", `${grouped(Math.round(speed))} ${nounOf(dataset.inputs)}/s`],
        kept === undefined
          ? ["weights of epoch", `${run.best?.epoch ?? history.length} of ${history.length}`]
          : ["weights tested", kept],
        ["loss on the test", round(test.loss)],
      ],
      history: history.map(plainResult),
      steps: this.#recorder.steps,
      batches: this.#recorder.batches(),
      measured: { evaluation: test, dataset },
      model,
      parts,
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
