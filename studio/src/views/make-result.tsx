/** Training a recognizer of one's own, and honest words on how good it has become. */
import type { Measured } from "../engine/protocol.ts";
import { percent, texts, whole } from "../i18n/i18n.ts";
import { isBusy, isMeasuring, job, progress, startJob, stop } from "../state/job.ts";
import { baseBytes, type ModelEntry } from "../state/models.ts";
import { attempt } from "../state/notices.ts";
import { contentOf, type Project, samplesOf } from "../state/projects.ts";
import { MatrixTable } from "../task/classify/matrix.tsx";
import { MistakeStrip } from "../task/classify/mistakes.tsx";
import { Icon } from "../ui/icons.tsx";
import { TakeAway } from "../ui/take-away.tsx";

/** Samples of a class from which on a recognizer is of use. */
const USEFUL = 10;
/** An interval wider than this says little. */
const WIDE = 0.15;
/** Errors that are shown. */
const SHOWN = 12;

interface MakeResultProps {
  readonly project: Project;
  readonly entry: ModelEntry | undefined;
  /** Whether classes or samples are others than those it was trained on. */
  readonly isChanged: boolean;
}

export function MakeResult({ project, entry, isChanged }: MakeResultProps) {
  const t = texts.value.make;
  const state = job.value?.project?.id === project.id ? job.value : undefined;
  const isMine = state !== undefined && isBusy.value;
  const missing = whatIsMissing(project);
  const least = Math.min(...project.classes.map((label) => samplesOf(project, label).length));
  const train = async (): Promise<void> => {
    const base = await baseBytes();
    await startJob(
      { kind: "finetune", base, classes: project.classes, samples: project.samples, seed: 1 },
      project.name,
      { id: project.id, content: contentOf(project) },
    );
  };
  return (
    <section class="make-result" aria-label={t.result}>
      <div class="row wrap">
        <button
          type="button"
          class="primary"
          disabled={missing !== undefined || isBusy.value}
          onClick={() => attempt(train)}
          aria-describedby="train-hint"
        >
          <Icon name="train" />
          {entry === undefined ? t.train : t.trainAgain}
        </button>
        {isMine && (
          <>
            <progress max={1} value={progress.value} aria-label={t.training} />
            <button type="button" onClick={() => attempt(stop)}>
              <Icon name="stop" />
              {texts.value.train.stop}
            </button>
          </>
        )}
      </div>
      <p id="train-hint" class="soft">
        {isMine
          ? isMeasuring.value
            ? texts.value.train.measuring
            : t.training
          : isBusy.value
            ? texts.value.train.busy
            : (missing ?? (entry !== undefined && isChanged ? t.changed : least < USEFUL ? t.few(whole(least)) : ""))}
      </p>
      {state?.phase === "failed" && (
        <p class="error" role="alert">
          {state.error}
        </p>
      )}
      {entry !== undefined && !isMine && (
        <>
          <h2>{t.result}</h2>
          <Quality measured={entry.stored?.measured} isCrossValidated={entry.stored?.isCrossValidated === true} />
          <h2>{texts.value.away.heading}</h2>
          {entry.stored !== undefined && <TakeAway entry={entry} card={entry.stored.card} />}
        </>
      )}
    </section>
  );
}

function whatIsMissing(project: Project): string | undefined {
  const { needs } = texts.value.make;
  if (project.classes.length < 2) return needs.classes;
  const empty = project.classes.filter((label) => samplesOf(project, label).length === 0);
  return empty.length > 0 ? needs.samples(empty.join(", ")) : undefined;
}

interface QualityProps {
  readonly measured: Measured | undefined;
  readonly isCrossValidated: boolean;
}

function Quality({ measured, isCrossValidated }: QualityProps) {
  const t = texts.value.make;
  if (measured === undefined) return <p>{t.unmeasured}</p>;
  const { accuracy, interval, samples, matrix, mistakes, confused } = measured;
  const [low, high] = interval;
  return (
    <>
      <p class="score">
        <b>{percent(accuracy)}</b> <span>{t.right}</span>
      </p>
      <p>
        {isCrossValidated ? t.crossValidated(whole(samples)) : t.heldOut(whole(samples))}{" "}
        {high - low > WIDE ? t.wide(percent(low), percent(high)) : t.narrow(percent(low), percent(high))}{" "}
        {confused !== undefined && t.confused(confused.actual, confused.predicted)}
      </p>
      <p class="soft">{t.ownHand}</p>
      {matrix !== undefined && <MatrixTable matrix={matrix} />}
      {mistakes.some(({ label, predicted }) => label !== predicted) && (
        <MistakeStrip mistakes={mistakes} most={SHOWN} />
      )}
    </>
  );
}
