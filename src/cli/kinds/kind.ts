/**
 * What the verbs that train and measure need of data, whatever they are: how they are opened, which model suits them, and what its
 * samples are. One record for each kind of data; all of them stand in kinds.ts.
 */
import type { Dataset, ImageDataset, SplitName } from "../../data/dataset.ts";
import type { AnyModel, Recipe } from "../../models/model.ts";
import type { AnyTask } from "../../task/task.ts";
import type { TrainedModel } from "../../use/trained-model.ts";
import type { DataOptions } from "../cli-data.ts";
import type { Terminal } from "../terminal.ts";

/** How data are opened. */
export interface OpenRequest extends DataOptions {
  /** A model that is to read them; without one they are for a new model. */
  readonly model?: AnyModel | undefined;
  /** Whether there may be nothing to train on. */
  readonly toMeasure?: boolean | undefined;
  readonly stream?: boolean | undefined;
  readonly color?: boolean | undefined;
  /** Name of a kind of tokens, for a new model. */
  readonly tokenizer?: string | undefined;
}

/** The network of a new model. */
export interface NetworkChoice {
  readonly name: string;
  readonly options: Readonly<Record<string, number>>;
  /** Default: the network's own. */
  readonly recipe?: Recipe | undefined;
  readonly seed: number;
}

/** What of the data is trained on. */
export interface TrainingRequest {
  /** Share that is put aside for validation, as it was typed; goes before the data's own part. */
  readonly val?: number | undefined;
  /** The same, where nothing was typed and the data have no part of their own. */
  readonly share: number;
  /** Whether the data's own part is used; default true. */
  readonly usesOwn?: boolean | undefined;
  /** So many samples of each class only; default: all. */
  readonly shots?: number | undefined;
  readonly seed: number;
}

/** Samples to train on and to validate on, as a model reads them. */
export interface TrainingParts {
  readonly train: Dataset;
  /** A share of `train`, or samples apart. */
  readonly validation: number | Dataset;
  readonly origin: string;
}

/** A trained model made ready for other data. */
export interface AdaptedModel {
  readonly model: TrainedModel<AnyTask>;
  /** Whether a part of its last layer is new. */
  readonly isNew: boolean;
  /** What became of the last layer, in words. */
  readonly head: string;
}

/** A part of the data, or all of them together. */
export type PartName = SplitName | "all";

/** Data that are open. */
export interface OpenedData {
  readonly name: string;
  readonly origin: string;
  /** Of all parts together. */
  readonly fingerprint: string;
  /** What was changed or left aside while reading, a sentence each. */
  readonly notes: readonly string[];
  /** Whether the data have no test part of their own, so that one was put aside. */
  readonly isTestAside: boolean;
  /** How much there is of each part, and of what: `characters`; empty for samples. */
  readonly counts: Readonly<Record<SplitName, number>>;
  readonly noun: string;
  /** A new model for these data. */
  newModel(choice: NetworkChoice): Promise<AnyModel>;
  /** @throws DataError where these samples are nothing for the model */
  training(model: AnyModel, request: TrainingRequest): Promise<TrainingParts>;
  /** The samples of a part as a model reads them; classes have the numbers of the data. */
  samples(part: PartName, model: AnyModel): Promise<Dataset>;
  /** The same with the numbers that classes have in the model. @throws DataError for classes that it does not know */
  judged(part: PartName, model: AnyModel): Promise<Dataset>;
  /** A copy of a trained model that can learn what `train` has. */
  adapt(base: AnyModel, train: Dataset, seed: number): AdaptedModel;
  /** A fine-tuned model as one for what its base was for: with the base's last layer, where that was replaced. */
  onOld(base: AnyModel, tuned: AnyModel): AnyModel;
  /** Pictures in memory, of which cross-validation takes parts; undefined for other samples. */
  images(train: Dataset): ImageDataset | undefined;
  /** Whether a model can be measured on what `train` has without being trained for it. */
  isKnown(base: AnyModel, train: Dataset): boolean;
}

/** Opens data. @throws UsageError for an unknown name @throws DataError when they are missing, wrong, or nothing can be learned of them */
export type OpenData = (spec: string, request: OpenRequest, terminal: Terminal) => Promise<OpenedData>;
