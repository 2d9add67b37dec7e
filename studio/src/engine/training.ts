/**
 * A job from its description to a finished model. Pausing is ending after a step, with a checkpoint that the job later goes on
 * from; so is a crash, from the last checkpoint that was kept. The result is the same to the bit as without either.
 */
import {
  type Callback,
  crossValidateFinetune,
  type Dataset,
  decodeCheckpoint,
  type EpochInfo,
  type Evaluation,
  encodeCheckpoint,
  encodeModel,
  evaluate,
  type FitOptions,
  finetune,
  fit,
  load,
  models,
  nn,
  platform,
  type Run,
  type TrainingControl,
} from "ductus";
import { datasetOf, digits } from "./datasets.ts";
import { cardOf, measuredOf } from "./measuring.ts";
import type { FinetuneJob, Job, Outcome, TrainingEvent, TrainJob, TrainSettings } from "./protocol.ts";

type End = "paused" | "stopped";

/** Milliseconds between two events about steps. */
const NEWS = 150;
/** … and least between two checkpoints: with few samples an epoch is over in no time. */
const SAVE = 2000;
/** Share of the digits that validation takes. */
const VALIDATION = 0.1;
/**
 * Networks that are trained to tell how good one is. Each learns from two thirds of the samples, so they cost twice the
 * training itself, however many samples there are; and every sample counts in the result.
 */
const FOLDS = 3;
/** Checkpoints of a job come this often, in steps, beside those at the end of an epoch. */
const CHECKPOINT_STEPS = 100;

/** A trained model, and how good it is. */
interface Trained {
  readonly run: Run;
  /** @param onPart told how much of the measuring is done, 0 … 1. @param signal ends it, without a result */
  measure(onPart: (part: number) => void, signal: AbortSignal): Promise<Pick<Outcome, "measured" | "isCrossValidated">>;
}

export class JobRunner {
  readonly #job: Job;
  readonly #site: string;
  readonly #onEvent: (event: TrainingEvent) => void;
  #control: TrainingControl | undefined;
  /** A run that is stopped is over, also for those who resume it; one that is aborted is not. */
  readonly #pause = new AbortController();
  readonly #measuring = new AbortController();
  #end: End | undefined;

  /** @param site where the digits are */
  constructor(job: Job, site: string, onEvent: (event: TrainingEvent) => void) {
    this.#job = job;
    this.#site = site;
    this.#onEvent = onEvent;
  }

  /** Ends the job after the current step; one that is stopped while it is measured keeps its model, unmeasured. */
  end(how: End): void {
    this.#end ??= how;
    if (how === "paused") this.#pause.abort();
    else {
      this.#control?.stop();
      this.#measuring.abort();
    }
  }

