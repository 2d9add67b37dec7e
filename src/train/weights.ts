/** Bare weights: starting from somebody else's, and handing one's own to PyTorch. */
import { DataError, DuctusError } from "../engine/errors.ts";
import { serializeSafetensors } from "../formats/safetensors.ts";
import type { NamedTensor, StoredTensor } from "../formats/tensor-data.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";

/**
 * Copies weights by name from a model file, bare safetensors or a PyTorch state dict (`.pt`, `.pth`).
 * @throws DataError when names or shapes do not fit; the model is then unchanged
 */
export async function loadWeights(model: Model, path: string): Promise<void> {
  const { decodeWeights } = await import("../formats/weights-file.ts");
  const weights = decodeWeights(await platform().readFile(path), path);
  try {
    model.network.load(weights);
  } catch (error) {
    if (error instanceof DuctusError) throw new DataError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Writes the weights alone: a state dict for `torch.load` when the name ends in .pt or .pth, else safetensors. */
export async function saveWeights(model: Model, path: string): Promise<void> {
  await platform().writeFile(path, await encodeWeights(model, /\.pth?$/i.test(path) ? "pt" : "safetensors"));
}

/** The bytes of a file with the weights alone. */
export async function encodeWeights(model: Model, format: "pt" | "safetensors"): Promise<Uint8Array> {
  const tensors = new Map<string, NamedTensor>();
  for (const [name, { shape, data }] of model.network.namedParameters()) {
    const copy = data instanceof Float32Array ? new Float32Array(data) : new Int32Array(data);
    tensors.set(name, { shape, data: copy } as NamedTensor);
  }
  if (format === "safetensors") return serializeSafetensors(stored(tensors));
  const { serializeTorch } = await import("../formats/torch.ts");
  return serializeTorch(tensors);
}

function stored(tensors: ReadonlyMap<string, NamedTensor>): Map<string, StoredTensor> {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      data instanceof Float32Array ? { dtype: "F32", shape, data } : { dtype: "I32", shape, data },
    ]),
  );
}
