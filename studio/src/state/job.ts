/**
 * The training that is on its way, or waits, or has just ended: one at a time, whatever view is shown. What it takes to go
 * on is written to the browser's storage as it comes, so that a reload or a crash costs a few seconds of work at most.
 */
import { computed, signal } from "@preact/signals";
import { trainer } from "../engine/client.ts";
import type { Job, Measured, Mistake, Outcome, TrainingEvent } from "../engine/protocol.ts";
import { percent, texts } from "../i18n/i18n.ts";
import { clearJob, type StoredJob, saveCheckpoint, saveJob, job as storedJob } from "../store/store.ts";
import { choose, chosen, forget, keep } from "./models.ts";
import { announce, fail, messageOf } from "./notices.ts";
import { projects, update } from "./projects.ts";

export type JobPhase = "starting" | "running" | "pausing" | "paused" | "finished" | "stopped" | "failed";

export interface EpochRecord {
  readonly epoch: number;
  readonly step: number;
  readonly trainingLoss: number;
  readonly trainingAccuracy?: number | undefined;
  readonly validationLoss?: number | undefined;
  readonly accuracy?: number | undefined;
  readonly samples?: number | undefined;
  readonly wrong?: number | undefined;
  readonly mistakes: readonly Mistake[];
}

export interface JobState {
  readonly id: string;
  /** What is trained, in words of the user: the network, or the name of a recognizer. */
  readonly title: string;
  /** The recognizer that it is for, and what of it is trained on. */
  readonly project?: { readonly id: string; readonly content: string } | undefined;
  readonly job: Job;
  readonly startedAt: number;
  readonly phase: JobPhase;
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly loss?: number | undefined;
  readonly imagesPerSecond?: number | undefined;
  readonly secondsLeft?: number | undefined;
  readonly backend?: string | undefined;
  /** How much of the measuring that follows the training is done, 0 … 1; undefined before. */
  readonly measuring?: number | undefined;
  readonly curve: readonly { readonly step: number; readonly loss: number }[];
  readonly records: readonly EpochRecord[];
  readonly outcome?: Outcome | undefined;
  /** Of the model that came of it. */
  readonly modelId?: string | undefined;
  readonly error?: string | undefined;
}

export const job = signal<JobState | undefined>(undefined);
export const isBusy = computed(() => {
  const phase = job.value?.phase;
  return phase === "starting" || phase === "running" || phase === "pausing";
});
/** Share of the work that is training; the rest is measuring. Cross-validation trains twice as much as the training itself. */
const TRAINING_SHARE = { train: 1, finetune: 1 / 3 } as const satisfies Record<Job["kind"], number>;

/** 0 … 1 */
export const progress = computed(() => {
  const state = job.value;
  if (state === undefined || state.totalSteps === 0) return 0;
  const share = TRAINING_SHARE[state.job.kind];
  return (state.step / state.totalSteps) * share + (state.measuring ?? 0) * (1 - share);
});

/** All steps are done, and how good the model is is being found out. */
export const isMeasuring = computed(() => job.value?.phase === "running" && job.value.measuring !== undefined);

/** Of the curve; a longer one is thinned, so that the page stays quick. */
const MOST_POINTS = 2000;
/** Pictures kept of each epoch. */
const MISTAKES = 12;
const SAVE_MS = 2000;

let checkpoint: Uint8Array | undefined;

const patch = (change: Partial<JobState>): void => {
  if (job.value !== undefined) job.value = { ...job.value, ...change };
};

export async function startJob(work: Job, title: string, project?: JobState["project"]): Promise<void> {
  checkpoint = undefined;
  job.value = {
    id: crypto.randomUUID(),
    title,
    ...(project !== undefined && { project }),
    job: work,
    startedAt: Date.now(),
    phase: "starting",
    step: 0,
    totalSteps: 0,
    epoch: 0,
    epochs: work.epochs ?? 0,
    curve: [],
    records: [],
  };
  await run();
}

/** Goes on with a training that waits. */
export async function goOn(): Promise<void> {
  if (job.value?.phase !== "paused") return;
  patch({ phase: "starting" });
  await run();
}

export async function pause(): Promise<void> {
  if (job.value?.phase !== "running") return;
  patch({ phase: "pausing" });
  await trainer.pause();
}

export async function stop(): Promise<void> {
  if (job.value?.phase === "paused") return discard();
  await trainer.stop();
}

/** Puts the training, or its result, out of sight; the model stays. */
export async function discard(): Promise<void> {
  job.value = undefined;
  checkpoint = undefined;
  await clearJob().catch(fail);
}

/** Finds a training that a reload or a crash has interrupted. */
export async function loadJob(): Promise<void> {
  const stored = await storedJob();
  if (stored === undefined || job.value !== undefined) return;
  const { state } = stored;
  checkpoint = stored.checkpoint;
  job.value = { ...(state as JobState), phase: "paused" };
}

