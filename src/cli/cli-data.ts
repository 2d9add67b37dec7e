/** Data sets as every verb opens them: by name or path, with the way there shown. */
import { Option } from "commander";
import type { ImageDataset } from "../data/dataset.ts";
import type { LoadedData } from "../data/sources.ts";
import type { StreamedDataset } from "../data/streamed.ts";
import type { ValueSpan } from "../data/value-span.ts";
import type { Preprocessing } from "../picture/preprocessing.ts";
import { openData, streamData } from "../platform/node/open-data.ts";
import { refuseOneClass } from "../task/classify/classify.ts";
import { grouped } from "../task/text.ts";
import type { OpenedData } from "./kinds/kind.ts";
import { byteSize, showNotes, type Terminal } from "./terminal.ts";

export interface DataOptions {
  readonly dataDir?: string | undefined;
  readonly skipUnreadable?: boolean | undefined;
  /** What pictures in folders go through; default MNIST's. */
  readonly preprocessing?: Preprocessing | undefined;
  /** What the numbers of tables meant in the data that a model was trained on. */
  readonly trainedSpan?: ValueSpan | undefined;
}

/** In memory, or read while it is used. */
export type AnyData = LoadedData<ImageDataset | StreamedDataset>;

/** What `--data` takes, in words. */
export const DATA_WORDS =
  "mnist, fashion-mnist …, a folder of pictures by class, a CSV file, texts (.txt, .csv, .jsonl), lines with their strings";

/** Options of every verb that opens data. */
export function dataOptions(): Option[] {
  return [
    new Option("--data-dir <folder>", "folder of data sets in IDX form, one folder each (default: DUCTUS_DATA)"),
    new Option("--skip-unreadable", "go on without pictures of a folder that cannot be read or are blank"),
  ];
}

export function streamOption(): Option {
  return new Option("--stream", "read pictures from the disk while training: for data larger than memory");
}

/** Opens a data set to train on, and says where it came from. @throws DataError when there is nothing to tell apart in it */
export async function openForTraining(
  spec: string,
  options: DataOptions & { readonly stream?: false | undefined },
  terminal: Terminal,
): Promise<LoadedData>;
export async function openForTraining(
  spec: string,
  options: DataOptions & { readonly stream?: boolean | undefined },
  terminal: Terminal,
): Promise<AnyData>;
export async function openForTraining(
  spec: string,
  options: DataOptions & { readonly stream?: boolean | undefined },
  terminal: Terminal,
): Promise<AnyData> {
  const data =
    options.stream === true ? await openStream(spec, options, terminal) : await open(spec, options, terminal, false);
  // Before there is a run folder.
  refuseOneClass(data.train);
  describe(data, terminal);
  return data;
}

/** Opens a data set to look at or to measure: there may be nothing to train on. Whoever asks says where it came from. */
export function openToMeasure(spec: string, options: DataOptions, terminal: Terminal): Promise<LoadedData> {
  return open(spec, options, terminal, true);
}

/** Says where a data set came from, how it is divided, and what there is to know of it. */
export function describe(data: Described | AnyData, terminal: Terminal): void {
  const { name, origin, notes, counts, noun } = "counts" in data ? data : countedPictures(data);
  const parts = [
    [counts.train, "to train"],
    [counts.validation, "to validate"],
    [counts.test, "to test"],
  ] as const;
  const words = parts.flatMap(([count, use]) => (count > 0 ? [[grouped(count), use]] : []));
  const all = words.map(([count, use], i) => (i === 0 && noun !== "" ? `${count} ${noun} ${use}` : `${count} ${use}`));
  describeAs(`${all.join(", ")}; ${origin}`, { name, notes }, terminal);
}

/** What is said of data. */
type Described = Pick<OpenedData, "name" | "origin" | "notes" | "counts" | "noun">;

const countedPictures = ({ train, validation, test, origin, notes }: AnyData): Described => ({
  name: train.name,
  origin,
  notes,
  counts: { train: train.length, validation: validation?.length ?? 0, test: test.length },
  noun: "",
});

/** The same in other words. */
export function describeAs(
  words: string,
  { name, notes }: { readonly name: string; readonly notes: readonly string[] },
  terminal: Terminal,
): void {
  terminal.note(terminal.noteStyle.dim(`data     ${name}: ${words}`));
  showNotes(terminal, notes);
}

/** The files are closed with the process. */
async function openStream(
  spec: string,
  { dataDir, skipUnreadable, preprocessing }: DataOptions,
  terminal: Terminal,
): Promise<LoadedData<StreamedDataset>> {
  return streamData(spec, {
    dataDir,
    skipUnreadable,
    preprocessing,
    onPack: (folder, damage) => {
      const line = damage === undefined ? `${spec} into ${folder}, once` : `${spec} again, as ${damage}`;
      terminal.note(terminal.noteStyle.dim(`packing  ${line}`));
    },
    onPicture: onPicture(terminal),
  });
}

async function open(
  spec: string,
  { dataDir, skipUnreadable, preprocessing, trainedSpan }: DataOptions,
  terminal: Terminal,
  allowTestOnly: boolean,
): Promise<LoadedData> {
  return openData(spec, {
    dataDir,
    skipUnreadable,
    preprocessing,
    trainedSpan,
    allowTestOnly,
    onProgress: ({ file, received, total }) =>
      terminal.live(`fetching ${file}: ${byteSize(received)}${total === undefined ? "" : ` of ${byteSize(total)}`}`),
    onPicture: onPicture(terminal),
  });
}

const onPicture = (terminal: Terminal) => (done: number, total: number) =>
  terminal.live(`reading pictures: ${grouped(done)} of ${grouped(total)}`);
