/**
 * Looks inside a model while it reads a picture: what every layer gives, and which pixels speak for a class. All of it is
 * one compiled program, quick enough to follow a drawing. Beside predict.ts, which only reads.
 */

import { gradients } from "../engine/autodiff.ts";
import type { ImmediateBackend, ImmediateProgram } from "../engine/backends/backend.ts";
import { unknownName } from "../engine/errors.ts";
import { logSoftmax } from "../engine/ops/activation.ts";
import { constant } from "../engine/ops/constant.ts";
import { add, cast, eq, mul } from "../engine/ops/elementwise.ts";
import { argmax, sum } from "../engine/ops/reduce.ts";
import type { Shape } from "../engine/shape.ts";
import { type Graph, trace } from "../engine/trace.ts";
import type { Model } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import { type Layer, traceLayers } from "../nn/layers.ts";
import type { Picture } from "../picture/picture.ts";
import { examinePicture } from "../picture/preprocess.ts";
import type { Preprocessing } from "../picture/preprocessing.ts";
import { platform } from "../platform/platform.ts";
import { type Candidate, rank, writePixels } from "../task/classify/ranking.ts";
import { decoded, type Prediction, preprocessingOf } from "./predict.ts";

/** What is to be explained. */
export interface ExplainOptions {
  /** Name of the class that is asked about; default: the likeliest. */
  readonly class?: string | undefined;
}

/** What a layer gave. */
export interface LayerActivation {
  /** PyTorch's name of the module, `features.0`; where there are no modules, of its weights or its op. */
  readonly name: string;
  /** `Conv2d`, `MaxPool2d`, `ReLU`, `Linear` … */
  readonly kind: string;
  /** [height, width, channels], or [features] */
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** What a model makes of one picture, and how it comes to that. */
export interface Explanation extends Prediction {
  /** In the order of the forward pass. */
  readonly layers: readonly LayerActivation[];
  /** The class that evidence and attention are about. */
  readonly about: Candidate;
  /**
   * [height, width]: what each pixel adds to the logarithm of the class's probability, or takes from it. All together they
   * are the difference to a picture without ink, up to the error of a sum of {@link STEPS} terms. Integrated gradients
   * along the straight line from black (Sundararajan, Taly, Yan, arXiv 1703.01365): black pixels, so also the absence of
   * ink, get nothing.
   */
  readonly evidence: Float32Array;
  /** [height, width]: the evidence for the class, 0 … 1 with 1 for the strongest pixel; what speaks against it is 0. */
  readonly attention: Float32Array;
}

/** Pictures on the way from black to what is seen; a multiple of the 8 parts in which the engine divides batches. */
export const STEPS = 24;
/**
 * How far along the way the first `pieces` of all pieces lead. They are short near black, where networks with batch norm
 * change their minds fast: measured, this is worth twice as many pieces of one length.
 */
const reach = (pieces: number): number => (pieces / STEPS) ** 2;
/** The share of each piece in the way. */
const SHARES = Array.from({ length: STEPS }, (_, step) => reach(step + 1) - reach(step));
/** Above every logit: added to one, it is the largest. */
const PREFERRED = 1e30;

/** Name of the output that holds layer `i`. */
const layerOutput = (i: number): string => `layer${i}`;

/**
 * The picture itself, for answer and layers, and a batch of fainter ones, for gradients:
 * `x` [1, …], `path` [STEPS, …], `preferred` [1, outputs] → `logits`, `layer0` …, `slope` [height, width, channels]
 */
function explanationGraph(model: Model): { readonly graph: Graph; readonly layers: readonly Layer[] } {
  const { inputShape, inputType, network, temperature } = model;
  const { names } = model.task;
  let layers: readonly Layer[] = [];
  const graph = trace((tracer) => {
    const x = tracer.input("x", [1, ...inputShape], inputType);
    const path = tracer.input("path", [STEPS, ...inputShape], "float32", true);
    const preferred = tracer.input("preferred", [1, names.length]);
    const traced = traceLayers(network, x, () => model.logits(x, inferenceContext()));
    layers = traced.layers;
    const logits = traced.output;
    const ranks = constant(
      names.map((_, k) => k),
      "int32",
    );
    const chosen = cast(eq(argmax(add(logits, preferred), 1, true), ranks), "float32"); // [1, outputs]
    const onPath = model.logits(path, inferenceContext()); // [STEPS, outputs]
    const logProbabilities = logSoftmax(temperature === undefined ? onPath : mul(onPath, 1 / temperature));
    const weighted = mul(mul(logProbabilities, chosen), constant(SHARES, "float32", [STEPS, 1]));
    const [slope] = gradients(sum(weighted), [path]); // [STEPS, H, W, C]
    const outputs = layers.map(({ output }, i) => [layerOutput(i), output] as const);
    return { logits, slope: sum(slope, 0), ...Object.fromEntries(outputs) };
  });
  return { graph, layers };
}

/** A model ready to be looked into, one picture after the other. Close it in the end. */
export class Explainer {
  readonly #model: Model;
  readonly #preprocessing: Preprocessing;
  readonly #layers: readonly Layer[];
  readonly #backend: ImmediateBackend;
  readonly #program: ImmediateProgram;

