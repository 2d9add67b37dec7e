/**
 * A model as one WebAssembly module that reads pictures by itself (engine/backends/wasm/standalone.ts), with the model's
 * card and a checksum as sections: what the exports `wasm` (wasm.ts) and `html` (html.ts) share. How it is used at run
 * time stands in standalone/recognizer.ts.
 */

import { openAxes } from "../data/port.ts";
import { fuseMultiplyAdds } from "../engine/backends/wasm/fusable.ts";
import { compileStandalone, type Port, type StandaloneModule } from "../engine/backends/wasm/standalone.ts";
import { relaxedSimdWorks } from "../engine/backends/wasm/support.ts";
import { viewOf } from "../engine/dtype.ts";
import { DuctusError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { Graph } from "../engine/trace.ts";
import { crc32 } from "../formats/checksum.ts";
import type { AnyModel, Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { VERSION } from "../platform/version.ts";
import { writePixels } from "../task/classify/ranking.ts";
import { inferenceGraph } from "../use/inference.ts";
import { preprocessingOf } from "../use/predict.ts";
import { CARD_SECTION, CHECKSUM_BYTES, CHECKSUM_SECTION } from "./standalone/module.ts";
import type { ModelCard } from "./standalone/recognizer.ts";

/** How well a module agrees with the model that it was made from. */
export interface Agreement {
  /** What was compared: the outputs for so many inputs, or so many weights. */
  readonly of: "inputs" | "weights";
  readonly samples: number;
  /** Largest difference; of an output, relative to the largest output of its sample (or 1, if that is more). */
  readonly worst: number;
}

/** What an export consists of: files by name, all texts or bytes. */
export interface Exported {
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  readonly agreement: Agreement;
  /** What was left out, and why: a sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Of what runs by itself. */
  readonly speed?: RecognizerSpeed | undefined;
}

/** How fast a recognizer is, measured where it was exported. */
export interface RecognizerSpeed {
  /** From its bytes to the first answer. */
  readonly readyMilliseconds: number;
  /** The network for one of what it reads, without the preprocessing. */
  readonly microseconds: number;
  /** What it reads: "picture", "line of 256 columns". */
  readonly of: string;
}

const SAMPLES = 32;
/** Folding and fusing change roundings; a wrong network is off by far more. */
const TOLERANCE = 1e-4;

/**
 * Compares a module with the engine, with and without fused multiply-adds, on noise of any density.
 * @throws DuctusError when they do not agree
 */
export async function checkRecognizer(model: Model, { bytes, inputs, outputs }: StandaloneModule): Promise<Agreement> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const program = await backend.compile(inferenceGraph(model, 1));
    const variants = variantsOf(bytes).map((variant) => {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(variant));
      const { memory, run } = exports as unknown as { memory: WebAssembly.Memory; run: () => void };
      const view = ({ dtype, address, length }: Port) => viewOf(dtype, memory.buffer, address, length);
      return { x: view(inputs.x), logits: view(outputs.logits) as Float32Array, run };
    });
    const random = new Random(0, "user");
    let worst = 0;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const pixels = samplePixels(random, sample, inputs.x.length);
      writePixels(pixels, program.inputs.x, model.inputType);
      program.run();
      const wanted = Float32Array.from(program.outputs.logits);
      for (const { x, logits, run } of variants) {
        writePixels(pixels, x, model.inputType);
        run();
        worst = Math.max(worst, agreementOf(wanted, logits, wanted.length, "the module").worst);
      }
    }
    return { of: "inputs", samples: SAMPLES, worst };
  } finally {
    await backend.close();
  }
}

/** A module as it is run where there are fused multiply-adds, and where there are none. */
export function variantsOf(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  return [new Uint8Array(bytes), ...(relaxedSimdWorks() ? [fuseMultiplyAdds(bytes)] : [])];
}

/**
 * Compares what was written and read again with the model it comes from, on the same noise, in batches of several.
 * @throws DuctusError when they do not agree
 */
