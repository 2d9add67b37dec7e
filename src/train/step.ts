/**
 * The training step: forward, loss, gradients, clipping and the optimizer's update, traced into ONE graph that a backend
 * compiles for the batch's exact shape. The way of a batch from `fit` to the kernels is: fit.ts → here → engine/trace.ts →
 * engine/autodiff.ts → engine/passes → engine/backends. What a run does not use is not in its graph.
 */
import type { SampleSpec } from "../data/dataset.ts";
import { gradients } from "../engine/autodiff.ts";
import { constant } from "../engine/ops/constant.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import type { Complete } from "../engine/options.ts";
import type { BatchShape } from "../engine/programs.ts";
import { threefry2x32 } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { type Graph, type Tracer, trace } from "../engine/trace.ts";
import type { AnyModel } from "../models/model.ts";
import { trainingContext } from "../nn/context.ts";
import type { AnyParameter, Module } from "../nn/module.ts";
import { withForwards } from "../nn/observe.ts";
import type { WeightAverage } from "../optim/average.ts";
import { clipByNorm } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { ZeroState } from "../optim/state.ts";
import { batchInputs, LOSS_OUTPUT } from "../task/batch.ts";
import type { LossFunction } from "../task/losses.ts";
import type { Teacher } from "./distill.ts";

/** Parameters that share a learning rate. */
export interface ParameterGroup {
  readonly parameters: readonly Parameter[];
  /** What the run's learning rate is multiplied by. */
  readonly lrFactor: number;
  /** Steps of the run before these parameters were trained: the optimizer counts their steps from there. */
  readonly startStep: number;
}

/** What a training step consists of. */
export interface StepDefinition {
  readonly model: AnyModel;
  readonly optimizer: Optimizer;
  readonly loss: LossFunction;
  /** Whom to learn from beside the targets. */
  readonly teacher?: Teacher | undefined;
  /** Gradients are scaled down together when their norm is larger. */
  readonly clipNorm?: number | undefined;
  /** Sums of the gradients of a batch that comes in several parts. */
  readonly sums?: ZeroState<"gradient"> | undefined;
  /** Whether what the parts count beside each other is known only when all of them have been read. */
  readonly isWeighed?: boolean | undefined;
  /** Running average of the network's weights and statistics. */
  readonly average?: WeightAverage | undefined;
  /** Default: all that the network can train, in one group. */
  readonly groups?: readonly ParameterGroup[] | undefined;
  /** Modules that compute as they do in use: their batch-norm reads running statistics and leaves them alone. */
  readonly inference?: ReadonlySet<Module> | undefined;
}

/** The groups of a step. */
export function groupsOf({ groups, model }: StepDefinition): readonly ParameterGroup[] {
  return groups ?? [{ parameters: model.network.trainable(), lrFactor: 1, startStep: 0 }];
}

/** Name of the input that holds a number of a group's optimizer: `lr`, and `lr.1` … from the second group on. */
export function scalarName(name: string, group: number): string {
  return group === 0 ? name : `${name}.${group}`;
}

/** Input names of a training step beside those of the batch's ports and the optimizer's numbers. */
export const STEP_INPUTS = { key: "key", part: "part", whole: "whole", averageShare: "averageShare" } as const;

/**
 * The graph of one training step on a batch. Inputs: the batch by the names of its ports, `key` (random numbers of the step)
 * and the optimizer's numbers by {@link scalarName}; with gradient sums `part` (what the gradients of these samples
 * count) and, where shares are not known before the last part, `whole` (what the sums are multiplied by), with an average `averageShare`. Outputs: `loss` (mean over the batch) and what the task counts
 * (before the update). Weights, statistics and optimizer state are updated in place.
 */
