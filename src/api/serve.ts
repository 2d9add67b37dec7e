/** What `ductus/serve` exports on every platform: a handler for models that are in memory. */
import { DataError, UsageError } from "../engine/errors.ts";
import type { Optional } from "../engine/options.ts";
import { createApp, LIMITS } from "../serve/app.ts";
import { type Limits, MODEL_NAME } from "../serve/context.ts";
import type { DecodePicture } from "../serve/decode-picture.ts";
import { jsonLog, type Log } from "../serve/log.ts";
import { Metrics } from "../serve/metrics.ts";
import type { ModelSource } from "../serve/open-model.ts";
import { type GivenForm, usualForm } from "../serve/page-tasks.ts";
import { Repository, type StoredVersion } from "../serve/repository.ts";

export { DataError, DuctusError, UsageError } from "../engine/errors.ts";
export type { Limits } from "../serve/context.ts";
export type { DecodePicture } from "../serve/decode-picture.ts";
export type { Level, Log } from "../serve/log.ts";
export type { ModelSource } from "../serve/open-model.ts";
export type { GivenForm } from "../serve/page-tasks.ts";

/** How a {@link Handler} is made. */
export interface HandlerOptions {
  /** What a request may cost; default: 16 MiB, 16 million pixels, 30 seconds. */
  readonly limits?: Optional<Limits> | undefined;
  /** Asked of everybody but health checks; default: none. */
  readonly apiKey?: string | undefined;
  /**
   * Names that it may be asked under, beside `localhost`, addresses and names without a dot; `.example.org` is that name and
   * all below it. Default: any. A server on somebody's own machine should check, or pages from elsewhere can fool browsers
   * about names (DNS rebinding).
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins whose pages may ask it (CORS), such as `https://example.org`; `*` is all. Default: none but its own. */
  readonly allowOrigins?: readonly string[] | undefined;
  /** The least probability that is answered, 0 … 1; less likely answers are marked as refused. Default: all are answered. */
  readonly minProbability?: number | undefined;
  /** A form whose fields `/read` reads in photographs of it, unless a request brings another. Default: it reads what it finds. */
  readonly form?: GivenForm | undefined;
  /** Samples of one run; default 64. */
  readonly maxBatch?: number | undefined;
  /** Samples of one model that may wait; default 1024. */
  readonly maxQueue?: number | undefined;
  /** Bytes that requests under way may take together; default 384 MiB. */
  readonly maxMemory?: number | undefined;
  /** Default: what the platform has, which in edge workers is nothing. */
  readonly decodePicture?: DecodePicture | undefined;
  /** Default: a JSON object a line through `console.log`. */
  readonly log?: Log | undefined;
}

/** Answers requests, as servers and workers with fetch call it. */
export interface Handler {
  /** Answers every address of `ductus serve`. It needs no `this`. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Takes everything out of service; requests under way are finished first. */
  close(): Promise<void>;
}

/**
 * A handler for models that are in memory; networks run on the thread that calls.
 * @param models by the name in addresses: bytes of model files (what `ductus train` writes), or what
 * `ductus export --to wasm` made of them, as bytes or as the module that an edge worker imports, which compiles nothing
 * @throws UsageError when a name does not fit into an address, or is no name or origin; DataError when a model is damaged
 */
export async function createHandler(
  models: Readonly<Record<string, ModelSource>>,
  {
    limits,
    apiKey,
    allowedHosts,
    allowOrigins,
    minProbability,
    form: given,
    maxBatch,
    maxQueue,
    maxMemory,
    decodePicture,
    log = jsonLog((line) => console.log(line)),
  }: HandlerOptions = {},
): Promise<Handler> {
  const metrics = new Metrics();
  const versions = new Map<string, readonly StoredVersion[]>();
  for (const [name, source] of Object.entries(models)) {
    if (!MODEL_NAME.test(name)) {
      throw new UsageError(`"${name}" cannot be a model's name: letters, digits, ".", "_" and "-" only`);
    }
    versions.set(name, [{ version: "1", stamp: "", read: async () => source }]);
  }
  const repository = new Repository({
    store: { list: async () => versions },
    log,
    maxBatch,
    maxQueue,
    onBatch: (model, size) => metrics.batch(model, size),
  });
  await repository.refresh();
  for (const name of versions.keys()) {
    for (const { reason } of repository.failures(name)) {
      await repository.close();
      throw new DataError(`model "${name}": ${reason}`);
    }
  }
  if (minProbability !== undefined && !(minProbability >= 0 && minProbability <= 1)) {
    throw new UsageError(`minProbability must be a number from 0 to 1, not ${minProbability}`);
  }
  const { maxPixels = LIMITS.maxPixels } = limits ?? {};
  const form = given && (await usualForm(given, repository.models, maxPixels, decodePicture).catch(closed(repository)));
  let isReady = true;
  const app = createApp({
    repository,
    log,
    metrics,
    limits,
    apiKey,
    allowedHosts,
    allowOrigins,
    minProbability,
    form,
    maxMemory,
    decodePicture,
    isReady: () => isReady,
  });
  return {
    fetch: async (request) => app.fetch(request),
    close: async () => {
      isReady = false;
      await repository.close();
    },
  };
}

/** Fails as before, once nothing is open any more. */
const closed =
  (repository: Repository) =>
  async (error: unknown): Promise<never> => {
    await repository.close();
    throw error;
  };
