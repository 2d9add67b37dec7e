/** Texts with classes as data of the verbs that train and measure: tables, JSON records, a folder of files for each class. */
import type { Dataset, SplitName } from "../../data/dataset.ts";
import { fingerprintSamples } from "../../data/fingerprint-samples.ts";
import type { TextRow } from "../../data/formats/text-table.ts";
import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { modelOf } from "../../models/network.ts";
import { checkOptions } from "../../models/network-options.ts";
import { findNetwork } from "../../models/networks.ts";
import { byName, sha256 } from "../../platform/node/files.ts";
import { readLabeledTexts } from "../../platform/node/text-data.ts";
import { textLayoutsAt } from "../../platform/node/text-layout.ts";
import { Classify, refuseOneClass } from "../../task/classify/classify.ts";
import { TextInput } from "../../task/text-input.ts";
import { LabeledTexts } from "../../text/texts.ts";
import { adapt, withOldHead } from "../../train/transfer/transfer.ts";
import { describe } from "../cli-data.ts";
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
import { type AllParts, countsOf, type Divided, divide, fingerprintOf, itemsOf, SPLITS } from "./parts.ts";
import { tokenizerFor } from "./tokenizers.ts";

export const open: OpenData = async (spec, { toMeasure = false, tokenizer = "words" }, terminal) => {
  const { labeledTexts } = await textLayoutsAt(spec);
  if (labeledTexts === undefined) throw new DataError(`${spec}: no texts with classes, in a table, records or folders`);
  const raw = await readLabeledTexts(labeledTexts);
  const data = new OpenedLabeledTexts(spec, divide(spec, raw, { classOf: ({ label }) => label, toMeasure }), tokenizer);
  if (!toMeasure) data.refuse();
  if (!toMeasure) describe(data, terminal);
  return data;
};

class OpenedLabeledTexts implements OpenedData {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[] = [];
  readonly isTestAside: boolean;
  readonly counts: OpenedData["counts"];
  readonly noun = "";
  readonly #parts: AllParts<TextRow>;
  readonly #classes: readonly string[];
  readonly #tokenizer: string;

  /** @throws DataError where a part has classes that the part to train on lacks */
  constructor(spec: string, { parts, origin, isTestAside }: Divided<TextRow>, tokenizer: string) {
    this.name = spec;
    this.origin = origin;
    this.isTestAside = isTestAside;
    this.fingerprint = fingerprintOf(parts);
    this.counts = countsOf(parts);
    this.#parts = parts;
    this.#tokenizer = tokenizer;
    const first = SPLITS.find((split) => parts[split].length > 0) as SplitName;
    this.#classes = [...new Set(parts[first].map(({ label }) => label))].sort(byName);
    const stranger = itemsOf(parts, "all").find(({ label }) => !this.#classes.includes(label));
    if (stranger !== undefined) {
      throw new DataError(`${spec}: the class ${quote(stranger.label)} is not among those of the part for training`);
    }
  }

  /** @throws DataError where there is one class only */
  refuse(): void {
    const { train } = this.#parts;
    const label = (index: number): number => this.#classes.indexOf(train[index].label);
    const targets = { y: { shape: [], dtype: "int32" } } as const;
    refuseOneClass({
      name: this.name,
      length: train.length,
      classes: this.#classes,
      targets,
      label,
    } as unknown as Dataset);
  }

  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const network = await findNetwork(name);
    const maxLength = network.longest?.(checkOptions(name, network.options, options));
    const tokenizer = await tokenizerFor(this.#tokenizer, { train: this.#parts.train.map(({ text }) => text) });
    const task = new Classify(new TextInput(tokenizer, { maxLength }), this.#classes);
    return modelOf(network, task, options, { recipe, seed });
  }

  async training(model: AnyModel, { val, share, usesOwn = true }: TrainingRequest): Promise<TrainingParts> {
    const hasOwn = this.counts.validation > 0 && usesOwn;
    const validation = val ?? (hasOwn ? await this.samples("validation", model) : share);
    return { train: await this.samples("train", model), validation, origin: this.origin };
  }

  samples(part: PartName, model: AnyModel): Promise<LabeledTexts> {
    return this.#samples(part, model, this.#classes);
  }

  judged(part: PartName, model: AnyModel): Promise<LabeledTexts> {
    const unknown = this.#classes.filter((name) => !model.classes.includes(name));
    if (unknown.length > 0) {
      throw new DataError(
        `${this.name} has classes that the model does not know (${unknown.join(", ")}); it tells ${model.classes.join(", ")} apart: fine-tune it, or rename the classes`,
      );
    }
    return this.#samples(part, model, model.classes);
  }

  async #samples(part: PartName, { task }: AnyModel, classes: readonly string[]): Promise<LabeledTexts> {
    const { tokenizer, maxLength } = task.input as TextInput;
    const texts = itemsOf(this.#parts, part).map(({ text, label }) => ({ text, label: classes.indexOf(label) }));
    const split = part === "all" ? undefined : part;
    const dataset = new LabeledTexts(texts, { tokenizer, maxLength, classes, name: this.name, split });
    await fingerprintSamples(dataset, sha256);
    return dataset;
  }

  adapt(base: AnyModel, train: Dataset, seed: number): AdaptedModel {
    const { classes = [] } = train;
    const { model, kept } = adapt(base as AnyModel as Model<Classify>, classes, seed);
    return { model, isNew: kept.length < classes.length, head: describeHead(base, classes, kept) };
  }

  onOld(base: AnyModel, tuned: AnyModel): AnyModel {
    return withOldHead(base as AnyModel as Model<Classify>, tuned as AnyModel as Model<Classify>);
  }

  images(): undefined {}

  isKnown(base: AnyModel): boolean {
    return this.#classes.every((name) => base.classes.includes(name));
  }
}
