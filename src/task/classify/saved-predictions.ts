/** Predictions as a file, so that models can be compared later without being run again: outputs and labels as safetensors. */
import { DataError, DuctusError } from "../../engine/errors.ts";
import { parseSafetensors, serializeSafetensors } from "../../formats/safetensors.ts";
import { Predictions } from "./predictions.ts";

/** What the file says of itself beside the numbers. */
export interface PredictionsFile {
  readonly predictions: Predictions;
  /** Name of the data set. */
  readonly dataset: string;
}

export function encodePredictions({ predictions, dataset }: PredictionsFile): Uint8Array {
  const { logits, labels, length, classes, temperature } = predictions;
  return serializeSafetensors(
    new Map([
      ["logits", { dtype: "F32", shape: [length, classes.length], data: logits }],
      ["labels", { dtype: "I32", shape: [length], data: labels }],
    ]),
    {
      classes: JSON.stringify(classes),
      dataset,
      ...(temperature !== undefined && { temperature: String(temperature) }),
    },
  );
}

/** @throws DataError when the file is damaged or something else */
export function decodePredictions(bytes: Uint8Array, name: string): PredictionsFile {
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const [logits, labels] = [tensors.get("logits")?.data, tensors.get("labels")?.data];
  try {
    const classes: unknown = JSON.parse(metadata.classes);
    if (logits instanceof Float32Array && labels instanceof Int32Array && isNames(classes)) {
      if (labels.some((label) => label < 0 || label >= classes.length))
        throw new DataError(`${name}: a label is no class`);
      const temperature = Number(metadata.temperature ?? 1);
      if (!(temperature > 0)) throw new DataError(`${name}: its temperature is damaged`);
      const model = { classes, temperature: metadata.temperature === undefined ? undefined : temperature };
      return { predictions: new Predictions(model, logits, labels), dataset: metadata.dataset };
    }
  } catch (error) {
    if (error instanceof DuctusError) throw new DataError(`${name}: ${error.message}`, { cause: error });
  }
  throw new DataError(`${name} holds no predictions; run ductus evaluate or train again`);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
