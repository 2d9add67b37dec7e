/** Train: a network learns the digits that come with the page, while one watches. */
import type { Measured, TrainJob, TrainSettings } from "../engine/protocol.ts";
import { decimal, duration, exact, percent, texts, whole } from "../i18n/i18n.ts";
import {
  discard,
  type EpochRecord,
  goOn,
  isMeasuring,
  type JobState,
  job,
  pause,
  progress,
  stop,
} from "../state/job.ts";
import { choose, findEntry } from "../state/models.ts";
import { type OptimizerName, recipeOf } from "../state/networks.ts";
import { attempt } from "../state/notices.ts";
import type { NumberSetting } from "../state/order.ts";
import { go } from "../state/route.ts";
import { MistakeStrip } from "../task/classify/mistakes.tsx";
import { TestResult } from "../task/results.tsx";
import { Chart, type Point } from "../ui/chart.tsx";
import { Icon } from "../ui/icons.tsx";
import { Legend } from "../ui/legend.tsx";
import { TakeAway } from "../ui/take-away.tsx";
import { Order } from "./train-order.tsx";

export function TrainView() {
  const t = texts.value.train;
  const current = job.value?.project === undefined ? job.value : undefined;
  return (
    <>
      <div class="title">
        <h1>{current === undefined ? t.heading : headingOf(current)}</h1>
        {current === undefined && <p class="lead">{t.lead}</p>}
      </div>
      {current === undefined ? <Order /> : <Training state={current} />}
    </>
  );
}

function headingOf({ phase, title }: JobState): string {
  const t = texts.value.train;
  const words: Record<JobState["phase"], (title: string) => string> = {
    starting: t.running,
    running: t.running,
    pausing: t.running,
    paused: t.paused,
    finished: t.finished,
    stopped: t.stopped,
    failed: t.failed,
  };
  return words[phase](title);
}

function Training({ state }: { readonly state: JobState }) {
  const { phase, curve } = state;
  return (
    <div class="training">
      <Controls state={state} />
      {phase === "failed" && (
        <p class="error" role="alert">
          {state.error}
        </p>
      )}
      {(phase !== "failed" || curve.length > 0) && <Course state={state} />}
    </div>
  );
}

/** How it went, and what came of it. */
function Course({ state }: { readonly state: JobState }) {
  const { phase, records, outcome, modelId } = state;
  const isOver = phase === "finished" || phase === "stopped" || phase === "failed";
  const entry = modelId === undefined ? undefined : findEntry(modelId);
  return (
    <>
      <Figures state={state} />
      {outcome?.measured !== undefined && isOver && entry !== undefined && (
        <section class="next">
          <h2>{texts.value.away.heading}</h2>
          <TakeAway entry={entry} card={outcome.card} />
        </section>
      )}
      <Curves state={state} />
      <EpochTable records={records} />
      <Errors records={records} />
      {outcome?.measured !== undefined && <TestResult card={outcome.card} measured={outcome.measured} />}
    </>
  );
}

