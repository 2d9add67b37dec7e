/**
 * The server as one function `Request → Response` on web standards: the same in Node, Bun, Deno and edge workers. What
 * listens, reads folders and starts threads is the platform's (serve/node/serve.ts). Groups of routes are a file each.
 */
import { Hono } from "hono";
import { filled, type Optional } from "../engine/options.ts";
import { createAdmission, MAX_MEMORY } from "./admission.ts";
import { keyCheck } from "./api-key.ts";
import { ACCEPTED_ENCODINGS } from "./body.ts";
import { addCatalog } from "./catalog.ts";
import type { App, Limits, Service } from "./context.ts";
import type { DecodePicture } from "./decode-picture.ts";
import { addGenerate } from "./generate.ts";
import { hostCheck } from "./hosts.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { addOpenInference } from "./open-inference.ts";
import { openApi } from "./openapi.ts";
import { crossOrigin, readOrigins } from "./origins.ts";
import { tryPage } from "./page.ts";
import type { SentForm } from "./page-tasks.ts";
import { addPredict } from "./predict.ts";
import { addRead } from "./read.ts";
import { type Elsewhere, Reading } from "./reading.ts";
import type { Repository } from "./repository.ts";
import { answerTo, RequestError } from "./request-error.ts";
import { addSageMaker } from "./sagemaker.ts";
import { addTfServing } from "./tf-serving.ts";

export interface AppOptions {
  readonly repository: Repository;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
  readonly limits?: Optional<Limits> | undefined;
  /** Asked of everybody but health checks, as `Authorization: Bearer KEY` or `X-API-Key: KEY`; default: none. */
  readonly apiKey?: string | undefined;
  /** The least probability that is answered, 0 … 1; below it answers are marked as refused; default: all are answered. */
  readonly minProbability?: number | undefined;
  /** Whose fields are read on pages, unless a request brings a form of its own; default: whatever is found on them. */
  readonly form?: SentForm | undefined;
  /** Names that it may be asked under, beside `localhost`, addresses and names without a dot; default: any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Whether only this machine is served, so that names without a dot are not enough; default false. */
  readonly isLocal?: boolean | undefined;
  /** Origins whose pages may ask it, such as `https://example.org`; `*` is all; default: none but its own. */
  readonly allowOrigins?: readonly string[] | undefined;
  /** Bytes that requests under way may take together; default 384 MiB. */
  readonly maxMemory?: number | undefined;
  /** Default: the platform's. */
  readonly decodePicture?: DecodePicture | undefined;
  /** What reads large bodies; default: the thread that answers. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Default: always. */
  readonly isReady?: (() => boolean) | undefined;
}

/** Limits unless others are given: 16 MiB, 16 million pixels, 30 seconds. */
export const LIMITS: Limits = { maxBody: 16 * 2 ** 20, maxPixels: 16_000_000, timeout: 30_000 };

