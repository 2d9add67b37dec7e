/**
 * What stands beside packed files (packed.ts): what was found while they were packed, and the fingerprints of their parts.
 * Whoever streams data reads all of them once for their fingerprint anyway, before the first step; comparing it with the one
 * kept here tells damaged bytes at no cost, however large the data are.
 */
import { join } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import type { ValueSpan } from "../../data/value-span.ts";
import { DataError, DuctusError, UsageError } from "../../engine/errors.ts";
import { anything, check, list, Mismatch, number, record, text, truth } from "../../engine/schema.ts";
import type { Preprocessing } from "../../picture/preprocessing.ts";
import { preprocessingSchema } from "../../picture/preprocessing-schema.ts";
import { readFileChecked, writeFileAtomic } from "./atomic.ts";
import { sha256 } from "./files.ts";

/** What is known of data after they were read. */
export interface Found {
  /** Whether what was put aside are whole writers. */
  readonly isByWriter?: boolean | undefined;
  /** What was changed or left aside, a sentence each. */
  readonly notes: readonly string[];
  /** What the numbers of the files meant, where that was found. */
  readonly span?: ValueSpan | undefined;
  /** What pictures went through, where they were made alike. */
  readonly preprocessing?: Preprocessing | undefined;
}

/** By part: SHA-256 over shape, class names, labels and pixels (data/fingerprint.ts). */
export type Fingerprints = Readonly<Partial<Record<SplitName, string>>>;

export interface PackedRecord extends Found {
  readonly fingerprints: Fingerprints;
}

/** Packed files are not what they were when they were packed; the message says which, and how that shows. */
export class DamagedPack extends DataError {}

const RECORD_FILE = "found.json";
const fileSchema = record({ sha256: text, found: anything });
const recordSchema = record(
  { notes: list(text), fingerprints: record({ train: text, test: text }, { validation: text }) },
  { preprocessing: preprocessingSchema, isByWriter: truth, span: record({ low: number(), high: number() }) },
);

export async function writeRecord(folder: string, found: PackedRecord): Promise<void> {
  await writeFileAtomic(join(folder, RECORD_FILE), JSON.stringify({ sha256: sumOf(found), found }));
}

/** @throws DamagedPack when it is missing or not as it was written */
export async function readRecord(folder: string): Promise<PackedRecord> {
  return orDamaged(async () => {
    const path = join(folder, RECORD_FILE);
    const file = check(fileSchema, parsed(await readFileChecked(path)));
    if (file instanceof Mismatch || file.sha256 !== sumOf(file.found)) throw new DataError(`${path}: damaged`);
    const found = check(recordSchema, file.found);
    if (found instanceof Mismatch) throw new DataError(`${path}: damaged`);
    return found;
  });
}

/** @throws DamagedPack when what opens packed files says that they cannot be read or are wrong */
export async function orDamaged<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof DuctusError) || error instanceof UsageError) throw error;
    throw new DamagedPack(error.message, { cause: error });
  }
}

/** @throws DamagedPack when a part has not the fingerprint that it was packed with */
export function checkFingerprints(folder: string, packed: Fingerprints, now: Fingerprints): void {
  for (const part of Object.keys(packed) as SplitName[]) {
    if (packed[part] !== now[part]) throw new DamagedPack(`${folder}: bytes of the ${part} part have changed`);
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function sumOf(found: unknown): string {
  return sha256([new TextEncoder().encode(JSON.stringify(found))]);
}
