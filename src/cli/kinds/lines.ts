/** Pictures of lines with the strings that stand in them, as data of the verbs that train and measure. */
import { fingerprintIfKnown, keepFingerprint } from "../../data/fingerprint.ts";
import { fingerprintSamples } from "../../data/fingerprint-samples.ts";
import { LinePictures } from "../../data/line-pictures.ts";
import { alphabetOf, isRightToLeft, stringOf } from "../../data/lines.ts";
import { markGroupsAside, Subset, splitBy } from "../../data/split.ts";
import { DataError, DuctusError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import type { AnyModel } from "../../models/model.ts";
import { modelName } from "../../models/model.ts";
import { modelOf } from "../../models/network.ts";
import { findNetwork } from "../../models/networks.ts";
import { type Line, type LineFrame, lineOf } from "../../picture/line.ts";
import { sha256 } from "../../platform/node/files.ts";
import { decodeImage } from "../../platform/node/images.ts";
import type { PictureString } from "../../platform/node/picture-table.ts";
import { readLines } from "../../platform/node/text-data.ts";
import { LINES_EXPECTED, textLayoutsAt } from "../../platform/node/text-layout.ts";
import { LineInput } from "../../task/line-input.ts";
import { grouped } from "../../task/text.ts";
import { framesNeeded } from "../../task/transcribe/ctc-frames.ts";
import { Transcribe } from "../../task/transcribe/transcribe.ts";
import { inferenceGraph } from "../../use/inference.ts";
import { describe } from "../cli-data.ts";
import type { Terminal } from "../terminal.ts";
import type { NetworkChoice, OpenData, OpenedData, PartName, TrainingParts, TrainingRequest } from "./kind.ts";
import {
  type AllParts,
  countsOf,
  type Divided,
  divide,
  fingerprintOf,
  groupNumbers,
  itemsOf,
  SPLITS,
} from "./parts.ts";
import { WithAlphabet } from "./with-alphabet.ts";

/** Columns of a picture of which it is found out how many frames a network makes. */
const WIDE = 256;
/** Pictures that are decoded at a time. */
const PARALLEL = 8;

export const open: OpenData = async (spec, { toMeasure = false, model, skipUnreadable = false }, terminal) => {
  const { lines } = await textLayoutsAt(spec);
  if (lines === undefined) {
    throw new DataError(`${spec}: no pictures with strings; expected ${LINES_EXPECTED}`);
  }
  const divided = divide(spec, await readLines(lines), { groupOf: ({ writer }) => writer, toMeasure });
  const { preprocessing: frame } = (model?.task.input as LineInput | undefined) ?? new LineInput();
  const reader = new LineFiles(frame, skipUnreadable, terminal);
  const data = new OpenedLines(spec, divided, await reader.readAll(divided.parts), reader);
  if (!toMeasure) describe(data, terminal);
  return data;
};

/** A line as the network gets it, with its string and where that is said. */
interface ReadLine extends Pick<PictureString, "text" | "where" | "writer"> {
  readonly line: Line;
}

/** Decodes pictures of lines. */
class LineFiles {
  readonly notes: string[] = [];
  readonly frame: LineFrame;
  readonly #skips: boolean;
  readonly #terminal: Terminal;

  constructor(frame: LineFrame, skips: boolean, terminal: Terminal) {
    this.frame = frame;
    this.#skips = skips;
    this.#terminal = terminal;
  }

  async readAll(parts: AllParts<PictureString>): Promise<AllParts<ReadLine>> {
    const total = itemsOf(parts, "all").length;
    let done = 0;
    const read: Record<string, ReadLine[]> = {};
    for (const split of SPLITS) {
      const lines: ReadLine[] = [];
      for (let from = 0; from < parts[split].length; from += PARALLEL) {
        const some = await Promise.all(parts[split].slice(from, from + PARALLEL).map((file) => this.#read(file)));
        for (const line of some) if (line !== undefined) lines.push(line);
        done += some.length;
        this.#terminal.live(`reading lines: ${grouped(done)} of ${grouped(total)}`);
      }
      read[split] = lines;
    }
    return read as unknown as AllParts<ReadLine>;
  }

  async #read({ path, text, where, writer }: PictureString): Promise<ReadLine | undefined> {
    try {
      return { line: lineOf(this.frame, await decodeImage(path)), text: stringOf(text), where, writer };
    } catch (error) {
      if (!(error instanceof DuctusError)) throw error;
      if (!this.#skips) throw new DataError(`${where}: ${error.message}`, { cause: error });
      this.notes.push(`left aside: ${error.message}`);
      return undefined;
    }
  }
}

class OpenedLines extends WithAlphabet {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[];
  readonly isTestAside: boolean;
  readonly counts: OpenedData["counts"];
  readonly noun = "";
  /** The symbols of all parts: which ones there are is no secret of the test. */
  readonly #alphabet: readonly string[];
  readonly #parts: AllParts<ReadLine>;
  readonly #frame: LineFrame;

  constructor(
    spec: string,
    { parts, origin, isTestAside }: Divided<PictureString>,
    lines: AllParts<ReadLine>,
    { notes, frame }: LineFiles,
  ) {
    super();
    this.name = spec;
    this.origin = origin;
    this.isTestAside = isTestAside;
    this.#parts = lines;
    this.#frame = frame;
    this.counts = countsOf(lines);
    this.fingerprint = fingerprintOf(hashedParts(lines));
    const widths = itemsOf(lines, "all").map(({ line }) => line.columns);
    const [least, most] = widths.reduce(([a, b], width) => [Math.min(a, width), Math.max(b, width)], [Infinity, 0]);
    const said =
      least === most ? [] : [`lines are ${least} to ${most} pixels wide where they are ${frame.height} high`];
    const all = itemsOf(lines, "all");
    this.#alphabet = alphabetOf(all.map(({ text }) => text));
    this.notes = [...notes, ...said, ...saidOfStrings(lines)];
    if (itemsOf(parts, "all").length > 0 && widths.length === 0) throw new DataError(`${spec}: no picture can be read`);
  }

  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const network = await findNetwork(name);
    if (this.#alphabet.length === 0) {
      throw new DataError(`${this.name}: all strings are empty; there is nothing to read`);
    }
    const input = new LineInput(this.#frame);
    return modelOf(network, new Transcribe(input, this.#alphabet), options, { recipe, seed });
  }

  async training(model: AnyModel, { val, share, usesOwn = true, seed }: TrainingRequest): Promise<TrainingParts> {
    const train = await this.samples("train", model);
    const { origin } = this;
    if (val === undefined && this.counts.validation > 0 && usesOwn) {
      return { train, validation: await this.samples("validation", model), origin };
    }
    const validation = val ?? share;
    const groups = groupNumbers(this.#parts.train, ({ writer }) => writer);
    const aside = groups && validation > 0 ? markGroupsAside(train, groups, validation, seed) : undefined;
    if (aside === undefined) return { train, validation, origin };
    // No hand is in two parts. The model was trained on these data, whichever of them were put aside.
    const { indices } = splitBy(train, aside).train;
    const kept = new Subset(train, indices, this.name);
    keepFingerprint(kept, (await fingerprintIfKnown(train)) as string);
    return { train: kept, validation: splitBy(train, aside).validation, origin };
  }

  /** Over the symbols that the model reads, and behind them those that are new to it. */
  samples(part: PartName, model: AnyModel): Promise<LinePictures> {
    const { alphabet: known } = model.task as Transcribe;
    return this.#over([...known, ...this.#alphabet.filter((symbol) => !known.includes(symbol))], part, model);
  }

  async #over(alphabet: readonly string[], part: PartName, model: AnyModel): Promise<LinePictures> {
    const items = itemsOf(this.#parts, part);
    const dataset = new LinePictures({
      lines: items.map(({ line }) => line),
      strings: items.map(({ text }) => text),
      writers: groupNumbers(items, ({ writer }) => writer),
      frame: this.#frame,
      alphabet,
      name: this.name,
      split: part === "all" ? undefined : part,
    });
    this.#refuseLong(items, model);
    await fingerprintSamples(dataset, sha256);
    return dataset;
  }

  /** @throws DataError naming a string with a symbol that the model does not read */
  override judged(part: PartName, model: AnyModel): Promise<LinePictures> {
    const known = new Set(model.task.names);
    // Of other parts no symbol counts.
    for (const { text, where } of itemsOf(this.#parts, part)) {
      const stranger = [...text].find((symbol) => !known.has(symbol));
      if (stranger === undefined) continue;
      throw new DataError(
        `${where}: ${quote(text)} has ${named(stranger)}, which ${modelName(model)} does not read; fine-tune it, or leave such lines out`,
      );
    }
    return this.#over([...known], part, model);
  }

  /** CTC needs a frame for each symbol, and one between two that are equal. @throws DataError naming the first line that is too long */
  #refuseLong(lines: readonly ReadLine[], model: AnyModel): void {
    const columns = WIDE;
    const each = inferenceGraph(model, 1, { columns }).outputs.logits.shape[1] / columns;
    for (const { text, line, where } of lines) {
      const frames = Math.ceil(line.columns * each);
      const needed = framesNeeded([...text]);
      if (needed <= frames) continue;
      throw new DataError(
        `${where}: ${quote(text)} needs ${needed} frames, but ${modelName(model)} has ${frames} for such a picture; is the string right, and the picture one line?`,
      );
    }
  }
}

/** A symbol with its code point: some cannot be seen. */
const named = (symbol: string): string =>
  `${quote(symbol)} (U+${(symbol.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")})`;

/** Symbols that a note lists. */
const LISTED = 10;

/** What is to be known of strings before something is learned from them. */
function saidOfStrings(parts: AllParts<ReadLine>): string[] {
  const notes: string[] = [];
  const learned = new Set(parts.train.flatMap(({ text }) => [...text]));
  const never = parts.train.length === 0 ? [] : alphabetOf(itemsOf(parts, "all").map(({ text }) => text));
  const missed = never.filter((symbol) => !learned.has(symbol));
  if (missed.length > 0) {
    notes.push(`no string to train on has ${missed.slice(0, LISTED).map(named).join(", ")}: it cannot be learned`);
  }
  const leftward = itemsOf(parts, "all").find(({ text }) => isRightToLeft(text));
  if (leftward !== undefined) {
    notes.push(
      `${leftward.where}: ${quote(leftward.text)} is written from right to left, but lines are read from left to right; give strings in the order in which the picture shows their letters`,
    );
  }
  return notes;
}

/** Strings, and hashes of the pixels: these are too many for JSON. */
const hashedParts = (parts: AllParts<ReadLine>): AllParts<readonly [text: string, pixels: string]> =>
  Object.fromEntries(
    SPLITS.map((split) => [split, parts[split].map(({ text, line }) => [text, sha256([line.pixels])] as const)]),
  ) as unknown as AllParts<readonly [string, string]>;
