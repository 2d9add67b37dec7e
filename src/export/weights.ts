/**
 * `--to pt` and `--to safetensors`: the weights, under PyTorch's names and in its layouts, and the PyTorch module that they
 * belong to (torch-module.ts).
 */
import { DuctusError } from "../engine/errors.ts";
import { decodeWeights } from "../formats/weights-file.ts";
import type { Model } from "../models/model.ts";
import { encodeWeights } from "../train/transfer/weights.ts";
import type { Exported } from "./recognizer.ts";
import { torchModule, type WeightsFormat } from "./torch-module.ts";

/**
 * The weights in one file, read back and compared bit for bit, and the module, a Python file.
 * @param name of the files, without suffix
 * @throws DuctusError when what is read back differs, or the network has an op that PyTorch has not
 */
export async function exportWeights(model: Model, name: string, format: WeightsFormat): Promise<Exported> {
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
  const files = new Map<string, Uint8Array | string>([
    [file, bytes],
    [`${name}.py`, torchModule(model, name, format)],
  ]);
  return { files, agreement: { of: "weights", samples, worst: 0 } };
}
