/**
 * Answers that are held back: "I do not know" where the likeliest class is not likely enough. The likeliest class is still
 * told, for a person to decide. What a minimum costs and gains is measured by metrics/rejection.ts, whose thresholds go in
 * here.
 */
import type { Verdict } from "../task/http.ts";
import { shown } from "./body.ts";
import type { Service } from "./context.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

/** How a request names the minimum, as a field or in the query. */
export const MINIMUM = "min_probability";

/**
 * The least probability that is answered: what the request asks for, or else what the server was started with.
 * @param given by the request, the closest to the samples first; undefined and null are nothing
 * @returns undefined where nobody set any: answers then say nothing about it
 * @throws RequestError 400 for what is no probability
 */
export function minimumOf({ minProbability }: Service, ...given: readonly unknown[]): number | undefined {
  return given.map(checkedMinimum).find((minimum) => minimum !== undefined) ?? minProbability;
}

/** A least probability as a request says it; undefined for nothing. @throws RequestError 400 for what is no probability */
export function checkedMinimum(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && number >= 0 && number <= 1) return number;
  throw new RequestError(400, `"${MINIMUM}" must be a number from 0 to 1, not ${shown(value)}`);
}

/** Which samples are refused; undefined where there is no minimum. They are counted. */
export function refusals(
  { metrics }: Service,
  served: ServedModel,
  verdicts: readonly Verdict[],
  minimum: number | undefined,
): readonly boolean[] | undefined {
  if (minimum === undefined) return undefined;
  // What rounds to the minimum as a float32 reaches it: some protocols give no more digits.
  const least = Math.fround(minimum);
  const refused = verdicts.map(({ probability }) => Math.fround(probability) < least);
  metrics.refused(served, refused.filter(Boolean).length);
  return refused;
}
