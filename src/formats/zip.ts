/**
 * ZIP archives as `torch.save` writes them: entries stored without compression, their data aligned to 64 bytes
 * (PKWARE APPNOTE 6.3, with the ZIP64 records that PyTorch always adds). Part of reading and writing `.pt` files; archives
 * of other files are archive.ts. The reader trusts the central directory only as far as the bytes bear it out, and checks
 * every CRC-32.
 */
import { Budget } from "../engine/budget.ts";
import { DataError, TooLargeError } from "../engine/errors.ts";
import { crc32, crcToHex } from "./checksum.ts";
import { decodeUtf8, quote } from "./text.ts";

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;

/** Fixed parts, in bytes. */
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const END64_SIZE = 56;
const LOCATOR_SIZE = 20;

/** The extra field by which PyTorch pads a local header ("FB"). */
const PADDING_FIELD = 0x4246;
const ALIGNMENT = 64;

const ENCRYPTED = 1;
const UTF8_NAMES = 0x0800;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

interface DirectoryEntry {
  readonly entryName: string;
  readonly isEncrypted: boolean;
  /** 0: stored as it is. */
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  /** Bytes that it takes in the archive. */
  readonly stored: number;
  readonly headerOffset: number;
  /** Bytes that this record takes in the directory. */
  readonly length: number;
}

/** Whether the bytes begin like a ZIP archive with at least one entry. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === LOCAL_HEADER;
}

/**
 * Reads an archive of stored entries: name → data, as views of `bytes`, in the order of its directory. `name` (the file's)
 * starts every message. Throws DataError where the archive is cut short, damaged, compressed or encrypted, TooLargeError where it
 * has more entries than its budget.
 */
export function readZip(
  bytes: Uint8Array,
  name: string,
  budget: Budget = new Budget(name, bytes.length),
): Map<string, Uint8Array> {
  const view = viewOf(bytes);
  const directory = findDirectory(view, name);
  const found = new Map<string, ZipEntry>();
  const spans: [begin: number, end: number][] = [];
  for (const entry of readDirectory(bytes, directory, name, budget)) {
    const what = `${name}: entry ${quote(entry.entryName)}`;
    checkStored(entry, what);
    if (found.has(entry.entryName)) throw new DataError(`${what} is there twice; the archive is damaged or hostile`);
    const begin = dataBegin(view, entry, directory.offset, what);
    spans.push([entry.headerOffset, begin + entry.size]);
    found.set(entry.entryName, { ...entry, data: bytes.subarray(begin, begin + entry.size) });
  }
  refuseOverlap(spans, name);
  // Each byte belongs to one entry at most, so that this takes no longer than the file is.
  for (const entry of found.values()) checkCrc(entry.data, entry, `${name}: entry ${quote(entry.entryName)}`);
  return new Map([...found].map(([entryName, { data }]) => [entryName, data]));
}

/** An entry of anybody's archive: `data` as it stands there, compressed where `method` is not 0. */
export interface ZipEntry extends Pick<DirectoryEntry, "entryName" | "isEncrypted" | "method" | "crc" | "size"> {
  readonly data: Uint8Array;
}

/**
 * What an archive says that it holds, in the order of its directory; nothing is decompressed. `most` bounds the number of
 * entries. Throws DataError where the archive is cut short or its directory is not borne out by the bytes.
 */
export function listZip(bytes: Uint8Array, name: string, most: number): ZipEntry[] {
  const view = viewOf(bytes);
  const directory = findDirectory(view, name);
  if (directory.count > most)
    throw new TooLargeError(`${name} has ${directory.count} entries; at most ${most} are read`);
  const spans: [begin: number, end: number][] = [];
  const entries: ZipEntry[] = [];
  for (const entry of readDirectory(bytes, directory, name, new Budget(name, bytes.length))) {
    const begin = dataBegin(view, entry, directory.offset, `${name}: entry ${quote(entry.entryName)}`);
    const end = begin + entry.stored;
    spans.push([entry.headerOffset, end]);
    entries.push({ ...entry, data: bytes.subarray(begin, end) });
  }
  refuseOverlap(spans, name);
  return entries;
}

