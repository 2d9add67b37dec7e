/** The public API as the README shows it, compiled and run from the entry point alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import * as ductus from "../../src/index.ts";
import { bars } from "./synthetic.ts";

it("trains, evaluates, saves, loads and predicts", async () => {
  const { data, models, evaluate, load, predict } = ductus;
  const folder = await mkdtemp(join(tmpdir(), "ductus-api-"));
  try {
    const [train, test] = [bars(60), bars(30, 2, "unseen")];
    const model = models.create("mlp", { classes: train.classes, inputShape: train.inputShape });
    const run: ductus.Run = await ductus.fit(model, train, { epochs: 4, lr: 0.01, validation: 0.1, seed: 7 });
    const result = await evaluate(run.model, test);
    expect(inspect(result)).toBe(String(result));
    expect(result.accuracy).toBe(1);
    await run.model.save(join(folder, "bars.safetensors"));
    const loaded = await load(join(folder, "bars.safetensors"));
    expect(loaded.metrics).toMatchObject({ epoch: 4, validation: { accuracy: 1 } });
    const picture: ductus.data.Picture = { width: 6, height: 6, channels: 1, data: train.image(0) };
    expect(loaded.classes).toContain((await predict(loaded, picture)).name);
    expect(data.listSources().map(({ name }) => name)).toContain("mnist");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
