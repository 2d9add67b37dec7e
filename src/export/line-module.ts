/**
 * A model that reads lines of writing as one WebAssembly module: its network at several widths, which share weights and memory
 * (engine/backends/wasm/standalone.ts). A line is filled up with paper to the next of them, as the engine fills it up to its own; that changes
 * no answer, which is checked. What the exports `wasm` and `html` share for such models; standalone/line-recognizer.ts is what runs it.
 */
import type { StandaloneModule } from "../engine/backends/wasm/standalone.ts";
import { bucket } from "../engine/programs.ts";
import { Random } from "../engine/random.ts";
import type { Graph } from "../engine/trace.ts";
import type { Model } from "../models/model.ts";
import { MOST_COLUMNS } from "../picture/line.ts";
import { platform } from "../platform/platform.ts";
import { VERSION } from "../platform/version.ts";
import type { LineInput } from "../task/line-input.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import { inferenceGraph } from "../use/inference.ts";
import { type Agreement, agreementOf, encodeModule, type RecognizerSpeed, variantsOf } from "./recognizer.ts";
import { type LineCard, openLineRecognizer, runOf } from "./standalone/line-recognizer.ts";
import { speedOf } from "./timing.ts";

/** The narrowest width, for one or two characters. Each further one is twice as wide, so that at most half is filling. */
const NARROWEST = 64;
/** Columns of the line whose time is told, such as eight digits. */
const TIMED = 256;
/** Columns of lines that are compared: each is filled up to another width, here and in the engine. */
const COMPARED = [11, 40, 130, 700] as const;

/** The widths of a module: the last one holds the longest line and the paper behind it. */
function widthsFor(margin: number): number[] {
  const longest = NARROWEST * Math.ceil((MOST_COLUMNS + margin) / NARROWEST);
  const widths = [];
  for (let width = NARROWEST; width < MOST_COLUMNS; width *= 2) widths.push(width);
  return [...widths, longest];
}

const preprocessingOf = ({ task }: Model<Transcribe>): LineInput["preprocessing"] =>
  (task.input as LineInput).preprocessing;

/** Compiles a model for single lines of any width. */
export async function encodeLines(model: Model<Transcribe>): Promise<StandaloneModule> {
  const { task, temperature } = model;
  const preprocessing = preprocessingOf(model);
  const graphs = new Map<number, Graph>();
  for (const columns of widthsFor(preprocessing.margin)) graphs.set(columns, inferenceGraph(model, 1, { columns }));
  const card: LineCard = {
    version: VERSION,
    reads: "lines",
    alphabet: task.alphabet,
    preprocessing,
    widths: [...graphs].map(([columns, { outputs }]) => ({ columns, frames: outputs.logits.shape[1] })),
    temperature,
  };
  return encodeModule(Object.fromEntries([...graphs].map(([columns, graph]) => [runOf(columns), graph])), card);
}

/**
 * Compares a module with the engine, with and without fused multiply-adds, on lines of noise of several widths.
 * @throws DuctusError when they do not agree
 */
export async function checkLines(model: Model<Transcribe>, { bytes }: StandaloneModule): Promise<Agreement> {
  const { margin, height } = preprocessingOf(model);
  const { task, temperature } = model;
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const random = new Random(0, "user");
    const recognizers = await Promise.all(
      variantsOf(bytes).map(async (variant) => openLineRecognizer(await WebAssembly.compile(variant))),
    );
    let worst = 0;
    for (const columns of COMPARED) {
      const pixels = Uint8Array.from({ length: columns * height }, () =>
        random.uniform() < 0.3 ? random.integer(256) : 0,
      );
      const sizes = { columns: bucket(columns + margin) };
      const program = await backend.compile(inferenceGraph(model, 1, sizes));
      program.inputs.x.fill(0);
      program.inputs.x.set(pixels);
      program.inputs.length.fill(columns);
      program.run();
      const wanted = task.frames({ outputs: await program.read(), sizes, count: 1 }, 0, temperature);
      for (const recognizer of recognizers) {
        const found = recognizer.scores({ pixels, columns, left: 0, scale: 1 });
        worst = Math.max(worst, agreementOf(wanted.scores, found.scores, wanted.classes, "the module").worst);
      }
      program.dispose();
    }
    return { of: "inputs", samples: COMPARED.length, worst };
  } finally {
    await backend.close();
  }
}

/** How fast a module reads a line of so many columns as several digits have. */
export const speedOfLines = ({ bytes }: StandaloneModule): Promise<RecognizerSpeed> =>
  speedOf(bytes, runOf(TIMED), `line of ${TIMED} columns`);
