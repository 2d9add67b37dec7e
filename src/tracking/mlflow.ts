/**
 * Tracking by an MLflow server (https://mlflow.org/docs/latest/rest-api.html), as a callback of `fit`: parameters, tags, what was
 * measured after each epoch, and how the run ended. Tracking must not cost a run: when the server fails on the way, the run
 * goes on without it and `onProblem` hears why.
 */
import { DuctusError, UsageError } from "../engine/errors.ts";
import type { Callback } from "../train/callbacks.ts";
import { flatResult } from "./csv.ts";

/** Where an MLflow server is, and under what names a run goes there. */
export interface MlflowOptions {
  /** Address of the server, as `http://localhost:5000`. */
  readonly url: string;
  /** Default: Ductus. */
  readonly experiment?: string | undefined;
  readonly runName: string;
  /** Shown as the run's parameters; nested records get dotted names. */
  readonly parameters: object;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Told once why tracking ended early. */
  readonly onProblem: (message: string) => void;
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
}

/** Limits of the server: characters of a parameter, parameters and metrics of one request. */
const LONGEST = 500;
const BATCH = 100;
const TIMEOUT = 10_000;

/** A callback, and a way to add numbers after the run. */
export interface MlflowTracker extends Callback {
  /** Numbers about the whole run, as the test accuracy; closes the run. */
  finish(results: Readonly<Record<string, number>>): Promise<void>;
}

/**
 * Reports a training run to an MLflow server, epoch by epoch.
 * @throws UsageError when the address is none
 */
export function mlflowTracker(options: MlflowOptions): MlflowTracker {
  const client = new MlflowClient(options);
  let runId: string | undefined;
  let step = 0;
  let status = "FINISHED";
  /** Does what can be done while the server answers; after a failure nothing more is tried. */
  const attempt = async (work: (id: string) => Promise<unknown>): Promise<void> => {
    if (runId === undefined) return;
    try {
      await work(runId);
    } catch (error) {
      runId = undefined;
      options.onProblem(`MLflow: ${error instanceof Error ? error.message : String(error)}; going on without it`);
    }
  };
  return {
    onStart: async () => {
      runId = "";
      await attempt(async () => {
        runId = await client.createRun();
      });
    },
    onEpoch: async (info) => {
      step = info.step;
      await attempt((id) => client.logMetrics(id, flatResult(info), step));
    },
    onEnd: async ({ ended }) => {
      if (ended !== "aborted") return;
      status = "KILLED";
      await attempt((id) => client.closeRun(id, status));
    },
    finish: async (results) => {
      await attempt((id) => client.logMetrics(id, results, step));
      await attempt((id) => client.closeRun(id, status));
    },
  };
}

/** The few requests that tracking takes. */
class MlflowClient {
  readonly #options: MlflowOptions;
  readonly #base: string;

  constructor(options: MlflowOptions) {
    if (!/^https?:\/\/[^/]/.test(options.url)) {
      throw new UsageError(`"${options.url}" is no address of an MLflow server; expected http://HOST:PORT`);
    }
    this.#options = options;
    this.#base = `${options.url.replace(/\/+$/, "")}/api/2.0/mlflow`;
  }

  /** @returns its id */
  async createRun(): Promise<string> {
    const { runName, parameters, tags = {} } = this.#options;
    const answer = await this.#post("runs/create", {
      experiment_id: await this.#experiment(),
      run_name: runName,
      start_time: Date.now(),
      tags: Object.entries({ "mlflow.source.name": "ductus", ...tags }).map(([key, value]) => ({ key, value })),
    });
    const id = (answer as { run?: { info?: { run_id?: string | undefined } | undefined } | undefined }).run?.info
      ?.run_id;
    if (typeof id !== "string") throw new DuctusError("the server gave the run no id");
    const params = flat(parameters).map(([key, value]) => ({ key, value: value.slice(0, LONGEST) }));
    for (let i = 0; i < params.length; i += BATCH) {
      await this.#post("runs/log-batch", { run_id: id, params: params.slice(i, i + BATCH) });
    }
    return id;
  }

  async logMetrics(id: string, values: Readonly<Record<string, number | undefined>>, step: number): Promise<void> {
    const timestamp = Date.now();
    const metrics = Object.entries(values)
      .filter(([, value]) => value !== undefined && Number.isFinite(value))
      .map(([key, value]) => ({ key, value, timestamp, step }));
    await this.#post("runs/log-batch", { run_id: id, metrics });
  }

  async closeRun(id: string, status: string): Promise<void> {
    await this.#post("runs/update", { run_id: id, status, end_time: Date.now() });
  }

  /** The experiment by its name, made where there is none. */
  async #experiment(): Promise<string> {
    const name = this.#options.experiment ?? "Ductus";
    const query = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = await this.#ask("GET", query).catch((error: unknown) => {
      if (error instanceof MlflowError && error.code === "RESOURCE_DOES_NOT_EXIST") return undefined;
      throw error;
    });
    const known = (found as { experiment?: { experiment_id?: string | undefined } | undefined } | undefined)?.experiment
      ?.experiment_id;
    if (known !== undefined) return known;
    const made = (await this.#post("experiments/create", { name })) as { experiment_id?: string | undefined };
    if (typeof made.experiment_id !== "string") throw new DuctusError("the server gave the experiment no id");
    return made.experiment_id;
  }

  #post(path: string, body: object): Promise<unknown> {
    return this.#ask("POST", path, body);
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const ask = this.#options.fetch ?? fetch;
    const response = await ask(`${this.#base}/${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT),
    }).catch((cause: unknown) => {
      throw new DuctusError(`no answer from ${this.#options.url}`, { cause });
    });
    const answer = (await response.json().catch(() => ({}))) as {
      error_code?: string | undefined;
      message?: string | undefined;
    };
    if (response.ok) return answer;
    throw new MlflowError(answer.error_code ?? "", `${path} gave ${response.status} ${answer.message ?? ""}`.trim());
  }
}

/** The server refused. */
class MlflowError extends DuctusError {
  override name = "MlflowError";

  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function flat(record: object, prefix = ""): [name: string, value: string][] {
  return Object.entries(record).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    if (value === undefined || value === null) return [];
    if (typeof value === "object" && !Array.isArray(value)) return flat(value, `${prefix}${key}.`);
    return [[prefix + key, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}
