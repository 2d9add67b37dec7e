/**
 * How a model is computed, as a list: stages, the groups of ops that are one kernel's work, what each reads and where its
 * results go, and who reads and writes which parameter. What `ductus info --plan` shows.
 */
import type { PlannedGroup, Stage } from "../engine/backends/cpu/plan.ts";
import { kernelKey, planGroups, scratchBytes, type WasmPlan } from "../engine/backends/wasm/program.ts";
import { planForWasm } from "../engine/backends/wasm/wasm.ts";
import { bytesOf } from "../engine/dtype.ts";
import { opsOf } from "../engine/lower/keys.ts";
import type { InputAttrs } from "../engine/ops/constant.ts";
import { storageOf } from "../engine/passes/storage.ts";
import type { Shape } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { graphParameters } from "../engine/trace.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyParameter } from "../nn/module.ts";
import { inferenceGraph } from "../use/inference.ts";
import { plannedSizes } from "./plan-memory.ts";
import { resolveSettings } from "./settings.ts";
import { traceTrainingStep } from "./step.ts";

/** What can be planned: a training step of the model's recipe, or reading one sample. */
export const PLANS = ["train", "read"] as const;
export type PlanName = (typeof PLANS)[number];

/** A group of ops that one kernel computes. */
export interface ListedGroup {
  /** Counted from 1, in the order in which groups run. */
  readonly number: number;
  /** Stages are counted from 0; those that run once, ahead of all runs, are `ahead 0` … */
  readonly stage: string;
  /** How threads divide it: so many samples at a time, samples added up in pieces, or ranges of the result. */
  readonly split: PlannedGroup["split"];
  /** Samples that a thread takes at a time; undefined for ranges. */
  readonly tile: number | undefined;
  /** The ops, the first of them first: `conv2dWinograd·add·relu`. */
  readonly ops: string;
  /** Which of the kernels: groups of the same structure share one. */
  readonly kernel: number;
  readonly shape: Shape;
  /** Names of what it reads: weights as in files, inputs of the program, `%3` for what group 3 stores. */
  readonly reads: readonly string[];
  readonly stores: readonly { readonly name: string; readonly place: string; readonly bytes: number }[];
}

export interface ListedParameter {
  readonly name: string;
  readonly shape: Shape;
  readonly bytes: number;
  /** Numbers of groups. */
  readonly readBy: readonly number[];
  readonly writtenBy: readonly number[];
}

export interface PlanListing {
  readonly of: PlanName;
  readonly batch: number;
  readonly stages: number;
  readonly kernels: number;
  /** In bytes; `perThread` for each thread. */
  readonly memory: { readonly parameters: number; readonly arena: number; readonly perThread: number };
  readonly groups: readonly ListedGroup[];
  readonly parameters: readonly ListedParameter[];
}

/** Plans a model, without compiling it. */
export async function listPlan(model: AnyModel, of: PlanName): Promise<PlanListing> {
  const names = new Map<AnyParameter, string>();
  for (const [name, parameter] of model.network.namedParameters())
    if (!names.has(parameter)) names.set(parameter, name);
  return of === "read"
    ? listed(of, await planForWasm(inferenceGraph(model, 1, plannedSizes(model.task))), names)
    : listed(of, await planForWasm(trainingStep(model, names)), names);
}

/** A step of the model's recipe. Names the optimizer's state in `names`: `conv1.weight.exp_avg`. */
function trainingStep(model: AnyModel, names: Map<AnyParameter, string>) {
  const settings = resolveSettings(model, {});
  const { task } = model;
  const samples = { inputs: task.input.ports, targets: task.targets };
  const graph = traceTrainingStep({ model, ...settings }, samples, {
    batch: settings.batchSize,
    sizes: plannedSizes(model.task),
  });
  for (const parameter of model.network.trainable()) {
    const own = names.get(parameter) ?? "parameter";
    for (const [key, state] of Object.entries(settings.optimizer.state(parameter))) names.set(state, `${own}.${key}`);
  }
  return graph;
}

function listed(of: PlanName, plan: WasmPlan, names: ReadonlyMap<AnyParameter, string>): PlanListing {
  const numbers = new Map(planGroups(plan).map((group, g) => [group, g + 1]));
  const makers = new Map<Tensor, string>();
  for (const [group, number] of numbers) {
    group.outputs.forEach((output, i) => {
      makers.set(output, `%${number}${group.outputs.length > 1 ? "abcdefghijklmnopqrstuvwxyz"[i] : ""}`);
    });
  }
  const outputs = new Map(Object.entries(plan.graph.outputs).map(([name, tensor]) => [tensor, name]));
  const nameOf = (tensor: Tensor): string => {
    const storage = storageOf(tensor);
    if (storage instanceof Parameter) return names.get(storage) ?? "parameter";
    if (storage.op.name === "input") return (storage.attrs as InputAttrs).name;
    return outputs.get(storage) ?? makers.get(storage) ?? storage.op.name;
  };
  const stored = (tensor: Tensor): ListedGroup["stores"][number] => {
    const place = plan.places.get(tensor);
    const bytes = bytesOf(tensor);
    if (place?.kind === "parameter") return { name: nameOf(place.parameter), place: "parameter", bytes };
    return { name: nameOf(tensor), place: place?.kind ?? "nowhere", bytes };
  };
  const kernels = new Map<string, number>();
  const list = (stages: readonly Stage[], title: string): ListedGroup[] =>
    stages.flatMap((stage, s) =>
      [...stage.samples, ...stage.ranges].map((group): ListedGroup => {
        const key = kernelKey(plan, group);
        const kernel = kernels.get(key) ?? kernels.size + 1;
        kernels.set(key, kernel);
        return {
          number: numbers.get(group) as number,
          stage: `${title}${s}`,
          split: group.split,
          tile: group.split === "range" ? undefined : stage.tile,
          ops: opsOf(group),
          kernel,
          shape: group.shape,
          reads: [...new Set(group.inputs.map(nameOf))],
          stores: group.outputs.map(stored),
        };
      }),
    );
  const groups = [...list(plan.setup, "ahead "), ...list(plan.stages, "")];
  const parameters = graphParameters(plan.graph).map((parameter): ListedParameter => {
    const name = nameOf(parameter);
    const numbersOf = (isIn: (group: ListedGroup) => boolean): number[] =>
      groups.filter(isIn).map(({ number }) => number);
    return {
      name,
      shape: parameter.shape,
      bytes: bytesOf(parameter),
      readBy: numbersOf(({ reads }) => reads.includes(name)),
      writtenBy: numbersOf(({ stores }) => stores.some((store) => store.place === "parameter" && store.name === name)),
    };
  });
  return {
    of,
    batch: plan.batch,
    stages: plan.stages.length,
    kernels: kernels.size,
    memory: {
      parameters: parameters.reduce((sum, { bytes }) => sum + bytes, 0),
      arena: plan.arenaBytes,
      perThread: scratchBytes(plan),
    },
    groups,
    parameters,
  };
}