/** @throws DataError where the data of an entry are others than those that were packed */
export function checkCrc(data: Uint8Array, { crc }: Pick<ZipEntry, "crc">, what: string): void {
  const found = crc32(data);
  if (found !== crc) throw new DataError(`${what} is damaged: CRC-32 ${crcToHex(found)} instead of ${crcToHex(crc)}`);
}

/** Archives that unpack to more than they are let entries share their bytes. */
function refuseOverlap(spans: [begin: number, end: number][], name: string): void {
  spans.sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < spans.length; i++) {
    if (spans[i][0] < spans[i - 1][1]) throw new DataError(`${name}: entries of the archive overlap; it is hostile`);
  }
}

/** The names in an archive, in the order of its directory, whatever its entries hold. Throws DataError as {@link readZip} does. */
export function zipNames(bytes: Uint8Array, name: string): string[] {
  const budget = new Budget(name, bytes.length);
  const directory = findDirectory(viewOf(bytes), name);
  return Array.from(readDirectory(bytes, directory, name, budget), ({ entryName }) => entryName);
}

/**
 * Writes an archive of stored entries, each one's data at a multiple of 64 bytes, in the order of the map. Equal content
 * gives equal bytes: there are no dates. Throws DataError beyond 4 GB, which would need ZIP64.
 */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const encoder = new TextEncoder();
  const placed = [...entries].map(([entryName, data]) => ({ encoded: encoder.encode(entryName), data }));
  let size = END_SIZE;
  for (const { encoded, data } of placed) {
    size += LOCAL_SIZE + CENTRAL_SIZE + 2 * encoded.length + data.length + ALIGNMENT + 4;
  }
  if (size > U32_MAX || placed.length >= U16_MAX) {
    throw new DataError(`cannot write an archive of ${size} bytes and ${placed.length} entries: 4 GB are the limit`);
  }
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  let at = 0;
  const records = placed.map(({ encoded, data }) => {
    const offset = at;
    const crc = crc32(data);
    const bare = at + LOCAL_SIZE + encoded.length + 4;
    const padding = (ALIGNMENT - (bare % ALIGNMENT)) % ALIGNMENT;
    view.setUint32(at, LOCAL_HEADER, true);
    writeShared(view, at + 4, crc, data.length, encoded.length);
    view.setUint16(at + 28, 4 + padding, true);
    bytes.set(encoded, at + LOCAL_SIZE);
    view.setUint16(bare - 4, PADDING_FIELD, true);
    view.setUint16(bare - 2, padding, true);
    bytes.set(data, bare + padding);
    at = bare + padding + data.length;
    return { encoded, crc, size: data.length, offset };
  });
  const directory = at;
  for (const record of records) {
    view.setUint32(at, CENTRAL_HEADER, true);
    writeShared(view, at + 6, record.crc, record.size, record.encoded.length);
    view.setUint32(at + 42, record.offset, true);
    bytes.set(record.encoded, at + CENTRAL_SIZE);
    at += CENTRAL_SIZE + record.encoded.length;
  }
  view.setUint32(at, END, true);
  view.setUint16(at + 8, records.length, true);
  view.setUint16(at + 10, records.length, true);
  view.setUint32(at + 12, at - directory, true);
  view.setUint32(at + 16, directory, true);
  return bytes.slice(0, at + END_SIZE);
}

/** The fields that local and central headers share, from "version needed" on; the method and the date stay 0. */
function writeShared(view: DataView, at: number, crc: number, size: number, nameLength: number): void {
  view.setUint16(at + 2, UTF8_NAMES, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameLength, true);
}

/** Finds the directory by the end record, which may be followed by a comment of up to 65,535 bytes. */
function findDirectory(view: DataView, name: string): Directory {
  const length = view.byteLength;
  for (let at = length - END_SIZE; at >= Math.max(0, length - END_SIZE - U16_MAX); at--) {
    if (view.getUint32(at, true) !== END || at + END_SIZE + view.getUint16(at + 20, true) !== length) continue;
    const count = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    const small = { offset, size, count };
    const needs64 = count === U16_MAX || size === U32_MAX || offset === U32_MAX;
    const found = needs64 ? findDirectory64(view, at, name) : small;
    if (found.offset + found.size > at || found.count * CENTRAL_SIZE > found.size) {
      throw new DataError(`${name}: its ZIP directory lies outside the file; it is damaged`);
    }
    return found;
  }
  throw new DataError(`${name} is cut short or no ZIP archive: the record that ends one is missing`);
}

