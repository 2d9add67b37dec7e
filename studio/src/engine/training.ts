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
  encodeCheckpoint,
  encodeModel,
  evaluate,
  type FitOptions,
  finetune,
  fit,
  load,
  models,
  platform,
  type Run,
  type TrainingControl,
} from "ductus";
import { datasetOf, digits } from "./datasets.ts";
import { cardOf, measuredOf } from "./measuring.ts";
import type { FinetuneJob, Job, Measured, Outcome, TrainingEvent, TrainJob } from "./protocol.ts";

type End = "paused" | "stopped";

/** Milliseconds between two events about steps. */
const NEWS = 150;
/** … and least between two checkpoints: with few samples an epoch is over in no time. */
const SAVE = 2000;
/** Share of the digits that validation takes. */
const VALIDATION = 0.1;
/** Networks that are trained to tell how good one is: few, as somebody waits. */
const FOLDS = 3;
/** Checkpoints of a job come this often, in steps, beside those at the end of an epoch. */
const CHECKPOINT_STEPS = 100;

/** A trained model, and how good it is. */
interface Trained {
  readonly run: Run;
  measure(): Promise<Pick<Outcome, "measured" | "isCrossValidated">>;
}

export class JobRunner {
  readonly #job: Job;
  readonly #site: string;
  readonly #onEvent: (event: TrainingEvent) => void;
  #control: TrainingControl | undefined;
  /** A run that is stopped is over, also for those who resume it; one that is aborted is not. */
  readonly #pause = new AbortController();
  #end: End | undefined;

  /** @param site where the digits are */
  constructor(job: Job, site: string, onEvent: (event: TrainingEvent) => void) {
    this.#job = job;
    this.#site = site;
    this.#onEvent = onEvent;
  }

  /** Ends the job after the current step. */
  end(how: End): void {
    this.#end ??= how;
    if (how === "paused") this.#pause.abort();
    else this.#control?.stop();
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
    if (kind !== "paused") this.#onEvent({ kind: "measuring" });
    const result = kind === "paused" ? {} : await measure();
    const model = await encodeModel(run.model);
    return { kind, model, card: cardOf(run.model, model.length), seconds: run.seconds, ...result };
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

function epochEvent({ epoch, trainingLoss, validation }: EpochInfo, aside: Dataset | undefined): TrainingEvent {
  return {
    kind: "epoch",
    epoch,
    trainingLoss,
    validationLoss: validation?.loss,
    validation: validation && aside && measuredOf(validation, aside),
  };
}

/** A network from nothing, on the digits that come with the page. */
async function trainDigits(
  { architecture, augment, seed }: TrainJob,
  site: string,
  options: FitOptions,
): Promise<Trained> {
  const { train, test } = await digits(site);
  const model = models.create(architecture, { seed });
  const run = await fit(model, train, { ...options, augment, validation: VALIDATION });
  return { run, measure: async () => ({ measured: measuredOf(await evaluate(run.model, test), test) }) };
}

/** A user's own classes, from a model that can read already. */
async function trainOwn({ base, classes, samples, seed }: FinetuneJob, options: FitOptions): Promise<Trained> {
  const from = await load(base);
  const dataset = await datasetOf(samples, classes, from.preprocessing);
  let last: Measured | undefined;
  const remember: Callback = {
    onEpoch: ({ validation }) => {
      last = validation && measuredOf(validation, aside as Dataset);
    },
    onStart: ({ validation }) => {
      aside = validation;
    },
  };
  let aside: Dataset | undefined;
  const run = await finetune(from, dataset, { ...options, callbacks: [...(options.callbacks ?? []), remember] });
  return {
    run,
    measure: async () => {
      if (aside !== undefined) return { measured: last };
      // Too few to put any aside: other networks, trained on parts of them, tell.
      const backend = await platform().createBackend({});
      try {
        const { epochs } = options;
        const worth = await crossValidateFinetune(from, dataset, { folds: FOLDS, seed, backend }, { epochs });
        return { measured: measuredOf(worth, dataset), isCrossValidated: true };
      } finally {
        await backend.close();
      }
    },
  };
}
