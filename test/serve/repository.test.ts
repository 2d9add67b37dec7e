/** Which version serves: hot reload, draining, and files that are not what they seem. */
import { appendFile, cp, mkdir, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exportWasm } from "../../src/export/wasm.ts";
import type { BatchRunner } from "../../src/serve/batcher.ts";
import { openModelStore } from "../../src/serve/node/model-store.ts";
import { openModel } from "../../src/serve/open-model.ts";
import { type OpenRunner, Repository } from "../../src/serve/repository.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { digits, json, numbers, serve, stored } from "./fixtures.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ductus-serve-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, bytes: Uint8Array): Promise<string> {
  const full = join(root, path);
  await mkdir(join(full, ".."), { recursive: true });
  await writeFile(full, bytes);
  return full;
}

const versionsOf = ({ models }: Repository): Record<string, string> =>
  Object.fromEntries(models.map(({ name, version }) => [name, version]));
const repositoryOf = async (...sources: string[]): Promise<Repository> => {
  const repository = new Repository({ store: await openModelStore(sources), log: () => {} });
  await repository.refresh();
  return repository;
};

describe("folders", () => {
  it("finds models in every arrangement", async () => {
    const model = await encodeModel(numbers());
    for (const path of ["all/a/1/m.safetensors", "all/a/10/m.safetensors", "all/b.safetensors"]) await put(path, model);
    await put("all/run-1/best.safetensors", model);
    await put("all/notes.txt", new Uint8Array(3));
    await put("all/with space.safetensors", model);
    const repository = await repositoryOf(join(root, "all"), `mine=${join(root, "all/a/1/m.safetensors")}`);
    expect(versionsOf(repository)).toEqual({ a: "10", b: "1", "run-1": "1", mine: "1" });
    await repository.close();
    const exported = (await exportWasm(digits(), "pen")).files.get("pen.wasm") as Uint8Array;
    const module = await repositoryOf(await put("pen.wasm", exported));
    expect(versionsOf(module)).toEqual({ pen: "1" });
    await module.close();
  });

  it("says what is wrong with its sources", async () => {
    await expect(openModelStore([join(root, "none")])).rejects.toThrow(/no such file or folder/);
    await put("m.safetensors", new Uint8Array(1));
    await expect(openModelStore([`a b=${root}/m.safetensors`])).rejects.toThrow(/cannot be a model's name/);
    const twice = [`${root}/m.safetensors`, `${root}/m.safetensors`];
    await expect(openModelStore(twice)).rejects.toThrow(/two models are named "m"/);
  });

  it("keeps the old version while the new one is half-written, corrupt or foreign, and takes it once it is whole", async () => {
    const first = await encodeModel(numbers(1));
    const second = await encodeModel(numbers(2));
    await put("m/1/model.safetensors", first);
    const repository = await repositoryOf(join(root, "m"));
    const serves = async (version: string, refused: number): Promise<void> => {
      await repository.refresh();
      expect(versionsOf(repository)).toEqual({ m: version });
      expect(repository.failures("m")).toHaveLength(refused);
    };
    await mkdir(join(root, "m/2"));
    await serves("1", 0);
    const path = await put("m/2/model.safetensors", second.subarray(0, second.length >> 1));
    await serves("1", 1);
    const corrupt = second.slice();
    corrupt[corrupt.length - 3] ^= 0x40;
    await writeFile(path, corrupt);
    await serves("1", 1);
    await writeFile(path, "not a model at all");
    await serves("1", 1);
    await truncate(path, 0);
    await serves("1", 1);
    await writeFile(path, second);
    await serves("2", 0);
    // Rubbish over the version that serves, and the whole folder gone: what was read goes on.
    await appendFile(path, "rubbish");
    await serves("2", 1);
    await rename(join(root, "m"), join(root, "away"));
    await repository.refresh();
    expect(versionsOf(repository)).toEqual({ m: "2" });
    // Back without version 2: the older one is the newest.
    await rename(join(root, "away"), join(root, "m"));
    await rm(join(root, "m/2"), { recursive: true });
    await serves("1", 0);
    await cp(join(root, "m/1"), join(root, "m/11"), { recursive: true });
    await serves("11", 0);
    await repository.close();
  });

  it("begins with the newest version that can be read", async () => {
    await put("m/3/model.safetensors", await encodeModel(numbers()));
    await put("m/4/model.safetensors", new Uint8Array(100));
    const repository = await repositoryOf(join(root, "m"));
    expect(versionsOf(repository)).toEqual({ m: "3" });
    expect(repository.failures("m")).toMatchObject([{ version: "4" }]);
    await repository.close();
  });
});

describe("a new version", () => {
  it("takes the requests that come after it; the old one finishes its own, and only then is closed", async () => {
    const log: string[] = [];
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let opened = 0;
    const openRunner: OpenRunner = async (bytes, file, maxBatch) => {
      const { signature, runner: open } = await openModel(bytes, file);
      const inner = await open(maxBatch);
      const version = ++opened;
      const runner: BatchRunner = {
        slots: 1,
        run: async (samples) => {
          if (version === 1) await gate;
          log.push(`ran ${version}`);
          return inner.run(samples);
        },
        close: async () => {
          log.push(`closed ${version}`);
          await inner.close();
        },
      };
      return { signature, runner };
    };
    let versions = [await stored("1", numbers(1))];
    const { app, repository } = await serve(() => new Map([["m", versions]]), { openRunner });
    const infer = async () => (await app.request("/v2/models/m/infer", json(question))).json();
    const question = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] };
    const old = infer();
    versions = [await stored("2", numbers(2)), ...versions];
    await repository.refresh();
    expect(await infer()).toMatchObject({ model_version: "2" });
    expect(log).toEqual(["ran 2"]);
    go();
    expect(await old).toMatchObject({ model_version: "1" });
    expect(log).toEqual(["ran 2", "ran 1", "closed 1"]);
    await repository.close();
    expect(log).toEqual(["ran 2", "ran 1", "closed 1", "closed 2"]);
  });

  it("may be another network", async () => {
    let versions = [await stored("1", numbers())];
    const { app, repository, events } = await serve(() => new Map([["m", versions]]));
    versions = [await stored("2", digits()), ...versions];
    await repository.refresh();
    expect(await (await app.request("/v2/models/m")).json()).toMatchObject({ inputs: [{ shape: [-1, 28, 28, 1] }] });
    expect(events).toContainEqual({ level: "info", event: "model", model: "m", version: "2", replaces: "1" });
    await repository.close();
  });
});
