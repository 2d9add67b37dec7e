/** Train: a network learns the digits that come with the page, while one watches. */
import { useSignal } from "@preact/signals";
import type { Measured } from "../engine/protocol.ts";
import { decimal, duration, percent, texts, whole } from "../i18n/i18n.ts";
import {
  discard,
  type EpochRecord,
  goOn,
  isBusy,
  isMeasuring,
  type JobState,
  job,
  pause,
  progress,
  startJob,
  stop,
  wrongOf,
} from "../state/job.ts";
import { choose, findEntry } from "../state/models.ts";
import { NETWORKS, type NetworkName } from "../state/networks.ts";
import { attempt } from "../state/notices.ts";
import { go } from "../state/route.ts";
import { Chart } from "../ui/chart.tsx";
import { Icon } from "../ui/icons.tsx";
import { MatrixTable } from "../ui/matrix.tsx";
import { MistakeStrip } from "../ui/mistakes.tsx";
import { TakeAway } from "../ui/take-away.tsx";

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

const EPOCHS = { least: 1, most: 100, first: 5 };

/** What is to be trained. */
function Order() {
  const t = texts.value.train;
  const network = useSignal<NetworkName>("ductus-s");
  const epochs = useSignal(EPOCHS.first);
  const augment = useSignal(false);
  const set = (value: number): void => {
    epochs.value = Math.min(EPOCHS.most, Math.max(EPOCHS.least, Math.round(value) || EPOCHS.least));
  };
  const start = (event: Event): void => {
    event.preventDefault();
    attempt(() =>
      startJob(
        {
          kind: "train",
          architecture: network.value,
          epochs: epochs.value,
          seed: 1,
          augment: augment.value ? "digits" : "none",
        },
        network.value,
      ),
    );
  };
  return (
    <form class="order" onSubmit={start}>
      <fieldset class="networks">
        <legend>{t.network}</legend>
        {NETWORKS.map(({ name, parameters }) => (
          <label key={name} class="option">
            <input
              type="radio"
              name="network"
              value={name}
              checked={network.value === name}
              onChange={() => {
                network.value = name;
              }}
            />
            <span class="name">{name}</span>
            <span class="soft">{t.networks[name]}</span>
            <span class="number">{t.parameters(whole(parameters))}</span>
          </label>
        ))}
      </fieldset>
      <div class="settings">
        <div class="field stepper">
          <label for="epochs">{t.epochs}</label>
          <div class="row">
            <button type="button" class="icon-button" aria-label={t.fewer} onClick={() => set(epochs.value - 1)}>
              <Icon name="minus" />
            </button>
            <input
              id="epochs"
              type="number"
              inputMode="numeric"
              min={EPOCHS.least}
              max={EPOCHS.most}
              value={epochs.value}
              aria-describedby="epochs-hint"
              onChange={(event) => {
                set(event.currentTarget.valueAsNumber);
                event.currentTarget.value = `${epochs.value}`;
              }}
            />
            <button type="button" class="icon-button" aria-label={t.moreEpochs} onClick={() => set(epochs.value + 1)}>
              <Icon name="plus" />
            </button>
          </div>
          <p id="epochs-hint" class="soft">
            {t.epochsHint}
          </p>
        </div>
        <div class="field">
          <label class="check">
            <input
              type="checkbox"
              checked={augment.value}
              aria-describedby="augment-hint"
              onChange={(event) => {
                augment.value = event.currentTarget.checked;
              }}
            />
            {t.augment}
          </label>
          <p id="augment-hint" class="soft">
            {t.augmentHint}
          </p>
        </div>
        <button type="submit" class="primary" disabled={isBusy.value}>
          <Icon name="train" />
          {t.start}
        </button>
        {isBusy.value && <p class="soft">{t.busy}</p>}
      </div>
    </form>
  );
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
  const t = texts.value.train;
  const { phase, records, curve, totalSteps, epochs, outcome, modelId } = state;
  const isOver = phase === "finished" || phase === "stopped" || phase === "failed";
  const accuracies = records.flatMap(({ epoch, accuracy }) =>
    accuracy === undefined ? [] : [{ x: epoch, y: accuracy }],
  );
  const entry = modelId === undefined ? undefined : findEntry(modelId);
  return (
    <>
      <Figures state={state} />
      {outcome?.measured !== undefined && isOver && entry !== undefined && (
        <section class="next">
          <h2>{texts.value.away.heading}</h2>
          <TakeAway entry={entry} isOpen />
        </section>
      )}
      <div class="charts">
        <Chart
          title={t.lossChart}
          xLabel={t.step}
          points={curve.map(({ step, loss }) => ({ x: step, y: loss }))}
          end={totalSteps}
          unit="number"
          summary={
            curve.length < 2
              ? t.chartEmpty
              : t.lossSummary(
                  decimal(curve[0].loss),
                  decimal(curve[curve.length - 1].loss),
                  whole(curve[curve.length - 1].step),
                )
          }
        />
        <Chart
          title={t.accuracyChart}
          xLabel={t.epoch}
          points={accuracies}
          end={epochs}
          hasDots
          unit="percent"
          summary={
            accuracies.length === 0
              ? t.chartEmpty
              : t.accuracySummary(percent(Math.max(...accuracies.map(({ y }) => y))), whole(accuracies.length))
          }
        />
      </div>
      <Errors records={records} />
      {outcome?.measured !== undefined && <TestResult measured={outcome.measured} />}
    </>
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

/** What it comes to, in large figures. */
function Figures({ state }: { readonly state: JobState }) {
  const t = texts.value.train;
  const { records, loss, imagesPerSecond, backend, outcome } = state;
  const last = records[records.length - 1];
  const measured = outcome?.measured;
  return (
    <dl class="figures">
      <div class="main">
        <dt>{t.accuracy}</dt>
        <dd>
          {measured !== undefined
            ? percent(measured.accuracy)
            : last?.accuracy === undefined
              ? "–"
              : percent(last.accuracy)}
        </dd>
        <dd class="soft">
          {measured === undefined
            ? t.validation
            : `${t.test}; ${t.interval(percent(measured.interval[0]), percent(measured.interval[1]))}`}
        </dd>
      </div>
      <div>
        <dt>{t.loss}</dt>
        <dd>{loss === undefined ? "–" : decimal(loss)}</dd>
        <dd class="soft">{outcome !== undefined && t.took(duration(outcome.seconds))}</dd>
      </div>
      <div>
        <dt>{t.speed}</dt>
        <dd>{imagesPerSecond === undefined ? "–" : whole(imagesPerSecond)}</dd>
        <dd class="soft">{backend !== undefined && t.backend(backend)}</dd>
      </div>
    </dl>
  );
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

function TestResult({ measured }: { readonly measured: Measured }) {
  const t = texts.value.train;
  return (
    <div class="result">
      <section aria-label={t.matrix}>
        <h2>{t.matrix}</h2>
        <MatrixTable matrix={measured.matrix} />
      </section>
      <section aria-label={t.mistakesTest}>
        <h2>{t.mistakesTest}</h2>
        <p class="soft">{t.wrong(whole(wrongOf(measured)), whole(measured.samples))}</p>
        <MistakeStrip mistakes={measured.mistakes} />
      </section>
    </div>
  );
}
