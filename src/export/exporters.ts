/** The ways out of Ductus by name: what `ductus export --to NAME` offers. A new one is a file beside this and an entry here. */
import { UsageError, unknownName } from "../engine/errors.ts";
import type { AnyModel, Model } from "../models/model.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import { type Accepts, accepts, CLASSIFIERS, EVERYTHING, inWords, RECOGNIZERS } from "./accepts.ts";
import { exportHtml, exportReadingHtml } from "./html.ts";
import { exportOnnx, type OnnxInput } from "./onnx.ts";
import type { Exported } from "./recognizer.ts";
import { exportTriton } from "./triton.ts";
import { exportLineWasm, exportWasm } from "./wasm.ts";
import { exportWeights } from "./weights.ts";

export interface Exporter {
  /** One line: what it is for. */
  readonly title: string;
  /** Which models it can write. */
  readonly takes: Accepts;
  /**
   * Makes the files, named after `name`, and compares them with the model.
   * @throws UsageError for a model of another kind, DuctusError when they disagree
   */
  export(model: AnyModel, name: string, options: ExportOptions): Promise<Exported>;
}

/** What can be chosen; formats that leave no choice do not look at it. */
export interface ExportOptions {
  /** What an ONNX graph takes: the model's pixels, or numbers that the caller has normalized. Default "pixels". */
  readonly input?: OnnxInput | undefined;
}

/** An exporter that is only asked to write {@link CLASSIFIERS}. */
const ofClassifiers = (
  title: string,
  write: (model: Model, name: string, options: ExportOptions) => Promise<Exported>,
): Exporter => ({ title, takes: CLASSIFIERS, export: (model, name, options) => write(model as Model, name, options) });

/** One that writes a model in one of two ways, by what it is for. */
const ofRecognizers = (
  title: string,
  write: {
    readonly classify: (model: Model, name: string) => Promise<Exported>;
    readonly transcribe: (model: Model<Transcribe>, name: string) => Promise<Exported>;
  },
): Exporter => ({
  title,
  takes: RECOGNIZERS,
  export: (model, name) => write[model.task.kind as keyof typeof write](model as never, name),
});

export const EXPORTERS: Readonly<Record<string, Exporter>> = {
  wasm: ofRecognizers("a recognizer without dependencies for Node, browsers and other runtimes", {
    classify: exportWasm,
    transcribe: exportLineWasm,
  }),
  html: ofRecognizers("one page that works offline: to draw on, or to read photographs with", {
    classify: (model, name) => exportHtml(model, name),
    transcribe: (model, name) => exportReadingHtml(model, name),
  }),
  onnx: {
    title: "a network for ONNX Runtime and everything else that reads ONNX",
    takes: EVERYTHING,
    export: (model, name, { input }) => exportOnnx(model, name, input),
  },
  triton: ofClassifiers("a model repository for Triton, and a manifest for KServe", exportTriton),
  pt: {
    title: "weights for torch.load, and for classifiers of numbers the PyTorch module that they belong to",
    takes: EVERYTHING,
    export: (model, name) => exportWeights(model, name, "pt"),
  },
  safetensors: {
    title: "weights for everything that reads safetensors, and that module",
    takes: EVERYTHING,
    export: (model, name) => exportWeights(model, name, "safetensors"),
  },
};

/** The exporter of a name. @throws UsageError with a suggestion when there is none */
export function findExporter(name: string): Exporter {
  if (!Object.hasOwn(EXPORTERS, name)) throw unknownName("format", name, Object.keys(EXPORTERS));
  const exporter = EXPORTERS[name];
  return {
    ...exporter,
    export: async (model, file, options) => {
      if (!accepts(exporter.takes, model)) throw unfit(name, exporter.takes, model);
      return exporter.export(model, file, options);
    },
  };
}

function unfit(format: string, takes: Accepts, model: AnyModel): UsageError {
  const others = Object.keys(EXPORTERS).filter((name) => accepts(EXPORTERS[name].takes, model));
  const { kind, input } = model.task;
  return new UsageError(
    (option) =>
      `${option("to")} ${format} is for models that ${inWords(takes)}; this one's task is to ${kind} ${input.kind}: export it as ${others.join(" or ")}, or put it behind HTTP with ductus serve`,
  );
}
