/** Strings that are made of a data set of single characters, `strings:mnist`, as data of the verbs that train and measure. */
import { sameNames } from "../../data/port.ts";
import { DataError } from "../../engine/errors.ts";
import type { AnyModel } from "../../models/model.ts";
import { modelOf } from "../../models/network.ts";
import { findNetwork } from "../../models/networks.ts";
import { sha256 } from "../../platform/node/files.ts";
import { openStrings, type StringsData } from "../../platform/node/strings-data.ts";
import type { Strings } from "../../synthesis/strings.ts";
import { LineInput } from "../../task/line-input.ts";
import { Transcribe } from "../../task/transcribe/transcribe.ts";
import { describe } from "../cli-data.ts";
import type { NetworkChoice, OpenData, OpenedData, PartName, TrainingParts, TrainingRequest } from "./kind.ts";
import { WithAlphabet } from "./with-alphabet.ts";

export const open: OpenData = async (spec, { dataDir, toMeasure = false }, terminal) => {
  const data = new OpenedStrings(spec, await openStrings(spec, { dataDir }));
  if (!toMeasure) describe(data, terminal);
  return data;
};

class OpenedStrings extends WithAlphabet {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[];
  readonly isTestAside = false;
  readonly counts: OpenedData["counts"];
  readonly noun = "strings";
  readonly #data: StringsData;

  constructor(spec: string, data: StringsData) {
    super();
    const { train, validation, test, origin, notes } = data;
    this.name = spec;
    this.origin = origin;
    this.notes = notes;
    this.counts = { train: train.length, validation: validation.length, test: test.length };
    // What is made follows from the characters and from this alone.
    this.fingerprint = sha256([new TextEncoder().encode(JSON.stringify([spec, origin, this.counts]))]);
    this.#data = data;
  }

  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const task = new Transcribe(new LineInput(), this.#data.train.alphabet);
    return modelOf(await findNetwork(name), task, options, { recipe, seed });
  }

  async training(_model: AnyModel, { val, usesOwn = true, share }: TrainingRequest): Promise<TrainingParts> {
    const own = usesOwn ? await this.samples("validation") : share;
    return { train: await this.samples("train"), validation: val ?? own, origin: this.origin };
  }

  /** @throws DataError where all parts are asked for, which are of different looks */
  async samples(part: PartName): Promise<Strings> {
    if (part === "all") throw new DataError(`${this.name}: parts are measured one by one; give --split`);
    return this.#data[part];
  }

  /** @throws DataError where the alphabets differ */
  override async judged(part: PartName, { task }: AnyModel): Promise<Strings> {
    const strings = await this.samples(part);
    if (sameNames(strings.alphabet, task.names)) return strings;
    throw new DataError(
      `${this.name} has the alphabet ${strings.alphabet.join("")}, and the model ${task.names.join("")}; train one for it, or fine-tune this one`,
    );
  }
}
