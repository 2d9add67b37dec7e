/** Pictures of lines with the strings that stand in them, as data of the verbs that train and measure. */
import { fingerprintSamples } from "../../data/fingerprint-samples.ts";
import { LinePictures } from "../../data/line-pictures.ts";
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
import { textLayoutsAt } from "../../platform/node/text-layout.ts";
import { LineInput } from "../../task/line-input.ts";
import { grouped } from "../../task/text.ts";
import { framesNeeded } from "../../task/transcribe/ctc-frames.ts";
import { Transcribe } from "../../task/transcribe/transcribe.ts";
import { inferenceGraph } from "../../use/trained-model.ts";
import { describe } from "../cli-data.ts";
import type { Terminal } from "../terminal.ts";
import type { NetworkChoice, OpenData, OpenedData, PartName, TrainingParts, TrainingRequest } from "./kind.ts";
import { type AllParts, countsOf, type Divided, divide, fingerprintOf, itemsOf, SPLITS } from "./parts.ts";
import { WithoutClasses } from "./without-classes.ts";

/** Columns of a picture of which it is found out how many frames a network makes. */
const WIDE = 256;
/** Pictures that are decoded at a time. */
const PARALLEL = 8;

export const open: OpenData = async (spec, { toMeasure = false, model, skipUnreadable = false }, terminal) => {
  const { lines } = await textLayoutsAt(spec);
  if (lines === undefined) {
    throw new DataError(
      `${spec}: no pictures with strings; expected a CSV file of file,text or a .txt beside each picture`,
    );
  }
  const divided = divide(spec, await readLines(lines), { toMeasure });
  const { preprocessing: frame } = (model?.task.input as LineInput | undefined) ?? new LineInput();
  const reader = new LineFiles(frame, skipUnreadable, terminal);
  const data = new OpenedLines(spec, divided, await reader.readAll(divided.parts), reader);
  if (!toMeasure) describe(data, terminal);
  return data;
};

/** A line as the network gets it, with its string. */
interface ReadLine {
  readonly line: Line;
  readonly text: string;
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

  async #read({ path, text }: PictureString): Promise<ReadLine | undefined> {
    try {
      return { line: lineOf(this.frame, await decodeImage(path)), text: text.normalize("NFC") };
    } catch (error) {
      if (!(error instanceof DuctusError) || !this.#skips) throw error;
      this.notes.push(`left aside: ${error.message}`);
      return undefined;
    }
  }
}

class OpenedLines extends WithoutClasses {
  readonly name: string;
  readonly origin: string;
  readonly fingerprint: string;
  readonly notes: readonly string[];
  readonly isTestAside: boolean;
  readonly counts: OpenedData["counts"];
  readonly noun = "";
  protected readonly shared = "the alphabet is";
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
    this.notes = [...notes, ...said];
    if (itemsOf(parts, "all").length > 0 && widths.length === 0) throw new DataError(`${spec}: no picture can be read`);
  }

  async newModel({ name, options, recipe, seed }: NetworkChoice): Promise<AnyModel> {
    const network = await findNetwork(name);
    const alphabet = [...new Set(this.#parts.train.flatMap(({ text }) => [...text]))].sort(byCodePoint);
    if (alphabet.length === 0) throw new DataError(`${this.name}: all strings are empty; there is nothing to read`);
    const input = new LineInput(this.#frame);
    return modelOf(network, new Transcribe(input, alphabet), options, { recipe, seed });
  }

  async training(model: AnyModel, { val, share, usesOwn = true }: TrainingRequest): Promise<TrainingParts> {
    const hasOwn = this.counts.validation > 0 && usesOwn;
    const validation = val ?? (hasOwn ? await this.samples("validation", model) : share);
    return { train: await this.samples("train", model), validation, origin: this.origin };
  }

  async samples(part: PartName, model: AnyModel): Promise<LinePictures> {
    const { alphabet } = model.task as Transcribe;
    const items = itemsOf(this.#parts, part);
    const [lines, strings] = [items.map(({ line }) => line), items.map(({ text }) => text)];
    const split = part === "all" ? undefined : part;
    const dataset = new LinePictures({ lines, strings, frame: this.#frame, alphabet, name: this.name, split });
    this.#refuseLong(items, model);
    await fingerprintSamples(dataset, sha256);
    return dataset;
  }

  /** CTC needs a frame for each symbol, and one between two that are equal. @throws DataError naming the first line that is too long */
  #refuseLong(lines: readonly ReadLine[], model: AnyModel): void {
    const columns = WIDE;
    const each = inferenceGraph(model, 1, { columns }).outputs.logits.shape[1] / columns;
    for (const { text, line } of lines) {
      const frames = Math.ceil(line.columns * each);
      const needed = framesNeeded([...text]);
      if (needed <= frames) continue;
      throw new DataError(
        `${this.name}: ${quote(text)} needs ${needed} frames, but ${modelName(model)} has ${frames} for such a picture; is the string right, and the picture one line?`,
      );
    }
  }
}

const byCodePoint = (a: string, b: string): number => (a.codePointAt(0) as number) - (b.codePointAt(0) as number);

/** Strings, and hashes of the pixels: these are too many for JSON. */
const hashedParts = (parts: AllParts<ReadLine>): AllParts<readonly [text: string, pixels: string]> =>
  Object.fromEntries(
    SPLITS.map((split) => [split, parts[split].map(({ text, line }) => [text, sha256([line.pixels])] as const)]),
  ) as unknown as AllParts<readonly [string, string]>;
