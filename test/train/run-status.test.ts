/** How a run that a program trains with `runFolder` ended, as `ductus runs` lists it. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listSavedRuns, type SavedRun } from "../../src/cli/saved-runs.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { loadCheckpoint } from "../../src/train/checkpoint.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../src/train/fit.ts";
import { type RunFolderOptions, runFolder } from "../../src/train/run-folder.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { bars, smallModel } from "./synthetic.ts";

let runs: string;
beforeAll(async () => {
  setPlatform(nodePlatform);
  runs = await mkdtemp(join(tmpdir(), "ductus-status-"));
});
afterAll(() => rm(runs, { recursive: true, force: true }));

interface How extends FitOptions {
  readonly endedBy?: RunFolderOptions["endedBy"];
}

const how = { epochs: 2, batchSize: 16, lr: 0.02, threads: 1 } as const;
const data = bars(60);

async function train(name: string, { callbacks = [], endedBy, ...options }: How = {}): Promise<unknown> {
  const path = join(runs, name);
  await mkdir(path, { recursive: true });
  const keeper = runFolder({ path, args: { model: "small" }, environment: {}, endedBy });
  return trainModel(smallModel(), data, { ...how, ...options, callbacks: [keeper, ...callbacks] });
}

async function listed(name: string): Promise<SavedRun | undefined> {
  return (await listSavedRuns(runs)).find(({ path }) => path === join(runs, name));
}

const failing: Callback = {
  onEpoch: () => {
    throw new Error("the disk is gone");
  },
};

describe("a run of the API", () => {
  it("that is finished, or was stopped by a callback, is done, and knows its times", async () => {
    await train("finished");
    expect(await listed("finished")).toMatchObject({ status: "done", reason: undefined });
    const { times } = JSON.parse(await readFile(join(runs, "finished/status.json"), "utf8"));
    expect(times).toHaveLength(2);
    await train("stopped", { callbacks: [{ onEpoch: ({ stop }) => stop("enough") }] });
    expect(await listed("stopped")).toMatchObject({ status: "done" });
  });

  it("that a signal ended is interrupted, and done once it went on to its end", async () => {
    const abort = new AbortController();
    await train("aborted", { signal: abort.signal, callbacks: [{ onEpoch: () => abort.abort() }] });
    expect(await listed("aborted")).toMatchObject({ status: "interrupted" });
    await train("aborted", { resume: await loadCheckpoint(join(runs, "aborted/last.safetensors")) });
    const found = await listed("aborted");
    expect(found).toMatchObject({ status: "done" });
    expect(found?.history).toHaveLength(2);
  });

  it("that an error ended is diverged or failed, with the reason", async () => {
    await expect(train("diverged", { lr: 1e30, clipNorm: undefined })).rejects.toThrow();
    const diverged = await listed("diverged");
    expect(diverged?.status).toBe("diverged");
    expect(diverged?.reason).toMatch(/\S/);
    // One that cannot take note of it changes nothing.
    const deaf: Callback = { onError: () => Promise.reject(new Error("deaf")) };
    await expect(train("failed", { callbacks: [deaf, failing] })).rejects.toThrow("the disk is gone");
    expect(await listed("failed")).toMatchObject({ status: "failed", reason: "the disk is gone" });
  });

  it("is interrupted while nothing says more, also where another run was done", async () => {
    await train("again");
    let under: SavedRun | undefined;
    const look: Callback = {
      onStart: async () => {
        under = await listed("again");
      },
    };
    await train("again", { callbacks: [look] });
    expect(under?.status).toBe("interrupted");
    expect(await listed("again")).toMatchObject({ status: "done" });
  });

  it("that could not begin leaves what the folder said", async () => {
    await train("kept");
    const resume = await loadCheckpoint(join(runs, "kept/last.safetensors"));
    await expect(train("kept", { resume, lr: 0.5 })).rejects.toThrow(/cannot go on/);
    expect(await listed("kept")).toMatchObject({ status: "done" });
  });

  it("whose caller has more to do than fit is not done when fit is", async () => {
    await train("tested", { endedBy: "caller" });
    expect(await listed("tested")).toMatchObject({ status: "interrupted" });
  });
});

it.each([["x"], [undefined], [null], [{ args: {} }]])("runFolder(%j) is refused in one line", (given) => {
  expect(() => runFolder(given as never)).toThrow(/^runFolder takes an object: runFolder\(\{ path, [^\n]+$/);
});
