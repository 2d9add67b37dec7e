/** Imports for programs: networks made elsewhere, by a reader that is fetched when the first is imported. */
import { DataError } from "../engine/errors.ts";
import { quote } from "../formats/text.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { AnyTask } from "../task/task.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import type { ImportOptions } from "./onnx.ts";

/** What a file from elsewhere does not say, and what it is called. */
export interface ImportModelOptions extends ImportOptions {
  /** Starts every message; default "model". */
  readonly name?: string | undefined;
  /** Called with each thing that the user should know of how the file was read, in a sentence. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Makes a model of an ONNX file, a classifier of pictures that was made elsewhere, or a model of texts or lines of writing that Ductus wrote: what
 * `ductus import` does. Weights must be in the file itself.
 * @param bytes of the file
 * @typeParam T what the model is for; of pictures always to classify
 * @throws DataError in one line where it is damaged, is neither, or has an operator that Ductus lacks
 */
export async function importModel<T extends AnyTask = Classify>(
  bytes: Uint8Array,
  { name = "model", onNote, ...options }: ImportModelOptions = {},
): Promise<TrainedModel<T>> {
  const { importOnnx } = await import("./onnx.ts");
  const below = async (location: string): Promise<never> => {
    throw new DataError(`${quote(location)}; save the network as one file`);
  };
  const { model, notes } = await importOnnx<T>(bytes, name, below, options);
  for (const note of notes) onNote?.(note);
  return model;
}
