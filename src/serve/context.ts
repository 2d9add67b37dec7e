/** What every group of routes is given, and what they share. */
import type { Context, Hono } from "hono";
import type { Verdict } from "../task/http.ts";
import type { BatchOutputs } from "../task/task.ts";
import type { Admission } from "./admission.ts";
import type { Group } from "./batch.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { Deadline } from "./deadline.ts";
import type { Metrics } from "./metrics.ts";
import type { SentForm } from "./page-tasks.ts";
import type { Reading } from "./reading.ts";
import type { Repository } from "./repository.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

/** A model's name in addresses. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What a request says about itself to logs and metrics. */
export interface Variables {
  model?: string | undefined;
  version?: string | undefined;
  /** What its body keeps of the ledger until it is answered. */
  held?: number | undefined;
}

export type App = Hono<{ Variables: Variables }>;

/** How much a server takes at a time. */
export interface Limits extends BodyLimits {
  /** Of all pictures in a request together. */
  readonly maxPixels: number;
}

export interface Service {
  readonly repository: Repository;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly admission: Admission;
  readonly reading: Reading;
  /** Whether new requests are welcome; false while the server stops. */
  readonly isReady: () => boolean;
  /** The least probability that is answered, unless a request says otherwise; undefined: all are. */
  readonly minProbability?: number | undefined;
  /** Whose fields are read on a page, unless a request brings a form of its own; undefined: what is found on it. */
  readonly form?: SentForm | undefined;
}

/** Whether a request would find a model. */
export function isReady(service: Service): boolean {
  return service.isReady() && service.repository.models.length > 0;
}

/** The body of a request, for which there is room until it is answered. @throws RequestError as {@link readBody} does */
export async function bodyOf(
  { admission, limits }: Service,
  c: Context<{ Variables: Variables }>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes, held } = await readBody(c.req.raw, limits, admission.bodies);
  c.set("held", held);
  return bytes;
}

/** What a model says of the samples of a request, in their order. */
export interface Answered {
  readonly answers: readonly unknown[];
  readonly verdicts: readonly Verdict[];
  /** The network's outputs, group by group. */
  readonly batches: readonly BatchOutputs[];
}

/** Runs the samples of a request within the time limit, and counts what was found. @throws RequestError 503 or 504 */
export async function infer(
  { limits, metrics }: Service,
  served: ServedModel,
  groups: readonly Group[],
): Promise<Answered> {
  const { timeout } = limits;
  const deadline = new Deadline(timeout, () => new RequestError(504, `no answer within ${timeout} ms`));
  try {
    const all = Promise.all(groups.map(({ samples, places }) => served.run(samples, places, deadline)));
    const outputs = await Promise.race([all, deadline.over]);
    const answers: unknown[] = [];
    for (const [g, { places }] of groups.entries()) {
      for (const [i, place] of places.entries()) answers[place] = outputs[g].answers[i];
    }
    const verdicts = answers.map((answer) => served.http.verdict(answer));
    metrics.observe(served, verdicts);
    return { answers, verdicts, batches: outputs.map(({ batch }) => batch) };
  } finally {
    deadline.end();
  }
}
