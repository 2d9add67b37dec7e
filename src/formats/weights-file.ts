/** Weights alone, from whatever file has some. Apart from model-file.ts, so that pages that load models do not carry it. */
import { DataError } from "../engine/errors.ts";
import { refuseOtherKinds } from "./kinds.ts";
import { CHECKSUM_KEY, RESERVED, TRAINED_ON, verifyChecksum } from "./model-file.ts";
import { parseSafetensors } from "./safetensors.ts";
import { toFloat32 } from "./tensor-data.ts";
import { looksLikeTorch, parseTorch } from "./torch.ts";

export interface StoredWeights {
  readonly weights: Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** The samples that the network of a model file was trained on, as it keeps them; undefined for bare weights. */
  readonly trainedOn?: Int32Array | undefined;
}

/**
 * The weights of a model file, of bare safetensors or of a PyTorch state dict, told apart by their content, all as float32
 * (a whole-number buffer such as `num_batches_tracked` too) under their names in the file. Throws DataError as the readers
 * of these formats do, and where the file is none of them.
 */
export function decodeWeights(bytes: Uint8Array, name: string): StoredWeights["weights"] {
  return decodeWeightsFile(bytes, name).weights;
}

/** As {@link decodeWeights}, with what else there is to know of the weights. */
export function decodeWeightsFile(bytes: Uint8Array, name: string): StoredWeights {
  refuseOtherKinds(bytes, name, "weights");
  if (looksLikeTorch(bytes)) {
    const tensors = [...parseTorch(bytes, name)];
    return {
      weights: new Map(tensors.map(([key, { shape, data }]) => [key, { shape, data: new Float32Array(data) }])),
    };
  }
  const { tensors, metadata } = parseSafetensors(bytes, name);
  if (Object.hasOwn(metadata, CHECKSUM_KEY)) verifyChecksum(bytes, metadata, name);
  const weights = [...tensors].filter(([key]) => !key.startsWith(RESERVED));
  if (weights.length === 0) throw new DataError(`${name} holds no weights: it has no tensors`);
  const trainedOn = tensors.get(TRAINED_ON)?.data;
  return {
    weights: new Map(weights.map(([key, tensor]) => [key, { shape: tensor.shape, data: toFloat32(tensor) }])),
    trainedOn: trainedOn instanceof Int32Array ? trainedOn : undefined,
  };
}
