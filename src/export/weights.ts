/**
 * `--to pt` and `--to safetensors`: the weights, under PyTorch's names and in its layouts, and the PyTorch module that they
 * belong to (torch-module.ts). Any model has weights; a module is left out, with a note, where it cannot be written.
 */
import { DuctusError } from "../engine/errors.ts";
import { decodeWeights } from "../formats/weights-file.ts";
import type { AnyModel } from "../models/model.ts";
import { encodeWeights } from "../train/transfer/weights.ts";
import type { Exported } from "./recognizer.ts";
import { torchModule, type WeightsFormat } from "./torch-module.ts";

/**
 * The weights in one file, read back and compared bit for bit, and the module, a Python file, or a note that says why there
 * is none.
 * @param name of the files, without suffix
 * @throws DuctusError when what is read back differs
 */
export async function exportWeights(model: AnyModel, name: string, format: WeightsFormat): Promise<Exported> {
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
  const files = new Map<string, Uint8Array | string>([[file, bytes]]);
  const notes: string[] = [];
  try {
    files.set(`${name}.py`, torchModule(model, name, format));
  } catch (error) {
    if (!(error instanceof DuctusError)) throw error;
    notes.push(`${name}.py, the PyTorch module, is left out: ${error.message}`);
  }
  return { files, agreement: { of: "weights", samples, worst: 0 }, notes };
}
