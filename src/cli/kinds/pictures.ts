/** Pictures with classes, and tables of numbers, as data of the verbs that train and measure. */
import { resolve } from "node:path";
import { relabeled } from "../../data/conform.ts";
import type { Dataset, ImageDataset } from "../../data/dataset.ts";
import { takeShots } from "../../data/shots.ts";
import type { LoadedData } from "../../data/sources.ts";
import { joinImages } from "../../data/split.ts";
import { UsageError } from "../../engine/errors.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { create } from "../../models/registry.ts";
import { COLOR_PREPROCESSING, preprocessedShape } from "../../picture/preprocessing.ts";
import type { Classify } from "../../task/classify/classify.ts";
import { adapt, withOldHead } from "../../train/transfer/transfer.ts";
import { conformTo, preprocessingOf } from "../../use/predict.ts";
import { type AnyData, openForTraining, openToMeasure } from "../cli-data.ts";
import { describeHead } from "./heads.ts";
import type {
  AdaptedModel,
  NetworkChoice,
  OpenData,
  OpenedData,
  PartName,
  TrainingParts,
  TrainingRequest,
} from "./kind.ts";
import { SPLITS } from "./parts.ts";

/** A model that this kind is for, as kinds.ts has found out. */
const ofPictures = (model: AnyModel): Model<Classify> => model as AnyModel as Model<Classify>;

export const open: OpenData = async (spec, request, terminal) => {
  const { model, toMeasure = false, color, stream, ...options } = request;
  const known =
    model === undefined
      ? { ...options, ...(color === true && { preprocessing: COLOR_PREPROCESSING }) }
      : {
          ...options,
          preprocessing: model.preprocessing === undefined ? undefined : preprocessingOf(model),
          trainedSpan: model.dataset?.valueSpan,
        };
  const data = toMeasure
    ? await openToMeasure(spec, known, terminal)
    : await openForTraining(spec, { ...known, stream }, terminal);
  if (color === true && data.train.inputShape[2] === 1) {
    throw new UsageError(`--color: ${spec} is no folder or list of pictures, and has none`);
  }
  return new OpenedPictures(data);
};

class OpenedPictures implements OpenedData {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[];
  readonly isTestAside: boolean;
  readonly counts: OpenedData["counts"];
  readonly noun = "";
  readonly #data: AnyData;

  constructor(data: AnyData) {
    const { train, validation, test, origin, fingerprint, notes, isTestAside = false } = data;
    this.#data = data;
    this.name = train.name;
    this.origin = origin;
    this.fingerprint = fingerprint;
    this.notes = notes;
    this.isTestAside = isTestAside;
    this.counts = { train: train.length, validation: validation?.length ?? 0, test: test.length };
  }

  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const [stranger] = Object.keys(options);
    if (stranger !== undefined)
      throw new UsageError(`${name} takes no options, such as ${stranger}; give its name alone`);
    const { preprocessing, train } = this.#data;
    const shape = { classes: train.classes, inputShape: preprocessedShape(preprocessing) };
    const model = create(name, { ...shape, recipe, seed });
    model.preprocessing = { ...preprocessing };
    return model;
  }

  async training(
    model: AnyModel,
    { val, share, usesOwn = true, shots, seed }: TrainingRequest,
  ): Promise<TrainingParts> {
    const { validation: own, origin } = this.#data;
    const all = await this.samples("train", model);
    const train = shots === undefined ? all : takeShots(all as ImageDataset, shots, seed);
    const aside = own === undefined || !usesOwn ? share : conformTo(ofPictures(model), own);
    return { train, validation: val ?? aside, origin: (train as Partial<ImageDataset>).origin ?? origin };
  }

  async samples(part: PartName, model: AnyModel) {
    return conformTo(ofPictures(model), this.#part(part));
  }

  async judged(part: PartName, model: AnyModel): Promise<ImageDataset> {
    return relabeled((await this.samples(part, model)) as ImageDataset, model.classes);
  }

  adapt(base: AnyModel, train: ImageDataset, seed: number): AdaptedModel {
    const { model, kept } = adapt(ofPictures(base), train.classes, seed);
    const { preprocessing } = this.#data;
    const isBlankKept = preprocessing.kind === "ink" && preprocessing.keepBlank === true;
    if (isBlankKept) model.preprocessing = { ...preprocessingOf(base), keepBlank: true };
    return { model, isNew: kept.length < train.classes.length, head: describeHead(base, train.classes, kept) };
  }

  onOld(base: AnyModel, tuned: AnyModel): AnyModel {
    return withOldHead(ofPictures(base), ofPictures(tuned));
  }

  images(train: Dataset): ImageDataset {
    return train as ImageDataset;
  }

  isKnown(base: AnyModel, { classes }: ImageDataset): boolean {
    return classes.every((name) => base.classes.includes(name));
  }

  /** All parts together are in memory: what is streamed is for training. */
  #part(part: PartName): AnyData["train"] {
    const { train, validation, test, origin } = this.#data as LoadedData;
    if (part !== "all") return { train, validation: validation ?? test, test }[part];
    const parts = SPLITS.flatMap((split) => ({ train, validation, test })[split] ?? []).filter(
      ({ length }) => length > 0,
    );
    return joinImages(parts, this.isTestAside ? resolve(this.name) : origin);
  }
}