export function traceTrainingStep(definition: StepDefinition, spec: SampleSpec, shape: BatchShape): Graph {
  const { optimizer, clipNorm, sums, average, isWeighed } = definition;
  return trace((tracer) => {
    const { outputs, grads: raw, parameters } = forwardAndBack(tracer, definition, spec, shape);
    const summed = sums === undefined ? raw : raw.map((grad, i) => add(sums.of(parameters[i]).gradient, grad));
    const factor = sums !== undefined && isWeighed ? tracer.input(STEP_INPUTS.whole, []) : undefined;
    const whole = factor === undefined ? summed : summed.map((grad) => mul(grad, factor));
    if (sums !== undefined) {
      for (const parameter of parameters) {
        tracer.update(sums.of(parameter).gradient, constant(0, "float32", parameter.shape));
      }
    }
    const grads = clipNorm === undefined ? whole : clipByNorm(whole, clipNorm).gradients;

    const scalar = scalarInputs(tracer);
    const place = new Map(parameters.map((parameter, i) => [parameter, i]));
    for (const [g, group] of groupsOf(definition).entries()) {
      for (const parameter of group.parameters) {
        const grad = grads[place.get(parameter) as number];
        const updates = optimizer.update(parameter, grad, (name) => scalar(scalarName(name, g)));
        for (const { target, value } of updates) tracer.update(target, value);
      }
    }
    if (average !== undefined) traceAverage(tracer, definition.model, average);
    return outputs;
  });
}

/**
 * The graph of all parts of a batch but the last: adds the gradients, times `part`, to the sums. Inputs: the batch, `key`
 * and `part`; outputs as in {@link traceTrainingStep}.
 */
export function traceAccumulation(
  definition: StepDefinition & Complete<Pick<StepDefinition, "sums">>,
  spec: SampleSpec,
  shape: BatchShape,
): Graph {
  return trace((tracer) => {
    const { outputs, grads, parameters } = forwardAndBack(tracer, definition, spec, shape);
    for (const [i, parameter] of parameters.entries()) {
      const { gradient } = definition.sums.of(parameter);
      tracer.update(gradient, add(gradient, grads[i]));
    }
    return outputs;
  });
}

interface Traced {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly parameters: readonly Parameter[];
  /** Of the mean loss, times `part` where there is such an input. */
  readonly grads: readonly Tensor[];
}

function forwardAndBack(tracer: Tracer, definition: StepDefinition, spec: SampleSpec, shape: BatchShape): Traced {
  const { model, teacher, inference = new Set() } = definition;
  const { inputs, targets } = batchInputs(tracer, spec, shape);
  const context = trainingContext(tracer, tracer.input(STEP_INPUTS.key, [2], "int32"));
  const outputs = withInference(inference, () => model.outputs(inputs, context));
  const own = definition.loss(outputs.logits, targets.y, { inputs, outputs, targets });
  const loss = teacher?.loss(own, outputs.logits, inputs) ?? own;
  const parameters = groupsOf(definition).flatMap((group) => group.parameters);
  const grads = gradients(loss, parameters);
  const part = definition.sums && tracer.input(STEP_INPUTS.part, []);
  return {
    outputs: { [LOSS_OUTPUT]: loss, ...model.task.tally(outputs, targets, spec) },
    parameters,
    grads: part === undefined ? grads : grads.map((grad) => mul(grad, part)),
  };
}

/** Moves the averages towards what weights and statistics become in this step. */
function traceAverage(tracer: Tracer, model: AnyModel, average: WeightAverage): void {
  const share = tracer.input(STEP_INPUTS.averageShare, []);
  const own = new Set<AnyParameter>([...model.network.namedParameters()].map(([, parameter]) => parameter));
  for (const { target, value } of [...tracer.updates]) {
    if (!own.has(target) || target.dtype !== "float32") continue;
    const update = average.update(target as Parameter, value, share);
    tracer.update(update.target, update.value);
  }
}

/** One scalar input for each of the optimizer's numbers, however many parameters ask for it. */
function scalarInputs(tracer: Tracer): (name: string) => Tensor {
  const made = new Map<string, Tensor>();
  return (name) => {
    const scalar = made.get(name) ?? tracer.input(name, []);
    made.set(name, scalar);
    return scalar;
  };
}

/**
 * Writes the key of random numbers: a function of seed, step and part of the step's batch alone, so a resumed run draws
 * the same ones.
 */
export function writeStepKey(seed: number, step: number, key: Int32Array, part = 0): void {
  threefry2x32(seed | 0, Math.floor(seed / 2 ** 32) | 0, step, STEP_STREAM + part, words);
  key[0] = words[0];
  key[1] = words[1];
}

const words = [0, 0];

/** Keeps these keys apart from the ones that engine/random.ts derives from the same seed. */
const STEP_STREAM = 0x57e9;

/** Runs `pass` while the given modules, and all inside them, compute as they do in use. */
function withInference<T>(modules: ReadonlySet<Module>, pass: () => T): T {
  return withForwards(modules, (_, forward) => (x, context) => forward(x, { ...context, training: false }), pass);
}
