/** What fine-tuning does to the last layer of a model that tells classes apart, in words. */
import type { AnyModel } from "../../models/model.ts";

/** @param kept classes whose rows stay */
export function describeHead(base: AnyModel, classes: readonly string[], kept: readonly string[]): string {
  const total = classes.length;
  if (kept.length === total && base.classes.length === total) return "kept: the classes are the same";
  if (kept.length === 0) return `new: none of the ${total} classes is known to the model`;
  return `${kept.length} of ${total} rows kept (${kept.slice(0, 10).join(" ")}), the others new`;
}