  async run(checkpoint?: Uint8Array): Promise<Outcome> {
    const options: FitOptions = {
      seed: this.#job.seed,
      epochs: this.#job.epochs,
      checkpointSteps: CHECKPOINT_STEPS,
      callbacks: [this.#callback()],
      signal: this.#pause.signal,
      resume: checkpoint && decodeCheckpoint(checkpoint, "the kept training"),
    };
    const job = this.#job;
    const { run, measure } =
      job.kind === "train" ? await trainDigits(job, this.#site, options) : await trainOwn(job, options);
    // A run that was over before it could be ended is finished.
    const kind = run.ended === "finished" ? "finished" : (this.#end ?? "stopped");
    const result = kind === "paused" ? {} : await this.#measure(measure);
    const model = await encodeModel(run.model);
    return { kind, model, card: cardOf(run.model, model.length), seconds: run.seconds, ...result };
  }

  #measure(measure: Trained["measure"]): ReturnType<Trained["measure"]> {
    this.#onEvent({ kind: "measuring", part: 0 });
    return measure((part) => this.#onEvent({ kind: "measuring", part }), this.#measuring.signal);
  }

  #callback(): Callback {
    const send = this.#onEvent;
    let validation: Dataset | undefined;
    let last = 0;
    let images = 0;
    let saved = Number.NEGATIVE_INFINITY;
    return {
      onStart: ({
        epochs,
        totalSteps,
        doneSteps,
        samples,
        validationSamples,
        backend,
        validation: aside,
        ...control
      }) => {
        validation = aside;
        this.#control = control;
        send({
          kind: "start",
          epochs,
          totalSteps,
          doneSteps,
          trainSamples: samples,
          validationSamples,
          backend,
        });
        last = performance.now();
        // It was ended before it began.
        if (this.#end === "stopped") control.stop();
      },
      onStep: ({ step, epoch, loss, lr, count }) => {
        images += count;
        const now = performance.now();
        if (now - last < NEWS) return;
        send({ kind: "step", step, epoch, loss, lr, imagesPerSecond: (images / (now - last)) * 1000 });
        last = now;
        images = 0;
      },
      onEpoch: (info) => {
        send(epochEvent(info, validation));
        // What was measured between two epochs is not the speed of training.
        last = performance.now();
        images = 0;
      },
      onCheckpoint: async ({ model, state }) => {
        const now = performance.now();
        if (this.#end === undefined && now - saved < SAVE) return;
        saved = now;
        send({ kind: "checkpoint", step: state.progress.step, bytes: await encodeCheckpoint(model, state) });
      },
    };
  }
}

function epochEvent(
  { epoch, trainingLoss, trainingAccuracy, validation }: EpochInfo,
  aside: Dataset | undefined,
): TrainingEvent {
  return {
    kind: "epoch",
    epoch,
    trainingLoss,
    trainingAccuracy,
    validationLoss: validation?.loss,
    // All networks of the page classify.
    validation: validation && aside && measuredOf(validation as Evaluation, aside),
  };
}

/** A network from nothing, on the digits that come with the page. */
async function trainDigits(
  { architecture, augment, seed, settings }: TrainJob,
  site: string,
  options: FitOptions,
): Promise<Trained> {
  const { train, test } = await digits(site);
  const model = models.create(architecture, { seed });
  if (settings?.dropout !== undefined) setDropout(model.network, settings.dropout);
  const run = await fit(model, train, { ...options, ...fitOptions(settings), augment, validation: VALIDATION });
  return { run, measure: async () => ({ measured: measuredOf(await evaluate(run.model, test), test) }) };
}

/** What is not given stays the recipe's: betas, momentum, schedule. */
function fitOptions(settings: TrainSettings | undefined): FitOptions {
  if (settings === undefined) return {};
  const { optimizer: name, lr, batchSize, weightDecay, momentum } = settings;
  return { lr, batchSize, optimizer: { name, weightDecay, momentum } };
}

function setDropout(module: nn.Module, p: number): void {
  if (module instanceof nn.Dropout) module.p = p;
  for (const [, child] of module.children()) setDropout(child, p);
}

/** A user's own classes, from a model that can read already: it learns from all samples, and cross-validation tells its worth. */
async function trainOwn({ base, classes, samples, seed }: FinetuneJob, options: FitOptions): Promise<Trained> {
  const from = await load(base);
  const dataset = await datasetOf(samples, classes, from.preprocessing);
  const run = await finetune(from, dataset, { ...options, validation: 0 });
  return {
    run,
    measure: async (onPart, signal) => {
      if (signal.aborted) return {};
      const backend = await platform().createBackend({});
      const { epochs } = options;
      const callbacks = [foldProgress(onPart)];
      try {
        const settings = { folds: FOLDS, seed, backend };
        const worth = await crossValidateFinetune(from, dataset, settings, { epochs, callbacks, signal });
        if (signal.aborted) return {};
        run.model.temperature = worth.temperature;
        return { measured: measuredOf(worth, dataset), isCrossValidated: true };
      } finally {
        await backend.close();
      }
    },
  };
}

/** Follows several trainings, one after the other. */
function foldProgress(onPart: (part: number) => void): Callback {
  let fold = -1;
  let total = 1;
  let last = 0;
  return {
    onStart: ({ totalSteps }) => {
      fold++;
      total = totalSteps;
    },
    onStep: ({ step }) => {
      const now = performance.now();
      if (now - last < NEWS) return;
      last = now;
      onPart((fold + step / total) / FOLDS);
    },
  };
}