function findDirectory64(view: DataView, end: number, name: string): Directory {
  const locator = end - LOCATOR_SIZE;
  if (locator >= 0 && view.getUint32(locator, true) === END64_LOCATOR) {
    const at = Number(view.getBigUint64(locator + 8, true));
    if (at + END64_SIZE <= locator && view.getUint32(at, true) === END64) {
      const field = (offset: number): number => Number(view.getBigUint64(at + offset, true));
      return { count: field(32), size: field(40), offset: field(48) };
    }
  }
  throw new DataError(`${name}: its ZIP64 end record is missing; it is damaged`);
}

function* readDirectory(
  bytes: Uint8Array,
  { offset, size, count }: Directory,
  name: string,
  budget: Budget,
): Iterable<DirectoryEntry> {
  budget.spend("entries", count, "the directory of the archive");
  let at = offset;
  for (let i = 0; i < count; i++) {
    const entry = readDirectoryEntry(bytes, at, offset + size, name);
    at += entry.length;
    yield entry;
  }
  if (at !== offset + size) throw new DataError(`${name}: its ZIP directory does not have the size that it claims`);
}

function readDirectoryEntry(bytes: Uint8Array, at: number, limit: number, name: string): DirectoryEntry {
  const view = viewOf(bytes);
  if (at + CENTRAL_SIZE > limit || view.getUint32(at, true) !== CENTRAL_HEADER) {
    throw new DataError(`${name}: its ZIP directory is damaged at byte ${at}`);
  }
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const length = CENTRAL_SIZE + nameLength + extraLength + view.getUint16(at + 32, true);
  if (at + length > limit) throw new DataError(`${name}: its ZIP directory is damaged at byte ${at}`);

  const nameEnd = at + CENTRAL_SIZE + nameLength;
  const entryName = decodeUtf8(bytes.subarray(at + CENTRAL_SIZE, nameEnd), `${name}: the name of an entry`);
  const isEncrypted = (view.getUint16(at + 8, true) & ENCRYPTED) !== 0;
  const method = view.getUint16(at + 10, true);
  const wide = wideFields(view, nameEnd, nameEnd + extraLength);
  // ZIP64 replaces the fields that are all ones, in this order.
  const widen = (field: number): number => (field === U32_MAX ? (wide.shift() ?? field) : field);
  const size = widen(view.getUint32(at + 24, true));
  const stored = widen(view.getUint32(at + 20, true));
  const headerOffset = widen(view.getUint32(at + 42, true));
  const crc = view.getUint32(at + 16, true);
  return { entryName, isEncrypted, method, crc, size, stored, headerOffset, length };
}

/** @throws DataError where an entry does not stand in the archive as it is */
function checkStored({ isEncrypted, method, size, stored }: DirectoryEntry, what: string): void {
  if (isEncrypted) throw new DataError(`${what} is encrypted; save it without a password`);
  if (method !== 0) {
    throw new DataError(
      `${what} is compressed (ZIP method ${method}); repack the archive with "store", as PyTorch does`,
    );
  }
  if (size !== stored) throw new DataError(`${what} is stored, but in ${stored} bytes for ${size}; it is damaged`);
}

/** The 64-bit numbers of the ZIP64 extra field (id 1), if there is one between `at` and `end`. */
function wideFields(view: DataView, at: number, end: number): number[] {
  const found: number[] = [];
  for (let field = at; field + 4 <= end; ) {
    const size = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) {
      for (let i = field + 4; i + 8 <= Math.min(end, field + 4 + size); i += 8) {
        found.push(Number(view.getBigUint64(i, true)));
      }
    }
    field += 4 + size;
  }
  return found;
}

/** Where an entry's data begins, by its local header; everything must end before `limit`. */
function dataBegin(view: DataView, entry: DirectoryEntry, limit: number, what: string): number {
  const at = entry.headerOffset;
  if (at + LOCAL_SIZE > limit || view.getUint32(at, true) !== LOCAL_HEADER) {
    throw new DataError(`${what} is not where the directory says; the archive is damaged`);
  }
  const begin = at + LOCAL_SIZE + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (begin + entry.stored > limit) throw new DataError(`${what} does not end inside the archive; it is damaged`);
  return begin;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
