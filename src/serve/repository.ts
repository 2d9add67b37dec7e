/**
 * The models in service by name. Where files come from is a {@link ModelStore}'s business (serve/node/model-store.ts
 * for folders); here it is decided which version serves. A new version takes over only after it was read whole, its
 * checksum and its example were found right, and it is compiled; until then, and whatever goes wrong, the old one serves.
 */
import { DuctusError } from "../engine/errors.ts";
import { Batcher, type BatcherOptions, type BatchRunner } from "./batcher.ts";
import type { Log } from "./log.ts";
import { type ModelSource, openModel } from "./open-model.ts";
import { RequestError } from "./request-error.ts";
import { sizesOfRuns } from "./run-sizes.ts";
import { ServedModel, type Signature, servedTask } from "./served-model.ts";

/** A file that may be served. */
export interface StoredVersion {
  readonly version: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
  /** Of the file, for messages; default: the model's. */
  readonly file?: string | undefined;
  read(): Promise<ModelSource>;
}

/** Where models come from. */
export interface ModelStore {
  /** Versions by model name, the newest first. */
  list(): Promise<ReadonlyMap<string, readonly StoredVersion[]>>;
}

/**
 * Opens a model for batches up to `maxBatch`: says what it is, and makes what runs it.
 * @param options `signal`: nobody waits for it any more
 */
export type OpenRunner = (
  bytes: Uint8Array,
  file: string,
  maxBatch: number,
  options: { readonly signal: AbortSignal },
) => Promise<{ readonly signature: Signature; readonly runner: BatchRunner }>;

export interface RepositoryOptions {
  readonly store: ModelStore;
  readonly log: Log;
  /** Default: the engine on the calling thread. */
  readonly openRunner?: OpenRunner | undefined;
  /** Samples of one run at most; default 64. */
  readonly maxBatch?: number | undefined;
  /** Samples of one model that may wait; default 1024. */
  readonly maxQueue?: number | undefined;
  readonly onBatch?: ((model: string, size: number) => void) | undefined;
}

/** What {@link RepositoryOptions} leaves open. */
export const QUEUE = { maxBatch: 64, maxQueue: 1024 } as const;

/** A version that is not in service, and why. */
export interface Failure {
  readonly version: string;
  readonly stamp: string;
  readonly reason: string;
}

interface Entry {
  serving?: { readonly stamp: string; readonly served: ServedModel } | undefined;
  failures: readonly Failure[];
}

export class Repository {
  readonly #options: RepositoryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();
  #refreshing: Promise<void> | undefined;

  constructor(options: RepositoryOptions) {
    this.#options = options;
  }

  /** Looks for new versions, and puts them into service. Calls while one is under way share it. Never throws. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** What serves now, by name. */
  get models(): readonly ServedModel[] {
    return [...this.#entries.values()].flatMap(({ serving }) => (serving === undefined ? [] : [serving.served]));
  }

  /** The versions of a model that were refused. */
  failures(name: string): readonly Failure[] {
    return this.#entries.get(name)?.failures ?? [];
  }

  /**
   * The model of a name, which may be left out where there is one only.
   * @throws RequestError 404 when it, or this version of it, is not in service
   */
  find(name?: string, version?: string): ServedModel {
    const served = name === undefined ? this.#only() : this.#named(name);
    if (version !== undefined && version !== served.version) {
      const asked = `version ${shortened(version)} of "${served.name}"`;
      throw new RequestError(404, `${asked} is not in service; version ${served.version} is`);
    }
    return served;
  }

  #named(name: string): ServedModel {
    const served = this.#entries.get(name)?.serving?.served;
    if (served === undefined) throw new RequestError(404, `no model "${shortened(name)}" is in service`);
    return served;
  }

  #only(): ServedModel {
    const { models } = this;
    if (models.length === 1) return models[0];
    const known = models.map((model) => model.name).join(", ");
    throw new RequestError(models.length === 0 ? 503 : 400, `say which model: ${known || "none is in service yet"}`);
  }

  /** Takes everything out of service; requests under way are finished first. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#refreshing;
    await Promise.all(this.models.map((served) => served.retire()));
    this.#entries.clear();
  }

  async #refresh(): Promise<void> {
    const { store, log } = this.#options;
    try {
      // A model whose files vanish stays in service: a folder that is being replaced looks like that for a moment.
      for (const [name, versions] of await store.list()) await this.#update(name, versions);
    } catch (error) {
      log("error", "models", { error: reasonOf(error) });
    }
  }

  async #update(name: string, versions: readonly StoredVersion[]): Promise<void> {
    const entry = this.#entries.get(name) ?? { failures: [] };
    this.#entries.set(name, entry);
    const old = entry.failures;
    const failures: Failure[] = [];
    for (const { version, stamp, file = name, read } of versions) {
      const { serving } = entry;
      if (serving?.served.version === version && serving.stamp === stamp) break;
      const known = old.find((failure) => failure.version === version && failure.stamp === stamp);
      if (known !== undefined) {
        failures.push(known);
        if (serving?.served.version === version) break;
        continue;
      }
      try {
        const served = await this.#open(name, version, file, await read());
        entry.serving = { stamp, served };
        this.#options.log("info", "model", { model: name, version, replaces: serving?.served.version });
        if (serving !== undefined) void serving.served.retire();
        break;
      } catch (error) {
        const reason = reasonOf(error);
        failures.push({ version, stamp, reason });
        this.#options.log("warn", "model refused", { model: name, version, error: reason });
        // A file that was overwritten with rubbish leaves what was read from it before in service.
        if (serving?.served.version === version) break;
      }
    }
    entry.failures = failures;
  }

  async #open(name: string, version: string, file: string, source: ModelSource): Promise<ServedModel> {
    const { maxBatch = QUEUE.maxBatch, maxQueue = QUEUE.maxQueue, onBatch } = this.#options;
    const { openRunner = onThisThread } = this.#options;
    const { signature: model, runner } =
      source instanceof WebAssembly.Module
        ? await onThisThread(source, file, maxBatch)
        : await openRunner(source, file, maxBatch, { signal: this.#closing.signal });
    const served = await servedTask(model, file);
    const options: BatcherOptions = {
      maxBatch: sizesOfRuns(served.task, maxBatch),
      maxQueue,
      onBatch: (size) => onBatch?.(name, size),
    };
    return new ServedModel(name, version, model, served, new Batcher(runner, options));
  }
}

async function onThisThread(source: ModelSource, file: string, maxBatch: number): ReturnType<OpenRunner> {
  const { signature, runner } = await openModel(source, file);
  return { signature, runner: await runner(maxBatch) };
}

/** Why something failed, in a line for the log. */
export function reasonOf(error: unknown): string {
  if (error instanceof DuctusError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
