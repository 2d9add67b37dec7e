/** Bare weights: starting from somebody else's, and handing one's own to PyTorch. */
import { DataError, DuctusError } from "../../engine/errors.ts";
import { serializeSafetensors } from "../../formats/safetensors.ts";
import type { NamedTensor, StoredTensor } from "../../formats/tensor-data.ts";
import type { StoredWeights } from "../../formats/weights-file.ts";
import type { AnyModel } from "../../models/model.ts";
import { platform } from "../../platform/platform.ts";
import { locate } from "../../use/locate.ts";

/** What {@link loadWeights} has to say. */
export interface LoadedWeights {
  /** What was changed to make the file fit, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Copies weights by name from a model file, a run's folder, bare safetensors or a PyTorch state dict (`.pt`, `.pth`). A prefix
 * that all names in the file share (`module.`, `_orig_mod.`, `model.` …: what wrappers put there) is left out where the others fit better;
 * so is the count that PyTorch's AveragedModel keeps beside them.
 * A model file also says which samples they were trained on, and so does the model from then on.
 * @throws DataError when names or shapes do not fit; the model is then unchanged
 */
export async function loadWeights(model: AnyModel, path: string): Promise<LoadedWeights> {
  const { weights: found, trainedOn, file, notes } = await readWeights(path);
  const own = new Set(Array.from(model.network.namedParameters(), ([name]) => name));
  const weights = new Map([...found].filter(([name]) => name !== AVERAGES || own.has(name)));
  const prefix = foreignPrefix([...weights.keys()], own);
  try {
    model.network.load(new Map(Array.from(weights, ([name, value]) => [name.slice(prefix.length), value])));
    model.trainedOn = trainedOn === undefined ? [] : [trainedOn];
  } catch (error) {
    if (error instanceof DuctusError) throw new DataError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
  const dropped = `${file}: "${prefix}" was left out, which all names of weights begin with`;
  return { notes: prefix === "" ? notes : [...notes, dropped] };
}

/** How many networks an average is of: PyTorch's AveragedModel counts them beside its weights. */
const AVERAGES = "n_averaged";

/** Makes sure that {@link loadWeights} can read a file. @throws DataError when it holds no weights */
export async function checkWeightsFile(path: string): Promise<void> {
  await readWeights(path);
}

async function readWeights(path: string): Promise<StoredWeights & { readonly file: string } & LoadedWeights> {
  const { decodeWeightsFile } = await import("../../formats/weights-file.ts");
  const { path: file, notes } = await locate(path, "weights");
  return { ...decodeWeightsFile(await platform().readFile(file), file), file, notes };
}

/** Of all that the names in a file begin with, whole words only, what leaves most names of the network; "" if nothing does. */
function foreignPrefix(names: readonly string[], own: ReadonlySet<string>): string {
  const [first = ""] = names;
  let best = { prefix: "", fitting: names.filter((name) => own.has(name)).length };
  for (let dot = first.indexOf("."); dot >= 0; dot = first.indexOf(".", dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    if (!names.every((name) => name.startsWith(prefix))) break;
    const fitting = names.filter((name) => own.has(name.slice(prefix.length))).length;
    if (fitting > best.fitting) best = { prefix, fitting };
  }
  return best.prefix;
}

/** Writes the weights alone: a state dict for `torch.load` when the name ends in .pt or .pth, else safetensors. */
export async function saveWeights(model: AnyModel, path: string): Promise<void> {
  await platform().writeFile(path, await encodeWeights(model, /\.pth?$/i.test(path) ? "pt" : "safetensors"));
}

/** The bytes of a file with the weights alone. */
export async function encodeWeights(model: AnyModel, format: "pt" | "safetensors"): Promise<Uint8Array> {
  const tensors = new Map<string, NamedTensor>();
  for (const [name, { shape, data }] of model.network.namedParameters()) {
    const copy = data instanceof Float32Array ? new Float32Array(data) : new Int32Array(data);
    tensors.set(name, { shape, data: copy } as NamedTensor);
  }
  if (format === "safetensors") return serializeSafetensors(stored(tensors));
  const { serializeTorch } = await import("../../formats/torch-writer.ts");
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