export async function checkModel(model: Model, again: Model): Promise<Agreement> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const programs = [];
    for (const side of [model, again]) programs.push(await backend.compile(inferenceGraph(side, SAMPLES)));
    const [wanted, found] = programs.map((program) => program.outputs.logits);
    const random = new Random(0, "user");
    const size = programs[0].inputs.x.length / SAMPLES;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const pixels = samplePixels(random, sample, size);
      for (const { inputs } of programs) {
        writePixels(pixels, inputs.x.subarray(sample * size, (sample + 1) * size), model.inputType);
      }
    }
    for (const program of programs) program.run();
    return agreementOf(wanted, found, model.classes.length, "the written network");
  } finally {
    await backend.close();
  }
}

/** As {@link checkModel}, for models that read texts or lines: at several lengths, of which a part counts. */
export async function checkSequences(model: AnyModel, again: AnyModel, lengths: readonly number[]): Promise<Agreement> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const random = new Random(0, "user");
    const batch = SAMPLES / lengths.length;
    let worst = 0;
    for (const each of lengths) {
      const sizes = Object.fromEntries(openAxes(model.task.input.ports).map((axis) => [axis, each]));
      const programs = [];
      for (const side of [model, again]) programs.push(await backend.compile(inferenceGraph(side, batch, sizes)));
      const [wanted, found] = programs;
      for (const [port, values] of Object.entries(wanted.inputs)) {
        values.set(model.task.input.example(port, values.length, random));
        found.inputs[port]?.set(values);
      }
      for (const program of programs) program.run();
      const { length } = wanted.outputs.logits;
      const both = agreementOf(wanted.outputs.logits, found.outputs.logits, length / batch, "the written network");
      worst = Math.max(worst, both.worst);
    }
    return { of: "inputs", samples: SAMPLES, worst };
  } finally {
    await backend.close();
  }
}

/** The largest difference of outputs [samples, width], relative to those of its sample. @throws DuctusError above the tolerance */
export function agreementOf(
  wanted: ArrayLike<number>,
  found: ArrayLike<number>,
  width: number,
  what: string,
): Agreement {
  let worst = 0;
  if (found.length !== wanted.length) {
    throw new DuctusError(
      `export: ${what} has ${found.length} outputs where the model has ${wanted.length}; nothing was written`,
    );
  }
  for (let row = 0; row < wanted.length; row += width) {
    let scale = 1;
    for (let k = row; k < row + width; k++) scale = Math.max(scale, Math.abs(wanted[k]));
    for (let k = row; k < row + width; k++) {
      const difference = Math.abs(found[k] - wanted[k]) / scale;
      // Not "more than": a NaN is a disagreement, too.
      if (!(difference <= TOLERANCE)) {
        throw new DuctusError(
          `export: output ${k - row} of ${what} is ${found[k]} where the model's is ${wanted[k]}; nothing was written`,
        );
      }
      worst = Math.max(worst, difference);
    }
  }
  return { of: "inputs", samples: wanted.length / width, worst };
}

/** Noise of any strength on a ground of zeros, more of it from sample to sample. */
function samplePixels(random: Random, sample: number, length: number): Uint8Array {
  const density = (sample + 1) / SAMPLES;
  return Uint8Array.from({ length }, () => (random.uniform() < density ? random.integer(256) : 0));
}

/** Compiles a model for single pictures. @throws UsageError when it carries no preprocessing */
export async function encodeRecognizer(model: Model): Promise<StandaloneModule> {
  const card: ModelCard = {
    version: VERSION,
    labels: model.classes,
    inputType: model.inputType,
    preprocessing: preprocessingOf(model),
    temperature: model.temperature,
    novelty: model.task.novelty,
  };
  return encodeModule({ run: inferenceGraph(model, 1) }, card);
}

/** A module with the card of its model and a checksum. @param graphs by the names of their functions */
export async function encodeModule(graphs: Readonly<Record<string, Graph>>, card: object): Promise<StandaloneModule> {
  const section = new TextEncoder().encode(JSON.stringify(card));
  const module = await compileStandalone(graphs, { [CARD_SECTION]: section });
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
