/** Exports for programs: any of the ways out of exporters.ts, fetched when the first export is made. */
import type { AnyModel } from "../models/model.ts";
import type { ExportOptions } from "./exporters.ts";
import type { Exported } from "./recognizer.ts";

/** What is exported, and under which name. */
export interface ExportModelOptions extends ExportOptions {
  /** Of the files, without suffix; default "model". */
  readonly name?: string | undefined;
}

/**
 * Makes the files of an export, and compares them with the model: what `ductus export --to FORMAT` writes.
 * @param format "wasm", "html", "onnx", "triton", "pt" or "safetensors"
 * @returns files by name, texts or bytes, how well they agree with the model, and notes of what was left out
 * @throws UsageError for an unknown format, one that cannot hold such a model, or a model that lacks what the format needs
 * @throws DuctusError when the files do not agree with the model
 */
export async function exportModel(
  model: AnyModel,
  format: string,
  { name = "model", ...options }: ExportModelOptions = {},
): Promise<Exported> {
  const { findExporter } = await import("./exporters.ts");
  return findExporter(format).export(model, name, options);
}