function Curves({ state: { job: work, records, curve, totalSteps, epochs } }: { readonly state: JobState }) {
  const t = texts.value.train;
  const { labelSmoothing = 0 } = work.kind === "train" ? recipeOf(work.architecture) : {};
  const last = records[records.length - 1];
  const points = (value: (record: EpochRecord) => number | undefined): readonly Point[] =>
    records.flatMap((record) => {
      const y = value(record);
      return y === undefined ? [] : [{ x: record.epoch, y }];
    });
  const steps = curve.map(({ step, loss }) => ({ x: (step / Math.max(1, totalSteps)) * epochs, y: loss }));
  return (
    <div>
      <Legend names={["training", "validation", "steps"]} />
      {labelSmoothing > 0 && <p class="soft">{t.smoothed(exact(labelSmoothing))}</p>}
      <div class="charts">
        <Chart
          title={t.lossChart}
          curves={[
            { name: "steps", points: steps },
            { name: "training", points: points(({ trainingLoss }) => trainingLoss) },
            { name: "validation", points: points(({ validationLoss }) => validationLoss) },
          ]}
          end={epochs}
          unit="number"
          summary={
            last?.validationLoss === undefined
              ? t.chartEmpty
              : t.lossSummary(decimal(last.trainingLoss), decimal(last.validationLoss))
          }
        />
        <Chart
          title={t.accuracyChart}
          curves={[
            { name: "training", points: points(({ trainingAccuracy }) => trainingAccuracy) },
            { name: "validation", points: points(({ accuracy }) => accuracy) },
          ]}
          end={epochs}
          unit="percent"
          summary={
            last?.accuracy === undefined || last.trainingAccuracy === undefined
              ? t.chartEmpty
              : t.accuracySummary(percent(last.trainingAccuracy), percent(last.accuracy))
          }
        />
      </div>
    </div>
  );
}

