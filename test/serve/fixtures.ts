/** Models in memory and servers around them, for tests of `src/serve`. */

import { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { type AppOptions, createApp } from "../../src/serve/app.ts";
import type { App } from "../../src/serve/context.ts";
import { Repository, type RepositoryOptions, type StoredVersion } from "../../src/serve/repository.ts";
import { encodeModel } from "../../src/use/trained-model.ts";

setPlatform(nodePlatform);

/** A small network that reads digits, with weights of a seed. */
export function digits(seed = 3): Model {
  const model = create("separable", { seed });
  model.preprocessing = { ...MNIST_PREPROCESSING };
  return model;
}

/** Three numbers in, two classes out, nothing to prepare. */
export function numbers(seed = 1): Model {
  return new Model(new Sequential(new Flatten(), new Linear(3, 2)), {
    inputShape: [1, 1, 3],
    inputType: "float32",
    classes: ["no", "yes"],
    seed,
  });
}

/** A version as a store gives it. */
export async function stored(version: string, model: Model | Uint8Array): Promise<StoredVersion> {
  const bytes = model instanceof Uint8Array ? model : await encodeModel(model);
  return { version, stamp: crypto.randomUUID(), read: async () => bytes };
}

export interface Served {
  readonly app: App;
  readonly repository: Repository;
  /** Events of the log. */
  readonly events: Record<string, unknown>[];
}

/** A server over what `list` returns whenever it is asked. */
export async function serve(
  list: () => ReadonlyMap<string, readonly StoredVersion[]>,
  options: Partial<AppOptions> & Partial<RepositoryOptions> = {},
): Promise<Served> {
  const events: Record<string, unknown>[] = [];
  const log: AppOptions["log"] = (level, event, fields) => events.push({ level, event, ...fields });
  const repository = new Repository({ store: { list: async () => list() }, log, ...options });
  await repository.refresh();
  return { app: createApp({ repository, log, ...options }), repository, events };
}

export const post = (body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body,
  headers,
});
export const json = (value: unknown): RequestInit =>
  post(JSON.stringify(value), { "Content-Type": "application/json" });
