/** What steers a run: early stopping and the schedule "plateau" by any measure of the task. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../../src/engine/tensor.ts";
import type { Metric } from "../../src/metrics/metric.ts";
import { Model } from "../../src/models/model.ts";
import { Embedding, Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import type { Schedule, ScheduleSpec } from "../../src/optim/schedules.ts";
import { createSchedule } from "../../src/optim/schedules.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { NumbersInput } from "../../src/task/input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { Texts } from "../../src/text/texts.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { earlyStopping } from "../../src/train/early-stopping.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import type { EpochResult } from "../../src/train/results.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { listening, watchable, watched, watchedValue } from "../../src/train/watch.ts";
import { bars, smallModel } from "./synthetic.ts";

beforeAll(() => setPlatform(nodePlatform));

const tokenizer = CharacterTokenizer.of("abc\n");

/** Each letter by the one before it. */
class Letters extends Module {
  readonly embedding = new Embedding(4, 4);
  readonly head = new Linear(4, 4);

  forward(x: Tensor, context: Context): Tensor {
    return this.head.forward(this.embedding.forward(x, context), context);
  }
}

const quick: FitOptions = { batchSize: 4, lr: 0.01, threads: 1 };
const letters = (): Model<Generate> => new Model(new Letters(), { task: new Generate(tokenizer), seed: 1 });
const names = new Texts(["\nabc\n", "\nacb\n", "\ncab\n", "\nabc\n"], { tokenizer });

/** The more is learned of one, the less is the other foreseen. */
const [alike, contrary] = ["aaaaa", "bcbcb"].map((text) => new Texts(text, { tokenizer }));

/** A metric of the user's own, whose value never changes. */
const flat = (better?: Metric["better"]): Metric => ({
  name: "flat",
  better,
  start: () => ({ add: () => {}, value: () => 1 }),
});

describe("early stopping", () => {
  it("watches the primary measure of the task, which falls where it is a perplexity", async () => {
    const falling = { ...quick, epochs: 6, validation: names, callbacks: [earlyStopping(2)] };
    expect((await trainModel(letters(), names, falling)).history).toHaveLength(6);
    const run = await trainModel(letters(), alike, { ...falling, epochs: 9, validation: contrary });
    expect(run).toMatchObject({ ended: "stopped", reason: "the perplexity has not fallen for 2 epochs" });
  });

  it("counts a lower loss while the measure stays the same", async () => {
    const options = { ...quick, batchSize: 30, lr: 1e-4, epochs: 5, validation: bars(30, 2) };
    const run = await trainModel(smallModel(), bars(30), { ...options, callbacks: [earlyStopping(1)] });
    const [first, second] = run.history;
    expect(second.validation?.accuracy).toBe(first.validation?.accuracy);
    expect(run.history.length).toBeGreaterThan(2);
  });

  it("says what is measured when asked for something else, before the first step", async () => {
    let steps = 0;
    const train = (metric: string, options: FitOptions = { validation: names }): Promise<unknown> =>
      trainModel(letters(), names, {
        ...{ ...quick, ...options },
        epochs: 1,
        callbacks: [earlyStopping({ metric }), { onStep: () => steps++ }],
      });
    await expect(train("f1")).rejects.toThrow(
      'earlyStopping: there is no measure "f1" here; measured are perplexity, accuracy, loss',
    );
    await expect(train("accuracy", {})).rejects.toThrow(
      'earlyStopping: "accuracy" is measured on validation samples, and there are none; add some, or take loss',
    );
    await expect(train("flat", { validation: names, metrics: [flat()] })).rejects.toThrow(
      /nothing says whether more of "flat" is better/,
    );
    expect(steps).toBe(0);
  });

  it("watches a metric of the user's own that says which way it gets better", async () => {
    const run = await trainModel(smallModel(), bars(30), {
      ...{ ...quick, epochs: 9, validation: bars(12, 2), metrics: [flat("higher")] },
      callbacks: [earlyStopping({ metric: "flat", patience: 2, minDelta: 10 })],
    });
    expect(run).toMatchObject({ reason: "the flat has not risen for 2 epochs" });
    expect(run.history).toHaveLength(3);
  });

  it("finds what is best anew where an older run remembered the loss alone", () => {
    const callback = earlyStopping();
    callback.remember?.({ seen: 1, best: -0.5, since: 2 });
    expect(callback.memory?.()).toMatchObject({ seen: 0, since: 0 });
  });
});

describe("plateau", () => {
  const transcribe = watchable(new Transcribe(new NumbersInput({ shape: [4, 4, 1] }), "ab"), undefined, true);
  const heard = (spec: ScheduleSpec): Schedule => listening(createSchedule(spec), transcribe);

  it("hears the primary measure, or the one that is asked for, in its direction", () => {
    expect(heard({ name: "plateau" }).spec).toEqual({ name: "plateau", metric: "accuracy", mode: "max" });
    const named = heard({
      name: "warmup",
      steps: 2,
      after: { name: "plateau", metric: "symbolErrorRate", patience: 1 },
    });
    expect(named.spec).toMatchObject({ after: { metric: "symbolErrorRate", mode: "min", patience: 1 } });
    expect(named.feedback?.metric).toBe("symbolErrorRate");
    expect(heard({ name: "plateau", metric: "accuracy", mode: "min" }).spec).toMatchObject({ mode: "min" });
  });

  it("takes a mode alone as the loss or the accuracy, in warm-ups too", () => {
    const metrics = (["min", "max"] as const).map(
      (mode) => heard({ name: "warmup", steps: 1, after: { name: "plateau", mode } }).feedback?.metric,
    );
    expect(metrics).toEqual(["loss", "accuracy"]);
  });

  it("lists what is measured when asked for something else", async () => {
    const options: FitOptions = { ...quick, epochs: 1, validation: names, schedule: { name: "plateau", metric: "f1" } };
    await expect(trainModel(letters(), names, options)).rejects.toThrow(
      'schedule plateau: there is no measure "f1" here; measured are perplexity, accuracy, loss',
    );
  });

  it("counts a lower loss while the measure stays the same, and a resumed one as well", () => {
    const schedule = heard({ name: "plateau", patience: 0, gamma: 0.5 });
    const factors = [1, 0.9, 0.9].map((loss) => {
      schedule.feedback?.observe(0, loss);
      schedule.feedback?.restore({ ...schedule.feedback.state() });
      return schedule.factor(0, 1);
    });
    expect(factors).toEqual([1, 1, 0.5]);
  });

  it("cuts the rate of a run when the perplexity rises", async () => {
    const rates: number[] = [];
    await trainModel(letters(), alike, {
      ...{ ...quick, epochs: 4, validation: contrary },
      schedule: { name: "plateau", patience: 0, gamma: 0.5 },
      callbacks: [{ onEpoch: ({ lr }) => void rates.push(lr) }],
    });
    expect(rates).toEqual([0.01, 0.01, 0.005, 0.0025]);
  });
});

describe("the value of a measure", () => {
  it("is 0 where it is not known, so that the loss decides", () => {
    const epoch = { trainingLoss: 3, validation: { count: 1, loss: 2, metrics: {} } } as unknown as EpochResult;
    expect([watchedValue(epoch, "accuracy"), watchedValue(epoch, "loss")]).toEqual([0, 2]);
    expect(watchedValue({ ...epoch, validation: undefined }, "loss")).toBe(3);
    const alone = watchable(smallModel().task, undefined, false);
    expect(watched(alone, "test", undefined)).toEqual({ name: "loss", better: "lower" });
  });
});
