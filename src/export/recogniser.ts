/**
 * A model as one WebAssembly module that reads pictures by itself (engine/backends/wasm/standalone.ts), with the model's
 * card and a checksum as sections: what the exports `wasm` (wasm.ts) and `html` (html.ts) share. How it is used at run
 * time stands in standalone/recogniser.ts.
 */
import { compileStandalone, type StandaloneModule } from "../engine/backends/wasm/standalone.ts";
import { crc32 } from "../formats/checksum.ts";
import type { Model } from "../models/model.ts";
import { preprocessingOf } from "../train/predict.ts";
import { inferenceGraph } from "../train/trained-model.ts";
import { VERSION } from "../version.ts";
import { CARD_SECTION, CHECKSUM_BYTES, CHECKSUM_SECTION, type ModelCard } from "./standalone/recogniser.ts";

/** Compiles a model for single pictures. @throws UsageError when it carries no preprocessing */
export function encodeRecogniser(model: Model): StandaloneModule {
  const card: ModelCard = {
    version: VERSION,
    labels: model.classes,
    inputType: model.inputType,
    preprocessing: preprocessingOf(model),
  };
  const section = new TextEncoder().encode(JSON.stringify(card));
  const module = compileStandalone(inferenceGraph(model, 1), { [CARD_SECTION]: section });
  return { ...module, bytes: withChecksum(module.bytes) };
}

/** Appends the last section, a custom one: id 0, length, name, CRC-32 of all before it. */
function withChecksum(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(module.length + CHECKSUM_BYTES);
  bytes.set(module);
  const name = new TextEncoder().encode(CHECKSUM_SECTION);
  bytes.set([0, CHECKSUM_BYTES - 2, name.length, ...name], module.length);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(module), true);
  return bytes;
}
