/** Data sets as every verb opens them: by name or path, with the way there shown. */
import { Option } from "commander";
import type { ImageDataset } from "../data/dataset.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import type { LoadedData } from "../data/sources.ts";
import type { StreamedDataset } from "../data/streamed.ts";
import { openData, streamData } from "../platform/node/open-data.ts";
import { grouped } from "../train/report.ts";
import { byteSize, showNotes, type Terminal } from "./terminal.ts";

export interface DataOptions {
  readonly dataDir?: string | undefined;
  /** What pictures in folders go through; default MNIST's. */
  readonly preprocessing?: Preprocessing | undefined;
}

export function dataDirOption(): Option {
  return new Option("--data-dir <folder>", "folder of data sets in IDX form, one folder each (default: DUCTUS_DATA)");
}

export function streamOption(): Option {
  return new Option("--stream", "read pictures from the disk while training: for data larger than memory");
}

/** Opens a data set that is read while it is used, and says so. The files are closed with the process. */
export async function streamForCli(
  spec: string,
  { dataDir, preprocessing }: DataOptions,
  terminal: Terminal,
): Promise<LoadedData<StreamedDataset>> {
  const data = await streamData(spec, {
    dataDir,
    preprocessing,
    onPack: (folder) => terminal.note(terminal.noteStyle.dim(`packing  ${spec} into ${folder}, once`)),
    onPicture: onPicture(terminal),
  });
  describe(data, terminal);
  return data;
}

/** Opens a data set and says where it came from. */
export async function openForCli(
  spec: string,
  { dataDir, preprocessing }: DataOptions,
  terminal: Terminal,
): Promise<LoadedData> {
  const data = await openData(spec, {
    dataDir,
    preprocessing,
    onProgress: ({ file, received, total }) =>
      terminal.live(`fetching ${file}: ${byteSize(received)}${total === undefined ? "" : ` of ${byteSize(total)}`}`),
    onPicture: onPicture(terminal),
  });
  describe(data, terminal);
  return data;
}

const onPicture = (terminal: Terminal) => (done: number, total: number) =>
  terminal.live(`reading pictures: ${grouped(done)} of ${grouped(total)}`);

function describe(
  { train, test, origin, notes }: LoadedData<ImageDataset | StreamedDataset>,
  terminal: Terminal,
): void {
  terminal.note(
    terminal.noteStyle.dim(
      `data     ${train.name}: ${grouped(train.length)} to train, ${grouped(test.length)} to test; ${origin}`,
    ),
  );
  showNotes(terminal, notes);
}
