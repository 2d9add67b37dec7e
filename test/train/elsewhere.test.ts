/** Training, measuring and saving on a backend that computes elsewhere and later give what they give on one that is here. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { Model } from "../../src/models/model.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { fit as train } from "../../src/train/fit.ts";
import { findLr } from "../../src/train/lr-find.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { elsewhere } from "../helpers/elsewhere.ts";
import { bars, CLASSES, SIDE, smallModel } from "./synthetic.ts";

let here: Backend;
let there: Backend;
beforeAll(async () => {
  setPlatform(nodePlatform);
  here = await nodePlatform.createBackend({ threads: 1 });
  there = elsewhere(await nodePlatform.createBackend({ threads: 1 }));
});
afterAll(async () => {
  await here.close();
  await there.close();
});

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 12);

const OPTIONS: FitOptions = {
  epochs: 3,
  batchSize: 8,
  accumulate: 2,
  lr: 0.02,
  seed: 4,
  ema: 0.8,
  keep: "best",
  validation: bars(20),
  checkpointSteps: 2,
  augment: "digits",
};

/** All that a run leaves. */
async function everything(backend: Backend): Promise<unknown> {
  const layers = new Sequential(new BatchNorm2d(1), smallModel().network);
  const model = new Model(layers, { inputShape: [SIDE, SIDE, 1], classes: CLASSES, seed: 1 });
  const seen: unknown[] = [];
  const run = await train(model, bars(60), {
    ...OPTIONS,
    backend,
    callbacks: [
      {
        onStep: ({ loss }) => void seen.push(loss),
        onEpoch: ({ model: now, validation }) =>
          void seen.push(validation?.loss, Number(now.network.parameters()[0].data[0])),
        onCheckpoint: async ({ model: now, state }) =>
          void seen.push(hash(await encodeCheckpoint(now, state, backend))),
      },
    ],
  });
  const measured = await evaluate(run.model, bars(30), { backend });
  run.model.network.parameters()[0].data.fill(0.25);
  const changed = await evaluate(run.model, bars(30), { backend });
  const curve = await findLr(run.model, bars(60), { backend, steps: 20, batchSize: 8, seed: 2 });
  const after = await evaluate(run.model, bars(30), { backend });
  return {
    seen,
    losses: [measured.loss, changed.loss, after.loss],
    curve: curve.points,
    file: hash(await encodeModel(run.model, undefined, backend)),
  };
}

it("a run with averages, the best weights, checkpoints, and measuring afterwards", async () => {
  const wanted = await everything(here);
  expect(await everything(there)).toEqual(wanted);
});
