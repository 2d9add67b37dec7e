/**
 * A network made elsewhere as a classifier that gives logits. What its outputs are is read from its ops (onnx-outputs.ts);
 * then it is run once on noise, which shows probabilities that the ops did not, and outputs that depend on which other
 * pictures are in the batch.
 */

import type { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";
import { spendGraph } from "../engine/passes/cost.ts";
import { Random } from "../engine/random.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Graph, trace } from "../engine/trace.ts";
import { inferenceContext } from "../nn/context.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import { platform } from "../platform/platform.ts";
import type { OnnxNetwork } from "./onnx-network.ts";
import { OUTPUT_KINDS, type OutputKind, type OutputKindName, outputKindOf } from "./onnx-outputs.ts";

/** A network whose outputs become logits. Weights keep their names. */
export class OnnxClassifier extends Module {
  readonly #network: OnnxNetwork;
  readonly #outputs: OutputKind;

  constructor(network: OnnxNetwork, outputs: OutputKind) {
    super();
    this.#network = network;
    this.#outputs = outputs;
  }

  /** @param x [batch, height, width, channels] → [batch, outputs] */
  forward(x: Tensor, context: Context): Tensor {
    return this.#outputs.logits(this.#network.forward(x, context));
  }

  override describe(): string {
    return this.#network.describe();
  }

  override namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    return this.#network.namedParameters(prefix);
  }
}

/** Outputs that are logits because the file says so. */
const AS_THEY_ARE: OutputKind = { note: undefined, logits: (outputs) => outputs };

export interface ClassifierOptions {
  /** What the network takes. */
  readonly inputType: "uint8" | "float32";
  /** Whether the file says that its outputs are logits. */
  readonly givesLogits: boolean;
  /** Of the file. */
  readonly budget: Budget;
  /** Whether the caller names two classes. */
  readonly namesTwo: boolean;
}

/**
 * Finds out what the outputs are.
 * @returns the classifier, and sentences on what the user should know
 * @throws DataError where they are nothing that tells classes apart
 */
export async function classifierOf(
  network: OnnxNetwork,
  { inputType, budget, givesLogits, namesTwo }: ClassifierOptions,
): Promise<{ classifier: OnnxClassifier; notes: readonly string[] }> {
  const pixels = sizeOf(network.inputShape);
  budget.spend("memory", BATCH * NOISE_BYTES * pixels, "its input");
  budget.spend("operations", BATCH * NOISE_OPERATIONS * pixels, "its input");
  const graph = traced(network, inputType);
  spendGraph(budget, Object.values(graph.outputs), "its network", BATCH);
  if (givesLogits) return { classifier: new OnnxClassifier(network, AS_THEY_ARE), notes: [] };
  const { outputs } = graph.outputs;
  const fromOps = outputKindOf(outputs);
  const numbers = await outputsForNoise(graph);
  const kind = OUTPUT_KINDS[fromOps ?? kindOfNumbers(numbers, outputs.shape[1], namesTwo)];
  return {
    classifier: new OnnxClassifier(network, kind),
    notes: kind.note === undefined ? [] : [kind.note],
  };
}

/** A batch of several. @throws DataError where only single pictures go through */
function traced(network: OnnxNetwork, inputType: ClassifierOptions["inputType"]): Graph {
  const traceAt = (batch: number): Graph =>
    trace((tracer) => {
      const x = tracer.input("x", [batch, ...network.inputShape], inputType, true);
      return { outputs: network.forward(x, inferenceContext()) };
    });
  try {
    return traceAt(BATCH);
  } catch (error) {
    if (!(error instanceof DuctusError) || error instanceof TooLargeError) throw error;
    // What is wrong with one picture is wrong with the network.
    traceAt(1);
    const advice = "it takes one picture at a time; export it with an open batch axis";
    throw new DataError(`${advice} (of several: ${error.message})`, { cause: error });
  }
}

/** Pictures that are run together. */
const BATCH = 4;
/** What a pixel of noise takes: its number as drawn and as the network reads it, and the drawing, in operations. */
const NOISE_BYTES = 12;
const NOISE_OPERATIONS = 200;
/** How far sums and repeated outputs may be off: formats with few digits, and other orders of addition. */
const TOLERANCE = 1e-3;

/** What outputs [BATCH, outputs] look like whose ops say nothing. @throws DataError for one output that tells nothing apart */
function kindOfNumbers(numbers: Float32Array, width: number, namesTwo: boolean): OutputKindName {
  const isBetween = numbers.every((value) => value >= 0 && value <= 1);
  if (width === 1) {
    if (isBetween) {
      throw new DataError(
        "its one output lies between 0 and 1 but comes from no sigmoid that Ductus knows; export it with one at its end, or with two outputs",
      );
    }
    if (namesTwo) return "logOdds";
    throw new DataError(
      "it has one output, which is no probability; where that is the log-odds of the second of two classes, name both with --classes",
    );
  }
  const rows = Array.from({ length: BATCH }, (_, n) => numbers.subarray(n * width, (n + 1) * width));
  const sums = rows.map((row) => row.reduce((total, value) => total + value, 0));
  // As shares, or in percent
  const isWhole = [1, 100].some((whole) => sums.every((sum) => Math.abs(sum / whole - 1) < TOLERANCE));
  if (isWhole && numbers.every((value) => value >= 0)) return "probabilities";
  return isBetween ? "scores" : "logits";
}

/** Outputs for noise of several densities. @throws DataError where those of a picture depend on the others beside it */
async function outputsForNoise(graph: Graph): Promise<Float32Array> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const program = await backend.compile(graph);
    const { x } = program.inputs;
    const { outputs } = program.outputs;
    const random = new Random(0, "user");
    const size = x.length / BATCH;
    const unit = x instanceof Uint8Array ? 1 : 255;
    const pixels = Float64Array.from(x, (_, i) =>
      random.uniform() * BATCH < Math.floor(i / size) + 1 ? random.integer(256) : 0,
    );
    const runWith = (sampleAt: (n: number) => number): Float32Array => {
      for (let n = 0; n < BATCH; n++) {
        const from = sampleAt(n) * size;
        for (let i = 0; i < size; i++) x[n * size + i] = pixels[from + i] / unit;
      }
      program.run();
      return Float32Array.from(outputs as Float32Array);
    };
    const first = runWith((n) => n);
    // The first two change places, and copies of one take the others'.
    const again = runWith((n) => (n === 0 ? 1 : 0));
    const scale = TOLERANCE * first.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    for (let i = 0; i < first.length; i++) {
      const width = first.length / BATCH;
      if (Math.abs(again[i] - first[i < width ? i + width : i % width]) > scale) {
        throw new DataError(
          "what it gives for a picture depends on the others in the batch; export it in inference mode, with an open batch axis",
        );
      }
    }
    return first;
  } finally {
    await backend.close();
  }
}
