/**
 * Data sets of pictures sorted into folders: what folder-layout.ts lists, decoded and preprocessed. Pictures that cannot be
 * used are all named at once, or left out and counted; a class of blank boxes is a class like any other.
 */
import { relative } from "node:path";
import { ImageDataset, type SplitName } from "../../data/dataset.ts";
import { DataError, DuctusError } from "../../engine/errors.ts";
import { BLANK_CLASS, blankClassNote } from "../../picture/blank.ts";
import { isColored, type Picture } from "../../picture/picture.ts";
import { withDetectedPolarity } from "../../picture/polarity.ts";
import { preprocessSample } from "../../picture/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../../picture/preprocessing.ts";
import { readFileChecked } from "./atomic.ts";
import { type PictureList, type PictureLists, some } from "./folder-layout.ts";
import { decodeImage, needDecoder } from "./images.ts";
import { PixelRoom } from "./pixel-room.ts";

/** A data set as its author divided it; one of the parts at least is there. */
export interface Parts {
  readonly train?: ImageDataset | undefined;
  readonly validation?: ImageDataset | undefined;
  readonly test?: ImageDataset | undefined;
  /** Number of the writer of each sample of `train`, where that is known. */
  readonly writers?: Int32Array | undefined;
  /** What pictures went through, where that is more than was asked for. */
  readonly preprocessing?: Preprocessing | undefined;
  /** How many pictures were left out, as they could not be used. */
  readonly skipped?: number | undefined;
  /** What was left aside beside what the parts say themselves, a sentence each. */
  readonly notes?: readonly string[] | undefined;
}

/** How pictures are decoded. */
export interface FolderOptions {
  /** Pictures come in all sizes; this makes them alike. */
  readonly preprocessing: Preprocessing;
  /** Leaves out pictures that cannot be read or are blank, instead of refusing all; default false. */
  readonly skipUnreadable?: boolean | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Reads listed pictures. @param folder that they lie in or below  @param name of the data set  @throws DataError for pictures that cannot be used */
export async function readPictureLists(
  folder: string,
  { parts, notes }: PictureLists,
  options: FolderOptions,
  name = folder,
): Promise<Parts> {
  const reader = new PictureReader(folder, options);
  const [height, width, channels] = preprocessedShape(options.preprocessing);
  const size = height * width * channels;
  const read: (readonly [SplitName, ImageDataset])[] = [];
  let writers: Int32Array | undefined;
  for (const [split, list] of parts) {
    const images = new Uint8Array(list.paths.length * size);
    const { labels, writers: of } = await reader.read(split, list, (pixels, index) => images.set(pixels, index * size));
    if (split === "train") writers = of;
    const { classes } = list;
    const origin = `pictures in ${list.folder}`;
    const kept = images.subarray(0, labels.length * size);
    const shape = { height, width, channels };
    const dataset = new ImageDataset({ name, images: kept, labels, ...shape, classes, origin });
    read.push([split, options.preprocessing.kind === "ink" ? dataset : withDetectedPolarity(dataset)]);
  }
  const { notes: found, ...rest } = reader.close();
  return { ...Object.fromEntries(read), ...rest, writers, notes: [...notes, ...found] };
}

/** What was kept of a list. */
export interface ReadPictures {
  readonly labels: Int32Array;
  /** Number of the writer of each, where the list has them. */
  readonly writers?: Int32Array | undefined;
}

/** Decoders at work at a time. */
const PARALLEL = 8;
/** Unusable pictures that are named; others are counted. */
const NAMED = 20;
/** From this part of a class on, its color is worth a note. */
const COLORED_CLASS = 0.25;

/** Decodes the parts of one folder, and remembers what there is to say of them all. */
export class PictureReader {
  readonly #folder: string;
  readonly #options: FolderOptions;
  readonly #step: Preprocessing;
  /** Why pictures cannot be used, and which these are. */
  readonly #bad = new Map<string, string[]>();
  /** The first ones' own messages. */
  readonly #errors: DuctusError[] = [];
  readonly #paged: string[] = [];
  /** Names of classes of blank pictures, with how many there are. */
  readonly #blank = new Map<string, string>();
  #isColored = false;
  #colored = 0;
  #total = 0;

