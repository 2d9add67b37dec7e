/** The ways out of Ductus by name: what `ductus export --to NAME` offers. A new one is a file beside this and an entry here. */
import { unknownName } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { exportHtml } from "./html.ts";
import { exportOnnx, type OnnxInput } from "./onnx.ts";
import type { Exported } from "./recogniser.ts";
import { exportTriton } from "./triton.ts";
import { exportWasm } from "./wasm.ts";
import { exportWeights } from "./weights.ts";

export interface Exporter {
  /** One line: what it is for. */
  readonly title: string;
  /** Makes the files, named after `name`, and compares them with the model. @throws DuctusError when they disagree */
  export(model: Model, name: string, options: ExportOptions): Promise<Exported>;
}

/** What can be chosen; formats that leave no choice do not look at it. */
export interface ExportOptions {
  /** What an ONNX graph takes: the model's pixels, or numbers that the caller has normalised. Default "pixels". */
  readonly input?: OnnxInput | undefined;
}

export const EXPORTERS: Readonly<Record<string, Exporter>> = {
  wasm: { title: "a recogniser without dependencies for Node, browsers and other runtimes", export: exportWasm },
  html: { title: "one page to draw on that works offline", export: (model, name) => exportHtml(model, name) },
  onnx: {
    title: "a network for ONNX Runtime and everything else that reads ONNX",
    export: (model, name, { input }) => exportOnnx(model, name, input),
  },
  triton: { title: "a model repository for Triton, and a manifest for KServe", export: exportTriton },
  pt: {
    title: "weights for torch.load, and the PyTorch module that they belong to",
    export: (model, name) => exportWeights(model, name, "pt"),
  },
  safetensors: {
    title: "weights for everything that reads safetensors, and the PyTorch module that they belong to",
    export: (model, name) => exportWeights(model, name, "safetensors"),
  },
};

/** The exporter of a name. @throws UsageError with a suggestion when there is none */
export function findExporter(name: string): Exporter {
  if (!Object.hasOwn(EXPORTERS, name)) throw unknownName("format", name, Object.keys(EXPORTERS));
  return EXPORTERS[name];
}
