/** Plain texts, of which a model learns what comes next, as data of the verbs that train and measure. */
import { resolve } from "node:path";
import { fingerprintSamples } from "../../data/fingerprint-samples.ts";
import { DataError } from "../../engine/errors.ts";
import { blueprintOf } from "../../models/blueprint.ts";
import type { AnyModel } from "../../models/model.ts";
import { modelOf } from "../../models/network.ts";
import { checkOptions } from "../../models/network-options.ts";
import { findNetwork } from "../../models/networks.ts";
import { sha256 } from "../../platform/node/files.ts";
import { type RawParts, readTexts } from "../../platform/node/text-data.ts";
import { textLayoutsAt } from "../../platform/node/text-layout.ts";
import { Generate } from "../../task/generate/generate.ts";
import { grouped } from "../../task/text.ts";
import { TextInput } from "../../task/text-input.ts";
import { Texts } from "../../text/texts.ts";
import { describe } from "../cli-data.ts";
import type { NetworkChoice, OpenData, OpenedData, PartName, TrainingParts, TrainingRequest } from "./kind.ts";
import { type AllParts, type Divided, fingerprintOf, itemsOf } from "./parts.ts";
import { tokenizerFor } from "./tokenizers.ts";
import { WithoutClasses } from "./without-classes.ts";

/** The end of a text that is put aside for testing, where the data have no such part. */
const TEST_PART = 0.1;
/** Tokens of a sample, for models that do not say how many they were made for. */
const WINDOW = 256;

export const open: OpenData = async (spec, { toMeasure = false, tokenizer = "chars" }, terminal) => {
  const { texts } = await textLayoutsAt(spec);
  if (texts === undefined) throw new DataError(`${spec}: no text files there; expected .txt files in UTF-8`);
  const data = new OpenedTexts(spec, divided(spec, await readTexts(texts), toMeasure), tokenizer);
  if (!toMeasure) describe(data, terminal);
  return data;
};

/** Puts the end aside for testing where there is no such part: what follows is harder to foresee than what lies between. */
function divided(
  spec: string,
  { train = [], validation = [], test }: RawParts<string>,
  toMeasure: boolean,
): Divided<string> {
  const origin = resolve(spec);
  if (train.length === 0 && !toMeasure) {
    throw new DataError(`${spec}: there is nothing to train on; "ductus evaluate" measures by it`);
  }
  if (test !== undefined || train.length === 0) {
    return { parts: { train, validation, test: test ?? [] }, origin, isTestAside: false };
  }
  const [kept, aside] = withoutEnd(train, TEST_PART);
  const words = `the last ${grouped(lengthOf(aside))} of ${grouped(lengthOf(train))} characters put aside for testing`;
  return { parts: { train: kept, validation, test: aside }, origin: `${origin}: ${words}`, isTestAside: true };
}

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, { length }) => sum + length, 0);

/** Texts without a share of all characters at their end, and that end: at a line break, where one is near. */
function withoutEnd(texts: readonly string[], share: number): readonly [kept: string[], end: string[]] {
  const kept: string[] = [];
  const end: string[] = [];
  let left = Math.round(lengthOf(texts) * (1 - share));
  for (const text of texts) {
    if (left >= text.length) kept.push(text);
    else if (left <= 0) end.push(text);
    else {
      const at = cutNear(text, left);
      kept.push(text.slice(0, at));
      end.push(text.slice(at));
    }
    left -= text.length;
  }
  return [kept.filter((text) => text !== ""), end.filter((text) => text !== "")];
}

/** Characters in which a line break counts as near. */
const NEAR = 200;

function cutNear(text: string, at: number): number {
  const line = text.indexOf("\n", at) + 1;
  if (line > 0 && line - at < NEAR && line < text.length) return line;
  // A character of two halves stays whole.
  return /[\udc00-\udfff]/.test(text[at]) ? at + 1 : at;
}

class OpenedTexts extends WithoutClasses {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[] = [];
  readonly isTestAside: boolean;
  readonly counts: OpenedData["counts"];
  readonly noun = "characters";
  protected readonly shared = "the tokens are";
  readonly #parts: AllParts<string>;
  readonly #tokenizer: string;

  constructor(spec: string, { parts, origin, isTestAside }: Divided<string>, tokenizer: string) {
    super();
    const { train, validation, test } = parts;
    this.name = spec;
    this.origin = origin;
    this.isTestAside = isTestAside;
    this.fingerprint = fingerprintOf(parts);
    this.counts = { train: lengthOf(train), validation: lengthOf(validation), test: lengthOf(test) };
    this.#parts = parts;
    this.#tokenizer = tokenizer;
  }

  /** Its tokenizer knows the characters of all parts, as which ones there are is no secret of the test; pairs it learns of the training part alone. */
  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const network = await findNetwork(name);
    const checked = checkOptions(name, network.options, options);
    const tokenizer = await tokenizerFor(this.#tokenizer, {
      train: this.#parts.train,
      all: itemsOf(this.#parts, "all"),
    });
    const input = new TextInput(tokenizer, { maxLength: network.longest?.(checked) });
    const tokens = this.#parts.train.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
    const window = network.window?.(checked) ?? WINDOW;
    if (tokens <= window) {
      throw new DataError(
        `${this.name}: ${tokens} tokens to train on are no more than the context of ${window}; give more text, or --model ${name}:context=N with fewer`,
      );
    }
    return modelOf(network, new Generate(input), options, { recipe, seed });
  }

  async training(model: AnyModel, { val, share, usesOwn = true }: TrainingRequest): Promise<TrainingParts> {
    const { train, validation } = this.#parts;
    const { origin } = this;
    if (val === undefined && usesOwn && validation.length > 0) {
      const samples = await this.samples("validation", model);
      return { train: await this.samples("train", model), validation: samples, origin };
    }
    const [kept, aside] = withoutEnd(train, val ?? share);
    const whole = await this.#samples(kept, "train", model);
    return { train: whole, validation: aside.length > 0 ? await this.#samples(aside, "all", model) : 0, origin };
  }

  samples(part: PartName, model: AnyModel): Promise<Texts> {
    return this.#samples(itemsOf(this.#parts, part), part, model);
  }

  async #samples(texts: readonly string[], part: PartName, { task, network }: AnyModel): Promise<Texts> {
    const { tokenizer, maxLength = WINDOW } = task.input as TextInput;
    const known = blueprintOf(network);
    const window = known?.record.window?.(known.options) ?? maxLength;
    const split = part === "all" ? undefined : part;
    const dataset = new Texts(texts, { tokenizer, window, name: this.name, split });
    await fingerprintSamples(dataset, sha256);
    return dataset;
  }
}
