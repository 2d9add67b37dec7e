/** Data without classes: what a model of them says stays the same when it is fine-tuned, so its last layer does. */
import type { Dataset } from "../../data/dataset.ts";
import type { AnyModel } from "../../models/model.ts";
import { copyOf } from "../../train/transfer/transfer.ts";
import type { AdaptedModel, NetworkChoice, OpenedData, PartName, TrainingParts, TrainingRequest } from "./kind.ts";

/** Open data of which a model tells no classes apart. */
export abstract class WithoutClasses implements OpenedData {
  abstract readonly name: string;
  abstract readonly origin: string;
  abstract readonly fingerprint: string;
  abstract readonly notes: readonly string[];
  abstract readonly isTestAside: boolean;
  abstract readonly counts: OpenedData["counts"];
  abstract readonly noun: string;
  /** What a model and its data have in common, in words: `the alphabet is`. */
  protected abstract readonly shared: string;

  abstract newModel(choice: NetworkChoice): Promise<AnyModel>;
  abstract training(model: AnyModel, request: TrainingRequest): Promise<TrainingParts>;
  abstract samples(part: PartName, model: AnyModel): Promise<Dataset>;

  judged(part: PartName, model: AnyModel): Promise<Dataset> {
    return this.samples(part, model);
  }

  adapt(base: AnyModel, _train: Dataset, _seed: number): AdaptedModel {
    return { model: copyOf(base), isNew: false, head: `kept: ${this.shared} the same` };
  }

  onOld(_base: AnyModel, tuned: AnyModel): AnyModel {
    return tuned;
  }

  images(): undefined {}

  isKnown(_base: AnyModel, _train: Dataset): boolean {
    return true;
  }
}
