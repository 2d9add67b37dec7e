/** What a run is, as a resume compares it: everything that its weights depend on, and nothing else. */
import { asDataset, type Dataset } from "../data/dataset.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { type AnyModel, modelName } from "../models/model.ts";
import { VERSION } from "../platform/version.ts";
import type { Identity } from "./checkpoint.ts";
import { type Decided, optionsIdentity } from "./options.ts";

/** @param arithmetic {@link arithmeticOf} the backend */
export async function identify(
  model: AnyModel,
  dataset: Dataset,
  decided: Decided,
  arithmetic: string,
): Promise<Identity> {
  const { validation = 0 } = decided.options;
  return {
    version: VERSION,
    model: modelName(model),
    weights: [...model.network.namedParameters()].reduce((sum, [, { size }]) => sum + size, 0),
    data: await dataIdentity(dataset, model.dataset?.fingerprint),
    dataForValidation: typeof validation === "number" ? null : await dataIdentity(asDataset(validation)),
    ...(await optionsIdentity(decided)),
    arithmetic,
  };
}

async function dataIdentity(dataset: Dataset, known?: string): Promise<string> {
  if (known !== undefined && known !== "none") return known;
  return (await fingerprintIfKnown(dataset)) ?? `${dataset.name}, ${dataset.length} samples`;
}

/** What a backend's description says beside the number of threads, which changes nothing: `wasm, fused multiply-add`. */
export function arithmeticOf(description: string): string {
  return description.replace(/, \d+ threads?\b/, "");
}
