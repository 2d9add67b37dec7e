/**
 * A run that stops at any moment and goes on ends with the same bytes as one that never stopped. Here files are in memory
 * and the process "dies" between two file operations, one after the other; test/cli/resume.test.ts kills real processes.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { balancedWeights } from "../../src/data/sampling.ts";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { Model } from "../../src/models/model.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { loadCheckpoint } from "../../src/train/checkpoint.ts";
import { earlyStopping } from "../../src/train/early-stopping.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { readRun, runFiles, runFolder } from "../../src/train/run-folder.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { bars, CLASSES, SIDE, smallModel } from "./synthetic.ts";

const files = new Map<string, Uint8Array>();
const FILES = runFiles("run");
/** File operations that still succeed. */
let left = Number.POSITIVE_INFINITY;
let operations = 0;

class Killed extends Error {}

function operate(): void {
  operations++;
  if (left-- <= 0) throw new Killed();
}

let backend: Backend;

beforeAll(async () => {
  backend = await nodePlatform.createBackend({ threads: 1 });
  setPlatform({
    ...nodePlatform,
    writeFile: async (path, data) => {
      operate();
      files.set(path, typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
    },
    moveFile: async (from, to) => {
      operate();
      files.set(to, files.get(from) as Uint8Array);
      files.delete(from);
    },
    readFile: async (path) => files.get(String(path)) as Uint8Array,
  });
});
afterAll(async () => {
  setPlatform(nodePlatform);
  await backend.close();
});

const exists = async (path: string): Promise<boolean> => files.has(path);

/** Dropout, batch-norm and two hidden layers: every kind of state there is. */
function network(seed = 1): Model {
  const layers = new Sequential(new BatchNorm2d(1), new Dropout(0.1), smallModel().network);
  return new Model(layers, { inputShape: [SIDE, SIDE, 1], classes: CLASSES, seed });
}

const data = bars(60);

const RICH: FitOptions = {
  epochs: 3,
  batchSize: 5,
  accumulate: 2,
  lr: 0.02,
  seed: 4,
  ema: 0.8,
  warmup: 0.5,
  schedule: { name: "plateau", patience: 0, threshold: 0.9, gamma: 0.5 },
  labelSmoothing: 0.1,
  teacher: { model: network(9), share: 0.5 },
  clipNorm: 0.5,
  classWeights: "balanced",
  sampling: balancedWeights(data),
  validation: 0.2,
  keep: "best",
  checkpointSteps: 3,
};

async function train(options: FitOptions, model = network()): Promise<void> {
  const { checkpoint, hasLast } = await readRun("run", exists);
  const keeper = runFolder({ path: "run", args: { a: 1 }, environment: {}, backend, hasLast });
  const callbacks = [keeper, earlyStopping({ patience: 4 })];
  const run = await trainModel(model, data, { backend, ...options, callbacks, resume: checkpoint });
  const final = await encodeModel(run.model, undefined, backend);
  files.set("run/final.safetensors", final);
}

/** Everything but the times. */
function outcome(): Record<string, string> {
  const hash = (path: string): string =>
    createHash("sha256")
      .update(files.get(path) ?? "")
      .digest("hex");
  const lines = new TextDecoder().decode(files.get(FILES.metrics)).trim().split("\n");
  const timeless = lines.map((line) => JSON.stringify({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 }));
  return {
    ...Object.fromEntries(["best", "last", "previous"].map((name) => [name, hash(FILES[name as keyof typeof FILES])])),
    final: hash("run/final.safetensors"),
    metrics: timeless.join("\n"),
  };
}

async function fromNothing(options: FitOptions): Promise<{ outcome: Record<string, string>; operations: number }> {
  files.clear();
  left = Number.POSITIVE_INFINITY;
  operations = 0;
  await train(options);
  return { outcome: outcome(), operations };
}

describe("a run that dies", () => {
  it("before any of its file operations, goes on and ends with the same bytes", async () => {
    const calm = await fromNothing(RICH);
    expect(calm.operations).toBeGreaterThan(15);
    for (let moment = 0; moment < calm.operations; moment++) {
      files.clear();
      left = moment;
      await expect(train(RICH)).rejects.toThrow(Killed);
      left = Number.POSITIVE_INFINITY;
      // Other initial weights: all must come from the checkpoint, unless there is none yet.
      await train(RICH, network(files.has(FILES.last) || files.has(FILES.previous) ? 2 : 1));
      expect(outcome(), `killed at file operation ${moment}`).toEqual(calm.outcome);
    }
  }, 180_000);

  it("again and again, with another network that is unfrozen layer by layer", async () => {
    const options: FitOptions = {
      ...{ epochs: 6, batchSize: 10, lr: 0.02, schedule: "oneCycle", optimizer: "adamw" },
      ...{ validation: 0.2, ema: 0.9, keep: "last", checkpointSteps: 3 },
      transfer: { unfreezeEvery: 2, lrDecayPerLayer: 0.5 },
    };
    const calm = await fromNothing(options);
    files.clear();
    for (let deaths = 0; ; deaths++) {
      left = 3 + (deaths % 5);
      try {
        await train(options);
        expect(deaths).toBeGreaterThan(3);
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    }
    left = Number.POSITIVE_INFINITY;
    expect(outcome()).toEqual(calm.outcome);
  });

  it("after it was over, is over", async () => {
    const options = { ...RICH, epochs: 30, callbacks: [] };
    const calm = await fromNothing(options);
    const { checkpoint } = await readRun("run", exists);
    expect(checkpoint?.progress.stopped).toBe("the accuracy has not risen for 4 epochs");
    await train(options, network(2));
    expect(outcome()).toEqual(calm.outcome);
  });
});

describe("a damaged checkpoint", () => {
  it("is passed over for the one before it, and nothing is lost but time", async () => {
    const calm = await fromNothing(RICH);
    const damaged = files.get(FILES.last)?.slice() as Uint8Array;
    damaged[damaged.length - 99] ^= 4;
    files.set(FILES.last, damaged);
    const { checkpoint, problems } = await readRun("run", exists);
    expect(problems).toEqual([expect.stringMatching(/^run\/last\.safetensors/)]);
    expect(checkpoint?.name).toBe(FILES.previous);
    await train(RICH, network(2));
    expect(outcome()).toEqual(calm.outcome);
    files.set(FILES.last, damaged);
    files.set(FILES.previous, damaged.subarray(0, 100));
    await expect(train(RICH)).rejects.toThrow(/^no checkpoint can be used: .*last.*previous/);
  });

  it("is not taken for a model, nor a model for a checkpoint", async () => {
    await fromNothing({ ...RICH, epochs: 1 });
    await expect(loadCheckpoint(FILES.best)).rejects.toThrow(/is a model, not a checkpoint/);
  });
});

describe("a resume is refused", () => {
  beforeAll(async () => {
    await fromNothing({ ...RICH, epochs: 2 });
  });

  it.each([
    [{ epochs: 3 }, /epochs is 3 and was 2/],
    [{ lr: 0.03, batchSize: 6 }, /batchSize is 6 and was 5, .*lr is 0.03 and was 0.02/],
    [{ ema: undefined }, /ema is not set and was 0.8/],
    [{ seed: 5 }, /seed is 5 and was 4/],
    [{ plainEpochs: 1 }, /plainEpochs is 1 and was 0/],
    [
      { teacher: { model: network(8), share: 0.5 } },
      /teacher is Sequential [0-9a-f]{16}, .* and was Sequential [0-9a-f]{16}, temp/,
    ],
    [{ schedule: "cosine" }, /schedule is {"name":"cosine"} and was {"name":"plateau"/],
    [{ optimizer: { name: "adam", betas: [0.5, 0.9] } }, /optimizer is adam .*0\.5.* and was adam/],
  ] as [FitOptions, RegExp][])("with %o", async (options, message) => {
    const resume = await loadCheckpoint(FILES.last);
    const wrong = trainModel(network(), data, { backend, ...RICH, epochs: 2, ...options, resume });
    await expect(wrong).rejects.toThrow(message);
    await expect(wrong).rejects.toThrow(/^cannot go on with run\/last\.safetensors: .*make it the same/);
  });

  it("with other data, or by another version", async () => {
    const resume = await loadCheckpoint(FILES.last);
    const other = trainModel(network(), bars(60, 9), { backend, ...RICH, epochs: 2, resume });
    await expect(other).rejects.toThrow(/data is [0-9a-f]{12} and was [0-9a-f]{12}/);
    const identity = { ...resume.progress.identity, version: "0.0.1" };
    const old = { ...resume, progress: { ...resume.progress, identity } };
    const newer = trainModel(network(), data, { backend, ...RICH, epochs: 2, resume: old });
    await expect(newer).rejects.toThrow(/version is \d+\.\d+\.\d+ and was 0\.0\.1/);
  });

  it("with other arithmetic", async () => {
    const resume = await loadCheckpoint(FILES.last);
    const wrong = trainModel(network(), data, { ...RICH, epochs: 2, threads: 1, strict: true, resume });
    await expect(wrong).rejects.toThrow(/arithmetic is wasm, strict arithmetic and was wasm, /);
  });

  it("but not with other threads", async () => {
    const two = await nodePlatform.createBackend({ threads: 2 });
    await train({ ...RICH, epochs: 2, backend: two }, network(2));
    await two.close();
  });
});
