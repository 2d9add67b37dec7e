/**
 * What `ductus predict` is given for a model that reads pictures: picture files, patterns, folders of pictures, and tables, as one
 * sequence of samples as the network gets them. Pictures are decoded a few ahead.
 */
import { extname, join } from "node:path";
import { conformedSample } from "../data/conform.ts";
import type { CsvSamples } from "../data/formats/csv.ts";
import { DataError, DuctusError, UsageError } from "../engine/errors.ts";
import { PICTURE_ENDINGS, PICTURE_KINDS } from "../formats/picture-formats.ts";
import type { AnyModel } from "../models/model.ts";
import type { Picture } from "../picture/picture.ts";
import { listFolder, pathKind } from "../platform/node/files.ts";
import { isPattern, matchingFiles } from "../platform/node/glob.ts";
import { isPictureTable, isTable, readPictureTable } from "../platform/node/picture-table.ts";
import { readSamples, tableKind } from "../platform/node/samples.ts";
import { platform } from "../platform/platform.ts";
import { Predictor, preprocessingOf, type Seen } from "../use/predict.ts";
import type { Answered, Asked, Inputs } from "./predict-inputs.ts";

/** One thing to be read. */
interface Sample {
  readonly file: string;
  /** Of a table: what it calls the row, or its number. */
  readonly row?: string | undefined;
  /** Of a picture file with several pages or frames: how many. */
  readonly pages?: number | undefined;
  /** As the network gets it, or why it cannot. */
  readonly pixels: Uint8Array | DuctusError;
}

/** Pictures that are being decoded at a time. */
const AHEAD = 8;

/**
 * Looks at everything that is given, and reads tables.
 * @throws DataError when a path, a pattern or a folder gives nothing, or a table cannot be read
 */
export async function openPictures({ words, texts }: Asked, model: AnyModel): Promise<Inputs> {
  if (texts.length > 0) throw new UsageError("--text: this model reads pictures; give their files");
  if (words.length === 0) throw new UsageError("give pictures, folders, patterns, CSV or IDX files to read");
  const files = (await Promise.all(words.map(filesOf))).flat();
  const tables = new Map<string, CsvSamples>();
  for (const file of files) {
    const kind = isPicture(file) ? undefined : await kindOf(file);
    if (kind !== undefined) tables.set(file, await readSamples(file, kind, { trained: model.dataset?.valueSpan }));
  }
  const counts = files.map((file) => tables.get(file)?.dataset.length ?? 1);
  return {
    total: counts.reduce((sum, count) => sum + count, 0),
    files: files.length,
    tables: tables.size,
    notes: [...tables.values()].flatMap(({ dataset }) => dataset.notes),
    answers: (batch) => answersIn(files, tables, model, batch),
  };
}

/** The files that a word on the command line stands for. */
export async function filesOf(word: string): Promise<readonly string[]> {
  const kind = await pathKind(word);
  if (kind === "folder") {
    const pictures = await picturesBelow(word);
    if (pictures.length > 0) return pictures;
    throw new DataError(`${word}: no pictures in this folder (${PICTURE_KINDS}); of tables, give the file`);
  }
  if (kind === "file" && (await isTable(word)) && (await isPictureTable(word)))
    return (await readPictureTable(word)).paths;
  if (kind === "file" || !isPattern(word)) return [word];
  const matching = await matchingFiles(word);
  if (matching.length > 0) return matching;
  throw new DataError(`${word}: no file matches this pattern`);
}

async function picturesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await listFolder(folder)) {
    const path = join(folder, name);
    if (isPicture(path)) found.push(path);
    else if ((await pathKind(path)) === "folder") found.push(...(await picturesBelow(path)));
  }
  return found;
}

function isPicture(path: string): boolean {
  return PICTURE_ENDINGS.includes(extname(path).toLowerCase());
}

/** A file that is not there is named when it is read, and does not stop the others. */
async function kindOf(file: string): ReturnType<typeof tableKind> {
  return (await pathKind(file)) === "file" ? tableKind(file) : undefined;
}

/** Reads everything in its order, several samples together where there are many. */
async function* answersIn(
  files: readonly string[],
  tables: ReadonlyMap<string, CsvSamples>,
  model: AnyModel,
  batch: number,
): AsyncIterable<Answered> {
  const predictor = await Predictor.open(model, { batch });
  try {
    let waiting: Sample[] = [];
    const answered = (): Answered[] => {
      const readable = waiting.flatMap(({ pixels }) => (pixels instanceof DuctusError ? [] : [pixels]));
      const read = readable.length > 0 ? predictor.read(readable) : [];
      const all = waiting.map(({ pixels, ...sample }) => {
        const answer = pixels instanceof DuctusError ? pixels : read.shift();
        const { characters } = answer as Seen;
        const { file, row } = sample;
        return { ...sample, place: row === undefined ? { picture: file } : { file, row }, answer, characters };
      });
      waiting = [];
      return all;
    };
    for await (const sample of samplesIn(files, tables, model, (picture) => predictor.prepare(picture))) {
      waiting.push(sample);
      if (waiting.length === batch) yield* answered();
    }
    yield* answered();
  } finally {
    await predictor.close();
  }
}

async function* samplesIn(
  files: readonly string[],
  tables: ReadonlyMap<string, CsvSamples>,
  model: AnyModel,
  prepare: (picture: Picture) => Uint8Array,
): AsyncIterable<Sample> {
  const decode = async (file: string): Promise<Sample> => {
    let pages: number | undefined;
    const pixels = await orWhyNot(async () => {
      const picture = await platform().decodePicture(file);
      ({ pages } = picture);
      return prepare(picture);
    });
    return { file, pages, pixels };
  };
  const begun = new Map<number, Promise<Sample>>();
  for (const [i, file] of files.entries()) {
    const table = tables.get(file);
    if (table !== undefined) yield* rowsOf(file, table, model);
    else {
      for (let next = i; next < Math.min(files.length, i + AHEAD); next++) {
        if (!begun.has(next) && !tables.has(files[next])) begun.set(next, decode(files[next]));
      }
      yield await (begun.get(i) as Promise<Sample>);
    }
  }
}

async function* rowsOf(file: string, { dataset, ids }: CsvSamples, model: AnyModel): AsyncIterable<Sample> {
  const preprocessing = preprocessingOf(model);
  for (const [i, row] of ids.entries()) {
    yield { file, row, pixels: await orWhyNot(() => conformedSample(dataset, i, preprocessing)) };
  }
}

/** One bad picture is no reason to leave the others unread. */
async function orWhyNot(read: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array | DuctusError> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DuctusError) return error;
    throw error;
  }
}