/** Routes for logs and metrics: patterns, so that there are few however many paths are tried. */
const ROUTES: readonly (readonly [pattern: RegExp, route: string])[] = [
  [/^\/recognise$/, "/recognise"],
  [/^\/models\/[^/]+\/predict$/, "/models/predict"],
  [/^\/read$/, "/read"],
  [/^\/models\/[^/]+\/read$/, "/models/read"],
  [/^\/models\/[^/]+\/generate$/, "/models/generate"],
  [/^\/models(?:\/[^/]+)?$/, "/models"],
  [/^\/ping$/, "/ping"],
  [/^\/invocations$/, "/invocations"],
  [/^\/v1\/models\/.+:predict$/, "/v1/models/:predict"],
  [/^\/v1\/models\/.+:classify$/, "/v1/models/:classify"],
  [/^\/v1\/models\//, "/v1/models"],
  [/^\/v2\/models\/.+\/infer$/, "/v2/models/infer"],
  [/^\/v2\/models\//, "/v2/models"],
  [/^\/v2\/health\//, "/v2/health"],
  [/^\/v2$/, "/v2"],
  [/^\/metrics$/, "/metrics"],
  [/^\/openapi\.json$/, "/openapi.json"],
  [/^\/$/, "/"],
];

/** Methods that metrics tell apart; elsewhere than in Node, clients may make up any. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function createApp(options: AppOptions): App {
  const { repository, log, apiKey, metrics = new Metrics(), isReady = () => true } = options;
  const { allowedHosts = ["*"], isLocal = false, allowOrigins = [], minProbability, form } = options;
  const limits = filled(LIMITS, options.limits ?? {});
  const { maxMemory = MAX_MEMORY, decodePicture, elsewhere } = options;
  const admission = createAdmission(maxMemory, limits.timeout);
  const service: Service = {
    repository,
    metrics,
    isReady,
    limits,
    admission,
    reading: new Reading({ ledger: admission.work, decodePicture, elsewhere }),
    minProbability,
    form,
  };
  const isAllowed = keyCheck(apiKey);
  const app: App = new Hono();

  app.use(async (c, next) => {
    const began = performance.now();
    await next();
    const held = c.get("held");
    if (held !== undefined) admission.bodies.give(held);
    const seconds = (performance.now() - began) / 1000;
    const { method, path } = c.req;
    const { status } = c.res;
    const route = ROUTES.find(([pattern]) => pattern.test(path))?.[1] ?? "other";
    metrics.request(route, METHODS.has(method) ? method : "other", status, seconds);
    const milliseconds = Number((seconds * 1000).toFixed(3));
    const fields = {
      method: method.slice(0, 20),
      path: path.slice(0, 200),
      status,
      milliseconds,
      model: c.get("model"),
      version: c.get("version"),
    };
    log(status < 500 ? "info" : "error", "request", fields);
  });
  const checkHost = hostCheck(allowedHosts, isLocal);
  app.use(async (c, next) => {
    checkHost(c.req.raw);
    await next();
  });
  app.use(crossOrigin(readOrigins(allowOrigins)));
  app.use(async (c, next) => {
    // The page itself says nothing, and has a field for the key.
    const isOpen = c.req.path.startsWith("/v2/health/") || c.req.path === "/ping" || c.req.path === "/";
    if (!isOpen && !(await isAllowed(c.req.raw))) {
      c.header("WWW-Authenticate", "Bearer");
      throw new RequestError(401, "this server wants a key: Authorization: Bearer KEY");
    }
    await next();
  });
  app.onError((error, c) => {
    const { status, message } = answerTo(error);
    if (status === 500) log("error", "failure", { error: error.stack ?? String(error) });
    if (status === 503) c.header("Retry-After", "1");
    if (status === 415) c.header("Accept-Encoding", ACCEPTED_ENCODINGS);
    // Nothing more will come. What still comes of a body that is refused is read and dropped by what listens: closing at once
    // would cut off a client before it has read why.
    if (status === 408) c.header("Connection", "close");
    return c.json({ error: message }, status);
  });
  app.notFound((c) => c.json({ error: "there is nothing at this address" }, 404));

  app.get("/metrics", (c) => {
    return c.text(metrics.print(repository, admission), 200, {
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });
  const description = described(repository);
  app.get("/openapi.json", (c) => c.body(description(), 200, { "Content-Type": "application/json" }));
  app.get("/", (c) => c.html(tryPage(apiKey === undefined ? repository.models.map(({ name }) => name) : [])));
  addCatalog(app, service);
  addPredict(app, service);
  addRead(app, service);
  addGenerate(app, service);
  addTfServing(app, service);
  addOpenInference(app, service);
  addSageMaker(app, service);
  return app;
}

/** The description as text, made anew when other models are in service: it takes a millisecond, and is asked for freely. */
function described(repository: Repository): () => string {
  let models: Repository["models"] | undefined;
  let text = "";
  return () => {
    const now = repository.models;
    if (now.length !== models?.length || now.some((model, i) => model !== models?.[i])) {
      models = now;
      text = JSON.stringify(openApi(repository));
    }
    return text;
  };
}