  private constructor(model: Model, layers: readonly Layer[], backend: ImmediateBackend, program: ImmediateProgram) {
    this.#model = model;
    this.#preprocessing = preprocessingOf(model);
    this.#layers = layers;
    this.#backend = backend;
    this.#program = program;
  }

  /** Compiles the model with its layers and gradients. @throws UsageError when the model has no preprocessing */
  static async open(model: Model): Promise<Explainer> {
    preprocessingOf(model);
    const { graph, layers } = explanationGraph(model);
    const backend = await platform().createBackend({ threads: 1 });
    return new Explainer(model, layers, backend, await backend.compile(graph));
  }

  /** @throws DataError when the picture is blank, UsageError (with a suggestion) for a class that the model has not */
  explain(picture: Picture, options: ExplainOptions = {}): Explanation {
    const { inputType, task } = this.#model;
    const { inputs, outputs } = this.#program;
    const wanted = options.class === undefined ? -1 : task.names.indexOf(options.class);
    if (options.class !== undefined && wanted < 0) throw unknownName("class", options.class, task.names);
    const { pixels: seen, characters } = examinePicture(this.#preprocessing, picture, task.names);

    writePixels(seen, inputs.x, inputType);
    const numbers = Float32Array.from(inputs.x);
    for (let step = 0; step < STEPS; step++) {
      const strength = reach(step + 0.5);
      for (let i = 0; i < numbers.length; i++) inputs.path[step * numbers.length + i] = numbers[i] * strength;
    }
    inputs.preferred.fill(0);
    if (wanted >= 0) inputs.preferred[wanted] = PREFERRED;
    this.#program.run();

    const ranking = rank(this.#model, outputs.logits);
    const about = ranking.find(({ index }) => index === wanted) ?? ranking[0];
    const evidence = evidenceOf(numbers, outputs.slope, this.#model.inputShape);
    return {
      ...ranking[0],
      ranking,
      seen,
      characters,
      layers: this.#layers.map(({ name, kind, output }, i) => ({
        name,
        kind,
        shape: output.shape.slice(1),
        values: Float32Array.from(outputs[layerOutput(i)]),
      })),
      about,
      evidence,
      attention: attentionOf(evidence),
    };
  }

  async close(): Promise<void> {
    this.#program.dispose();
    await this.#backend.close();
  }
}

/** The way times the mean slope along it, channels added up. */
function evidenceOf(numbers: Float32Array, slope: ArrayLike<number>, [height, width, channels]: Shape): Float32Array {
  const evidence = new Float32Array(height * width);
  for (let i = 0; i < numbers.length; i++) evidence[Math.floor(i / channels)] += numbers[i] * slope[i];
  return evidence;
}

function attentionOf(evidence: Float32Array): Float32Array {
  const strongest = evidence.reduce((most, value) => Math.max(most, value), 0);
  return strongest === 0 ? new Float32Array(evidence.length) : evidence.map((value) => Math.max(0, value) / strongest);
}

/**
 * Explains how a model reads one picture of any size and polarity. For many, keep an {@link Explainer}.
 * @param picture decoded pixels, the path of a picture file, or its bytes
 */
export async function explain(
  model: Model,
  picture: Picture | string | Uint8Array,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const pixels = await decoded(picture);
  const explainer = await Explainer.open(model);
  try {
    return explainer.explain(pixels, options);
  } finally {
    await explainer.close();
  }
}
