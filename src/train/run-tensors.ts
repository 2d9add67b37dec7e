/**
 * Everything that the steps of a run change: the network's parameters, the optimizer's state and running averages. What a
 * checkpoint has of them, and how they become those of one again.
 */
import type { Backend } from "../engine/backends/backend.ts";
import type { TypedArray } from "../engine/dtype.ts";
import type { NamedTensor } from "../formats/tensor-data.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyParameter } from "../nn/module.ts";
import type { WeightAverage } from "../optim/average.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { type Checkpoint, copies, restore } from "./checkpoint.ts";

type Named = readonly (readonly [name: string, parameter: AnyParameter])[];

export class RunTensors {
  readonly parameters: readonly AnyParameter[];
  readonly #named: Named;
  /** Those that are trained at some time. */
  readonly #trained: Named;
  readonly #optimizer: Optimizer;
  readonly #average: WeightAverage | undefined;
  readonly #backend: Backend;

  constructor({ network }: AnyModel, optimizer: Optimizer, average: WeightAverage | undefined, backend: Backend) {
    this.#named = [...network.namedParameters()];
    const trainable = new Set<AnyParameter>(network.trainable());
    this.#trained = this.#named.filter(([, parameter]) => trainable.has(parameter));
    this.parameters = this.#named.map(([, parameter]) => parameter);
    this.#optimizer = optimizer;
    this.#average = average;
    this.#backend = backend;
  }

  /** All that a step changes. */
  get everything(): AnyParameter[] {
    return [...this.parameters, ...[...this.#averages(), ...this.#optimizerState()].map(([, state]) => state)];
  }

  /** Puts the averages in the network's place, or takes them out again. */
  async useAverages(wanted: boolean): Promise<void> {
    if (this.#average !== undefined && this.#average.isSwapped !== wanted) await this.#average.swap(this.#backend);
  }

  /** Copies by kind and name, as a checkpoint has them. @param best weights of the best epoch, where those are others */
  async copies(best: readonly TypedArray[]): Promise<Map<string, NamedTensor>> {
    const [optimizer, averages] = [this.#optimizerState(), this.#averages()];
    await this.#backend.pull(this.everything);
    return new Map([
      ...copies("optimizer", optimizer),
      ...copies("raw", averages),
      ...copies("best", this.#withNames(best)),
    ]);
  }

  /** Becomes those of a checkpoint, whose weights the network has already. */
  restore(checkpoint: Checkpoint): void {
    restore(checkpoint, "optimizer", this.#optimizerState());
    // What is trained from this epoch on has no average of its own in the checkpoint.
    for (const [own, other] of this.#average?.entries() ?? []) other.data.set(own.data as Float32Array);
    restore(
      checkpoint,
      "raw",
      this.#averages().filter(([name]) => checkpoint.tensors.has(`raw.${name}`)),
    );
    this.#backend.push(this.everything);
  }

  /** Writes the best weights of a checkpoint to their copies. */
  restoreBest(checkpoint: Checkpoint, best: readonly TypedArray[]): void {
    restore(checkpoint, "best", this.#withNames(best));
  }

  #withNames(values: readonly TypedArray[]) {
    return values.map((data, i) => {
      const [name, { shape }] = this.#named[i];
      return [name, { shape, data } as Pick<AnyParameter, "shape" | "data">] as const;
    });
  }

  /** By name: `conv1.weight.exp_avg`. */
  #optimizerState(): Named {
    return this.#trained.flatMap(([name, parameter]) =>
      Object.entries(this.#optimizer.state(parameter as never)).map(
        ([key, state]) => [`${name}.${key}`, state] as const,
      ),
    );
  }

  /** What averages stand for by name: while they are in the network's place, the weights that training works on. */
  #averages(): Named {
    const names = new Map(this.#named.map(([name, own]) => [own, name]));
    return [...(this.#average?.entries() ?? [])].map(([own, other]) => [names.get(own) as string, other] as const);
  }
}