/** The same in numbers. */
function EpochTable({ records }: { readonly records: readonly EpochRecord[] }) {
  const t = texts.value.train;
  if (records.length === 0) return null;
  const optional = (value: number | undefined, show: (value: number) => string): string =>
    value === undefined ? "–" : show(value);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll by-epoch" aria-label={t.table} tabIndex={0}>
      <table class="numbers-table">
        <thead>
          <tr>
            <td />
            <th scope="colgroup" colSpan={2}>
              {t.loss}
            </th>
            <th scope="colgroup" colSpan={2}>
              {t.accuracy}
            </th>
          </tr>
          <tr>
            <th scope="col">{t.epoch}</th>
            {[t.loss, t.accuracy].flatMap((of) =>
              (["training", "validation"] as const).map((name) => (
                <th key={`${of} ${name}`} scope="col" class={name}>
                  {t.series[name]}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {records.map(({ epoch, trainingLoss, validationLoss, trainingAccuracy, accuracy }) => (
            <tr key={epoch}>
              <th scope="row">{whole(epoch)}</th>
              <td>{decimal(trainingLoss)}</td>
              <td>{optional(validationLoss, decimal)}</td>
              <td>{optional(trainingAccuracy, percent)}</td>
              <td>{optional(accuracy, percent)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Controls({ state }: { readonly state: JobState }) {
  const t = texts.value.train;
  const { phase, epoch, epochs, secondsLeft, modelId } = state;
  const isOver = phase === "finished" || phase === "stopped" || phase === "failed";
  return (
    <div class="controls">
      {!isOver && (
        <>
          <progress max={1} value={progress.value} aria-label={headingOf(state)} />
          <p class="soft state">
            {phase === "starting"
              ? t.starting
              : isMeasuring.value
                ? t.measuring
                : [
                    t.progress(whole(Math.max(1, epoch)), whole(epochs)),
                    ...(phase === "running" && secondsLeft !== undefined ? [t.left(duration(secondsLeft))] : []),
                  ].join(" · ")}
          </p>
        </>
      )}
      <div class="row">
        {(phase === "running" || phase === "starting" || phase === "pausing") && (
          <button type="button" disabled={phase !== "running"} onClick={() => attempt(pause)}>
            <Icon name="pause" />
            {t.pause}
          </button>
        )}
        {phase === "paused" && (
          <button type="button" class="primary" onClick={() => attempt(goOn)}>
            <Icon name="play" />
            {t.goOn}
          </button>
        )}
        {!isOver && (
          <button type="button" disabled={phase === "starting" || phase === "pausing"} onClick={() => attempt(stop)}>
            <Icon name="stop" />
            {t.stop}
          </button>
        )}
        {isOver && modelId !== undefined && (
          <button
            type="button"
            class="primary"
            onClick={() => {
              choose(modelId);
              go("draw");
            }}
          >
            <Icon name="draw" />
            {t.useIt}
          </button>
        )}
        {isOver && (
          <button type="button" onClick={() => attempt(discard)}>
            <Icon name="train" />
            {t.again}
          </button>
        )}
      </div>
    </div>
  );
}

/** What it comes to so far, in large figures: of the test, or of the last epoch's validation, or of training. */
function Figures({ state }: { readonly state: JobState }) {
  const t = texts.value.train;
  const { imagesPerSecond, backend, outcome, job: work } = state;
  const { name, accuracy, loss, interval } = newestOf(state);
  const optional = (value: number | undefined, show: (value: number) => string): string =>
    value === undefined ? "–" : show(value);
  return (
    <div>
      <dl class={`figures ${name}`}>
        <div class="main">
          <dt>{t.accuracy}</dt>
          <dd>{optional(accuracy, percent)}</dd>
          <dd class="soft">{interval !== undefined && t.interval(percent(interval[0]), percent(interval[1]))}</dd>
        </div>
        <div class="main">
          <dt>{t.loss}</dt>
          <dd>{optional(loss, decimal)}</dd>
          <dd class="soft" />
        </div>
        <div>
          <dt>{t.speed}</dt>
          <dd>{optional(imagesPerSecond, whole)}</dd>
          <dd class="soft">
            {[
              ...(backend === undefined ? [] : [t.backend(backend)]),
              ...(outcome === undefined ? [] : [t.took(duration(outcome.seconds))]),
            ].join(" · ")}
          </dd>
        </div>
      </dl>
      <Legend names={[name]} />
      {work.kind === "train" && work.settings !== undefined && (
        <p class="soft">{t.learned(settingsOf(work, work.settings))}</p>
      )}
    </div>
  );
}

interface Newest {
  readonly name: "training" | "validation" | "test";
  readonly accuracy?: number | undefined;
  readonly loss?: number | undefined;
  readonly interval?: Measured["interval"] | undefined;
}

function newestOf({ records, loss, outcome }: JobState): Newest {
  const last = records[records.length - 1];
  if (outcome?.measured !== undefined) return { name: "test", ...outcome.measured };
  if (last?.accuracy !== undefined) return { name: "validation", accuracy: last.accuracy, loss: last.validationLoss };
  return { name: "training", accuracy: last?.trainingAccuracy, loss };
}

function settingsOf({ augment }: TrainJob, { optimizer, lr, batchSize, weightDecay, dropout }: TrainSettings): string {
  const t = texts.value.train;
  const named = (field: NumberSetting, value: number): string => `${t.fields[field]} ${exact(value)}`;
  return [
    t.optimizers[optimizer as OptimizerName],
    named("lr", lr),
    named("batchSize", batchSize),
    named("weightDecay", weightDecay),
    ...(dropout === undefined ? [] : [named("dropout", dropout)]),
    `${t.augment} ${t.augments[augment]}`,
  ].join(" · ");
}

/** The worst errors of each epoch: rows that get shorter. */
function Errors({ records }: { readonly records: readonly EpochRecord[] }) {
  const t = texts.value.train;
  const most = Math.max(1, ...records.map(({ wrong = 0 }) => wrong));
  return (
    <section aria-label={t.mistakes}>
      <h2>{t.mistakes}</h2>
      <p class="soft">{records.length === 0 ? t.mistakesEmpty : t.mistakesLead}</p>
      <ol class="epochs" reversed>
        {[...records].reverse().map(({ epoch, wrong, samples, mistakes }) => (
          <li key={epoch}>
            <p>
              <b>{t.epochRow(whole(epoch))}</b>
              {wrong !== undefined && samples !== undefined && (
                <span class="soft">{t.wrong(whole(wrong), whole(samples))}</span>
              )}
              <i class="bar" aria-hidden="true" style={{ "--part": (wrong ?? 0) / most }} />
            </p>
            <MistakeStrip mistakes={mistakes} />
          </li>
        ))}
      </ol>
    </section>
  );
}
