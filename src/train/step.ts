/**
 * The training step: forward, loss, gradients, clipping and the optimiser's update, traced into ONE graph that a backend
 * compiles for the batch's exact shape. The way of a batch from `fit` to the kernels is: fit.ts → here → engine/trace.ts →
 * engine/autodiff.ts → engine/passes → engine/backends.
 */
import type { Dataset } from "../data/dataset.ts";
import { gradients } from "../engine/autodiff.ts";
import { cast, eq } from "../engine/ops/elementwise.ts";
import { argmax, sum } from "../engine/ops/reduce.ts";
import { threefry2x32 } from "../engine/random.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Graph, type Tracer, trace } from "../engine/trace.ts";
import type { Model } from "../models/model.ts";
import { inferenceContext, trainingContext } from "../nn/context.ts";
import { clipByNorm } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { LossFunction } from "./losses.ts";

/** What a training step consists of. */
export interface StepDefinition {
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly loss: LossFunction;
  /** Gradients are scaled down together when their norm is larger. */
  readonly clipNorm?: number;
}

/** Shapes and types of the samples, as {@link Dataset} has them. */
export type SampleSpec = Pick<Dataset, "inputShape" | "inputType" | "targetShape" | "targetType" | "classes">;

/** Whether targets are class indices, so that there is such a thing as accuracy. */
export function hasClasses(spec: SampleSpec): boolean {
  return spec.targetType === "int32" && spec.targetShape.length === 0 && spec.classes !== undefined;
}

/**
 * The graph of one training step on `batch` samples. Inputs: `x` and `y` (the batch), `key` (random numbers of the step)
 * and the optimiser's numbers by name. Outputs: `loss` (mean over the batch) and, for classes, `correct` (how many samples
 * the network had right, before the update). Weights, statistics and optimiser state are updated in place.
 */
export function traceTrainingStep(definition: StepDefinition, spec: SampleSpec, batch: number): Graph {
  const { model, optimizer, clipNorm } = definition;
  return trace((tracer) => {
    const { x, y } = batchInputs(tracer, spec, batch);
    const logits = model.logits(x, trainingContext(tracer, tracer.input("key", [2], "int32")));
    const loss = definition.loss(logits, y);

    const parameters = model.network.trainable();
    const raw = gradients(loss, parameters);
    const grads = clipNorm === undefined ? raw : clipByNorm(raw, clipNorm).gradients;

    const scalar = scalarInputs(tracer);
    for (const [i, parameter] of parameters.entries()) {
      for (const { target, value } of optimizer.update(parameter, grads[i], scalar)) tracer.update(target, value);
    }
    return { loss, ...(hasClasses(spec) && { correct: countCorrect(logits, y) }) };
  });
}

/** The graph of one evaluation step: inputs `x`, `y`; outputs `logits` and `loss` (mean over the batch). */
export function traceEvaluationStep(model: Model, loss: LossFunction, spec: SampleSpec, batch: number): Graph {
  return trace((tracer) => {
    const { x, y } = batchInputs(tracer, spec, batch);
    const logits = model.logits(x, inferenceContext());
    return { logits, loss: loss(logits, y) };
  });
}

function batchInputs(tracer: Tracer, spec: SampleSpec, batch: number): { x: Tensor; y: Tensor } {
  const x = tracer.input("x", [batch, ...spec.inputShape], spec.inputType, true);
  const y = tracer.input("y", [batch, ...spec.targetShape], spec.targetType, true);
  return { x, y };
}

/** One scalar input for each of the optimiser's numbers, however many parameters ask for it. */
function scalarInputs(tracer: Tracer): (name: string) => Tensor {
  const made = new Map<string, Tensor>();
  return (name) => {
    const scalar = made.get(name) ?? tracer.input(name, []);
    made.set(name, scalar);
    return scalar;
  };
}

function countCorrect(logits: Tensor, y: Tensor): Tensor {
  return sum(cast(eq(argmax(logits), y), "float32"));
}

/** Writes the key of a step's random numbers: a function of seed and step alone, so a resumed run draws the same ones. */
export function writeStepKey(seed: number, step: number, key: Int32Array): void {
  const words = [0, 0];
  threefry2x32(seed | 0, Math.floor(seed / 2 ** 32) | 0, step, STEP_STREAM, words);
  key[0] = words[0];
  key[1] = words[1];
}

/** Keeps these keys apart from the ones that engine/random.ts derives from the same seed. */
const STEP_STREAM = 0x57e9;
