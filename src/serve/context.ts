/** What every group of routes is given, and what they share. */
import type { Hono } from "hono";
import type { Samples } from "./batcher.ts";
import type { BodyLimits } from "./body.ts";
import { Deadline } from "./deadline.ts";
import type { Metrics } from "./metrics.ts";
import type { DecodePicture } from "./pictures.ts";
import type { Repository } from "./repository.ts";
import { RequestError } from "./request-error.ts";
import type { Outputs, ServedModel } from "./served-model.ts";

/** A model's name in addresses. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What a request says about itself to logs and metrics. */
export interface Variables {
  model?: string | undefined;
  version?: string | undefined;
}

export type App = Hono<{ Variables: Variables }>;

export interface Limits extends BodyLimits {
  /** Of all pictures in a request together. */
  readonly maxPixels: number;
}

export interface Service {
  readonly repository: Repository;
  readonly limits: Limits;
  readonly metrics: Metrics;
  /** Default: the platform's. */
  readonly decodePicture?: DecodePicture | undefined;
  /** Whether new requests are welcome; false while the server stops. */
  readonly isReady: () => boolean;
  /** The least probability that is answered, unless a request says otherwise; undefined: all are. */
  readonly minProbability?: number | undefined;
}

/** Whether a request would find a model. */
export function isReady(service: Service): boolean {
  return service.isReady() && service.repository.models.length > 0;
}

/** Runs samples within the time limit, and counts what was recognised. @throws RequestError 503 or 504 */
export async function infer(
  { limits, metrics }: Service,
  served: ServedModel,
  samples: Samples,
  count: number,
): Promise<Outputs> {
  const { timeout } = limits;
  const deadline = new Deadline(timeout, () => new RequestError(504, `no answer within ${timeout} ms`));
  try {
    const outputs = await Promise.race([served.run(samples, count, deadline), deadline.over]);
    metrics.observe(served, outputs.probabilities);
    return outputs;
  } finally {
    deadline.end();
  }
}
