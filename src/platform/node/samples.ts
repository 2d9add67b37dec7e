/** Pictures in a table whose classes are to be found out: a CSV file, with labels or without, or an IDX file of pictures. */
import { type CsvSamples, parseCsvSamples } from "../../data/formats/csv.ts";
import { samplesFromIdx } from "../../data/formats/idx-dataset.ts";
import { settled } from "../../data/formats/settled.ts";
import type { SpanSources } from "../../data/value-range.ts";
import { readUnzipped } from "./files.ts";
import { isTable } from "./picture-table.ts";
import { pieces } from "./pieces.ts";

export type TableKind = "csv" | "idx";

/** What kind of table a file is, CSV by its name or its first lines, IDX by its first bytes; undefined for anything else. */
export async function tableKind(path: string): Promise<TableKind | undefined> {
  if (await isTable(path)) return "csv";
  for await (const [zero, alsoZero, type, axes] of pieces(path)) {
    return zero === 0 && alsoZero === 0 && type >= 8 && type <= 14 && (axes === 3 || axes === 4) ? "idx" : undefined;
  }
  return undefined;
}

/** @throws DataError when the file is not what its kind says, or has no pictures */
export async function readSamples(path: string, kind: TableKind, known: SpanSources = {}): Promise<CsvSamples> {
  const bytes = await readUnzipped(path);
  const { dataset, ids } = READERS[kind](bytes, path, known);
  return { dataset: settled(dataset, path), ids };
}

const READERS = {
  csv: (bytes, name, known) => parseCsvSamples(bytes, { name, ...known }),
  idx: (bytes, name, known) => {
    const dataset = samplesFromIdx({ name, bytes }, name, known);
    return { dataset, ids: Array.from({ length: dataset.length }, (_, i) => String(i + 1)) };
  },
} satisfies Record<TableKind, (bytes: Uint8Array, name: string, known: SpanSources) => CsvSamples>;
