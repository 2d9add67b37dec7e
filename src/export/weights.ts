/** `--to pt` and `--to safetensors`: the weights alone, under PyTorch's names and in its layouts. */
import { DuctusError } from "../engine/errors.ts";
import { decodeWeights } from "../formats/weights-file.ts";
import type { Model } from "../models/model.ts";
import { encodeWeights } from "../train/weights.ts";
import type { Exported } from "./recogniser.ts";

/**
 * One file, read back and compared bit for bit.
 * @param name of the file, without suffix
 * @throws DuctusError when what is read back differs
 */
export async function exportWeights(model: Model, name: string, format: "pt" | "safetensors"): Promise<Exported> {
  const file = `${name}.${format}`;
  const bytes = await encodeWeights(model, format);
  const stored = decodeWeights(bytes, file);
  let samples = 0;
  for (const [key, { data }] of model.network.namedParameters()) {
    const found = stored.get(key)?.data;
    if (found?.length !== data.length || data.some((value, i) => !Object.is(value, found[i]))) {
      throw new DuctusError(`export: ${key} does not come back from ${file} as it was; nothing was written`);
    }
    samples += data.length;
  }
  return { files: new Map([[file, bytes]]), agreement: { of: "weights", samples, worst: 0 } };
}
