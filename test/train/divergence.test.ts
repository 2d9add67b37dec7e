/** When a loss is called lost: measured by what it began with, never by its size alone. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { mul } from "../../src/engine/ops/elementwise.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { DivergenceWatch } from "../../src/train/divergence.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../src/train/fit.ts";
import { DivergedError } from "../../src/train/trainer.ts";
import { bars, smallModel } from "./synthetic.ts";

beforeAll(() => setPlatform(nodePlatform));

/** The step (counted from 1) at which losses are called lost. */
function lostAt(losses: readonly number[], watch = new DivergenceWatch(10)): number | undefined {
  const at = losses.findIndex((loss) => watch.problem(loss) !== undefined);
  return at < 0 ? undefined : at + 1;
}
const repeated = (loss: number, count: number): number[] => new Array<number>(count).fill(loss);

describe("a loss", () => {
  it("that is no number, or leaps to something absurd, is lost at once", () => {
    expect(lostAt([2.3, 2.2, Number.NaN])).toBe(3);
    expect(lostAt([2.3, Number.POSITIVE_INFINITY])).toBe(2);
    expect(lostAt([2.3, 2.2, 1e18])).toBe(3);
    expect(new DivergenceWatch(10).problem(2) ?? "").toBe("");
  });

  it("that stays far above its beginning is lost after a while, and one bad batch is not", () => {
    const after = lostAt([2.3, ...repeated(20_000, 200)]) as number;
    expect(after).toBeGreaterThan(3);
    expect(after).toBeLessThan(50);
    expect(lostAt([2.3, 20_000, ...repeated(2.3, 500), 20_000, ...repeated(2.3, 500)])).toBeUndefined();
    expect(lostAt([2.3, ...repeated(900, 1000)])).toBeUndefined();
  });

  it("may be as large as it likes at the beginning, and of either sign", () => {
    const beginning = fc.double({ min: 1, max: 1e200, noNaN: true });
    fc.assert(
      fc.property(beginning, fc.array(fc.double({ min: -1, max: 1, noNaN: true })), (first, shares) => {
        expect(lostAt([first, ...shares.map((share) => share * first * 900)])).toBeUndefined();
        expect(lostAt([-first, ...shares.map((share) => -Math.abs(share) * first)])).toBeUndefined();
      }),
    );
    expect(lostAt([1e12, 1e18], new DivergenceWatch())).toBe(2);
  });

  it("that was learned already may become an ordinary one", () => {
    expect(lostAt([1e-9, ...repeated(2.3, 500)])).toBeUndefined();
  });

  it("of a run that goes on is measured by where that began", () => {
    const watch = new DivergenceWatch(10);
    watch.beganWith(2.3);
    expect(lostAt([1e9], watch)).toBe(1);
    const own = new DivergenceWatch();
    own.beganWith(1e9);
    expect(lostAt([1e9, 1e10], own)).toBeUndefined();
  });
});

describe("fit", () => {
  const settings = {
    epochs: 4,
    batchSize: 10,
    optimizer: "sgd",
    lr: 0.05,
    validation: 0.2,
    seed: 3,
    threads: 1,
  } as const;
  // Two epochs of 8 steps go well.
  const schedule = { spec: { name: "constant" }, factor: (step: number) => (step < 20 ? 1 : 1e6) } as const;

  it("ends with the best weights so far when the loss becomes absurd", async () => {
    const model = smallModel();
    const values = (): number[] => [...model.network.namedParameters()].flatMap(([, { data }]) => [...data]);
    let best: number[] = [];
    const remember: Callback = { onEpoch: ({ isBest }) => void (isBest && (best = values())) };
    const run = trainModel(model, bars(100), { ...settings, schedule, keep: "best", callbacks: [remember] });
    await expect(run).rejects.toThrow(DivergedError);
    await expect(run).rejects.toThrow(
      /^the loss rose to \S+, from [1-9]\S* at the beginning, at step 2\d \(epoch 3\); .*\(lr\) or clipNorm$/,
    );
    expect(best.length).toBeGreaterThan(0);
    expect(values()).toEqual(best);
  });

  it("takes a loss of one's own that is large from its beginning", async () => {
    const huge = (logits: Parameters<typeof crossEntropy>[0], targets: Parameters<typeof crossEntropy>[1]) =>
      mul(crossEntropy(logits, targets), 1e12);
    const run = await trainModel(smallModel(), bars(100), { ...settings, lr: 0.05e-12, loss: huge });
    expect(run.ended).toBe("finished");
    expect(run.history[0].trainingLoss).toBeGreaterThan(1e10);
  });
});