  constructor(folder: string, options: FolderOptions) {
    this.#folder = folder;
    this.#options = options;
    const { preprocessing } = options;
    // Blank pictures are recognized by what becomes of them; whether they may be is decided class by class.
    this.#step = preprocessing.kind === "ink" ? { ...preprocessing, keepBlank: true } : preprocessing;
  }

  /**
   * Reads one list; that of train comes before the others. `put` is given each picture that can be used and its place among
   * them: class by class, in a class blank ones last.
   */
  async read(
    split: SplitName,
    list: PictureList,
    put: (pixels: Uint8Array, index: number) => void,
  ): Promise<ReadPictures> {
    // A missing decoder is no fault of any picture.
    await needDecoder();
    const labels: number[] = [];
    const writers: number[] = [];
    const keep = (pixels: Uint8Array, index: number): void => {
      put(pixels, labels.length);
      labels.push(list.labels[index]);
      if (list.writers !== undefined) writers.push(list.writers[index]);
    };
    let blank: number[] = [];
    let colored = 0;
    let begin = 0;
    for await (const { index, pixels, picture, error } of this.#decoded(list.paths)) {
      if (error !== undefined) this.#refuse(list.paths[index], error);
      else {
        if (isColored(picture)) colored++;
        if (picture.pages !== undefined) this.#paged.push(list.paths[index]);
        if (this.#step.kind === "ink" && pixels.every((value) => value === 0)) blank.push(index);
        else keep(pixels, index);
      }
      if (list.labels[index + 1] === list.labels[index]) continue;
      const count = index + 1 - begin;
      this.#closeClass(split, list, list.labels[index], blank, count, keep);
      this.#colored += colored;
      if (colored >= COLORED_CLASS * count) this.#isColored = true;
      blank = [];
      colored = 0;
      begin = index + 1;
    }
    this.#total += list.paths.length;
    const read = { labels: Int32Array.from(labels) };
    return list.writers === undefined ? read : { ...read, writers: Int32Array.from(writers) };
  }

  /** @throws DataError naming all pictures that cannot be used, unless they are to be left out */
  close(): Pick<Parts, "skipped"> & { readonly preprocessing: Preprocessing; readonly notes: readonly string[] } {
    const { preprocessing, skipUnreadable = false } = this.#options;
    const count = [...this.#bad.values()].reduce((sum, { length }) => sum + length, 0);
    if (count > 0 && (!skipUnreadable || count === this.#total)) throw this.#refusal(count);
    const notes: string[] = [];
    if (count > 0)
      notes.push(`${count} of ${this.#total} pictures ${count === 1 ? "is" : "are"} left out: ${this.#badOnes()}`);
    for (const [name, words] of this.#blank) {
      notes.push(blankClassNote(name, words));
    }
    if (this.#paged.length > 0) {
      const names = some(this.#paged.map((path) => relative(this.#folder, path)));
      notes.push(`of files with several pages or frames the first is read (${this.#paged.length}: ${names})`);
    }
    if (this.#isColored && preprocessedShape(preprocessing)[2] === 1) {
      notes.push(
        `color is not used: ${this.#colored} of ${this.#total} pictures are colored, and all are read in gray ("ductus train --color" keeps it)`,
      );
    }
    return {
      preprocessing: this.#blank.size > 0 ? this.#step : preprocessing,
      ...(count > 0 && { skipped: count }),
      notes,
    };
  }

  /** Blank pictures are a class, or mistakes. */
  #closeClass(
    split: SplitName,
    { classes, paths }: PictureList,
    label: number,
    blank: readonly number[],
    count: number,
    keep: (pixels: Uint8Array, index: number) => void,
  ): void {
    if (blank.length === 0) return;
    const name = classes[label];
    const isKnown = this.#blank.has(name);
    if (isKnown || blank.length > BLANK_CLASS * count) {
      const size = preprocessedShape(this.#step).reduce((product, side) => product * side, 1);
      for (const index of blank) keep(new Uint8Array(size), index);
      if (!isKnown) this.#blank.set(name, `${blank.length} of ${count}${split === "train" ? "" : ` (${split})`}`);
    } else {
      for (const index of blank) this.#refuse(paths[index], new DataError(`${paths[index]}: ${BLANK}`));
    }
  }

  #refuse(path: string, error: DuctusError): void {
    const reason = reasonOf(error, path);
    const known = this.#bad.get(reason);
    if (known === undefined) this.#bad.set(reason, [path]);
    else known.push(path);
    if (this.#errors.length < 1) this.#errors.push(error);
  }

  #refusal(count: number): DuctusError {
    const way = "leave them out with --skip-unreadable, or mend them";
    if (count === this.#total) {
      return new DataError(`${this.#folder}: none of the ${count} pictures can be used: ${this.#badOnes()}`);
    }
    return new DataError(
      `${this.#folder}: ${count} of ${this.#total} pictures cannot be used: ${this.#badOnes()}; ${way}`,
      { cause: this.#errors[0] },
    );
  }

  /** `the file is cut off: 0/a.jpg, 1/b.jpg; blank: 1/c.png … and 4 more`. */
  #badOnes(): string {
    let left = NAMED;
    return [...this.#bad]
      .map(([reason, paths]) => {
        const named = paths.slice(0, left).map((path) => relative(this.#folder, path));
        left -= named.length;
        const more = paths.length - named.length;
        const rest = more === 0 ? "" : named.length === 0 ? `${more}` : ` and ${more} more`;
        return `${reason}: ${named.join(", ")}${rest}`;
      })
      .join("; ");
  }

  /** In their order; several are decoded at a time. */
  async *#decoded(paths: readonly string[]): AsyncIterable<Decoded> {
    const { onProgress } = this.#options;
    const room = new PixelRoom();
    const decode = async (index: number): Promise<Decoded> => {
      const path = paths[index];
      let held = 0;
      try {
        const file = readFileChecked(path);
        held = await room.take(file);
        const picture = await decodeImage(await file, path);
        return { index, held, picture, pixels: preprocessSample(this.#step, picture, path) };
      } catch (error) {
        if (error instanceof DuctusError) return { index, held, error };
        throw error;
      }
    };
    const begun: Promise<Decoded>[] = [];
    let next = 0;
    try {
      for (let index = 0; index < paths.length; index++) {
        while (next < Math.min(paths.length, index + PARALLEL)) begun.push(decode(next++));
        const decoded = await (begun.shift() as Promise<Decoded>);
        yield decoded;
        room.give(decoded.held);
        onProgress?.(index + 1, paths.length);
      }
    } finally {
      room.close();
      await Promise.allSettled(begun);
    }
  }
}

/** A picture, or why there is none; `held` is what it takes of the room for pixels. */
type Decoded = { readonly index: number; readonly held: number } & (
  | { readonly picture: Picture; readonly pixels: Uint8Array; readonly error?: undefined }
  | { readonly error: DuctusError; readonly picture?: undefined; readonly pixels?: undefined }
);

const BLANK = "blank, without any ink";

/** Why a picture cannot be used, in words that do not name it. */
function reasonOf({ message }: DuctusError, path: string): string {
  const words = message
    .replace(`cannot read ${path}: `, "")
    .replaceAll(`${path}: `, "")
    .replaceAll(`${path} `, "")
    .replaceAll(` ${path}`, "");
  const [, reason] =
    /^(?:cannot read the picture \((.*)\); expected|(is not a picture: [^;]*);)/.exec(words)?.filter(Boolean) ?? [];
  return reason ?? words;
}