async function run(): Promise<void> {
  const { id } = job.value as JobState;
  const isCurrent = (): boolean => job.value?.id === id;
  await save();
  try {
    const outcome = await trainer.run(
      (job.value as JobState).job,
      (event) => {
        if (isCurrent()) HANDLERS[event.kind](event as never);
      },
      checkpoint,
    );
    if (isCurrent()) await end(outcome);
  } catch (error) {
    if (!isCurrent()) return;
    patch({ phase: "failed", error: messageOf(error) });
    announce(texts.value.job.failed((job.value as JobState).title, messageOf(error)));
    await clearJob().catch(fail);
  }
}

type Handlers = { readonly [K in TrainingEvent["kind"]]: (event: Extract<TrainingEvent, { kind: K }>) => void };

/** Where the clock of the remaining time began. */
let since = { time: 0, step: 0 };

const HANDLERS: Handlers = {
  start: ({ epochs, totalSteps, doneSteps, backend }) => {
    since = { time: performance.now(), step: doneSteps };
    const { curve, records } = job.value as JobState;
    patch({
      phase: "running",
      epochs,
      totalSteps,
      step: doneSteps,
      backend,
      measuring: undefined,
      // What came after the checkpoint is trained again.
      curve: curve.filter(({ step }) => step <= doneSteps),
      records: records.filter(({ step }) => step <= doneSteps),
    });
  },
  step: ({ step, epoch, loss, imagesPerSecond }) => {
    const { curve, totalSteps } = job.value as JobState;
    const perStep = (performance.now() - since.time) / 1000 / Math.max(1, step - since.step);
    patch({
      step,
      epoch,
      loss,
      imagesPerSecond,
      secondsLeft: perStep * (totalSteps - step),
      curve: thinned([...curve, { step, loss }]),
    });
    saveSoon();
  },
  epoch: ({ epoch, trainingLoss, trainingAccuracy, validationLoss, validation }) => {
    const { records, step, totalSteps, epochs } = job.value as JobState;
    const record: EpochRecord = {
      epoch,
      step: Math.max(step, Math.round((totalSteps * epoch) / Math.max(1, epochs))),
      trainingLoss,
      trainingAccuracy,
      validationLoss,
      ...(validation !== undefined && {
        accuracy: validation.accuracy,
        samples: validation.samples,
        wrong: wrongOf(validation),
      }),
      mistakes: validation?.mistakes.slice(0, MISTAKES) ?? [],
    };
    patch({ epoch, records: [...records.filter((each) => each.epoch !== epoch), record] });
    saveSoon();
  },
  measuring: ({ part }) => patch({ step: (job.value as JobState).totalSteps, measuring: part }),
  // With how far it has come, so that both are of the same step after a crash.
  checkpoint: ({ bytes, step }) => {
    checkpoint = bytes;
    patch({ step });
    void save().then(() => saveCheckpoint(bytes, step).catch(fail));
  },
};

export const wrongOf = ({ samples, accuracy }: Measured): number => Math.round(samples * (1 - accuracy));

/** Every second point of a curve that has become long. */
function thinned(curve: JobState["curve"]): JobState["curve"] {
  return curve.length > MOST_POINTS ? curve.filter((_, i) => i % 2 === 1) : curve;
}

async function end(outcome: Outcome): Promise<void> {
  const { id, title, job: work, project } = job.value as JobState;
  if (outcome.kind === "paused") {
    patch({ phase: "paused" });
    return save();
  }
  const { card } = outcome;
  const modelId = crypto.randomUUID();
  await keep({
    id: modelId,
    name: title,
    kind: work.kind === "train" ? "trained" : "made",
    madeAt: Date.now(),
    card,
    bytes: outcome.model,
    ...(outcome.measured !== undefined && { measured: outcome.measured }),
    ...(outcome.isCrossValidated !== undefined && { isCrossValidated: outcome.isCrossValidated }),
    ...(project !== undefined && { projectId: project.id }),
  });
  if (project !== undefined) await replaceModel(project.id, { modelId, trainedOn: project.content });
  if (job.value?.id !== id) return;
  patch({ phase: outcome.kind, outcome, modelId });
  const { finished, finishedPlain } = texts.value.job;
  announce(outcome.measured === undefined ? finishedPlain(title) : finished(title, percent(outcome.measured.accuracy)));
  await clearJob().catch(fail);
}

/** A recognizer has one model: the newest. */
async function replaceModel(projectId: string, change: { modelId: string; trainedOn: string }): Promise<void> {
  const older = projects.value.find(({ id }) => id === projectId)?.modelId;
  update(projectId, () => change);
  if (older === undefined) return;
  if (chosen.value?.id === older) choose(change.modelId);
  await forget(older);
}

let isSaving = false;

function saveSoon(): void {
  if (isSaving) return;
  isSaving = true;
  setTimeout(() => {
    isSaving = false;
    if (isBusy.value) void save();
  }, SAVE_MS);
}

async function save(): Promise<void> {
  const state = job.value;
  if (state === undefined) return;
  await saveJob({ id: state.id, state } satisfies Pick<StoredJob, "id" | "state">).catch(fail);
}
