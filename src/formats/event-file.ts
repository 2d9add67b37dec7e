/**
 * TensorBoard's event files: records of TensorFlow's TFRecord format, each an `Event` message (tensorflow/core/util/event.proto,
 * framework/summary.proto). Scalars, pictures and histograms.
 */
import { ProtoWriter } from "./protobuf.ts";

/** What an event says under its tag. */
export type Summary =
  | { readonly kind: "scalar"; readonly value: number }
  | {
      readonly kind: "image";
      readonly png: Uint8Array;
      readonly height: number;
      readonly width: number;
      readonly channels: 1 | 3;
    }
  | { readonly kind: "histogram"; readonly values: ArrayLike<number> };

/** The record that a file begins with. @param seconds since 1970 */
export function versionRecord(seconds: number): Uint8Array {
  return record(new ProtoWriter().double(1, seconds).bytes(3, "brain.Event:2").finish());
}

/** One record with everything that belongs to a step. @param seconds since 1970 */
export function summaryRecord(seconds: number, step: number, values: Readonly<Record<string, Summary>>): Uint8Array {
  const summary = new ProtoWriter();
  for (const [tag, value] of Object.entries(values)) summary.bytes(1, summaryValue(tag, value));
  return record(new ProtoWriter().double(1, seconds).int(2, step).bytes(5, summary).finish());
}

function summaryValue(tag: string, summary: Summary): ProtoWriter {
  const value = new ProtoWriter().bytes(1, tag);
  switch (summary.kind) {
    case "scalar":
      return value.float(2, summary.value);
    case "image": {
      const { height, width, channels, png } = summary;
      return value.bytes(4, new ProtoWriter().int(1, height).int(2, width).int(3, channels).bytes(4, png));
    }
    case "histogram":
      return value.bytes(5, histogram(summary.values));
  }
}

const BUCKETS = 30;

/** HistogramProto: extremes, sums, and buckets of equal width by their right ends. Values that are not finite are left out. */
function histogram(values: ArrayLike<number>): ProtoWriter {
  let [min, max, count, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    count++;
    sum += value;
    squares += value * value;
  }
  if (count === 0) [min, max] = [0, 0];
  const width = (max - min) / BUCKETS || 1;
  const counts = new Array<number>(BUCKETS).fill(0);
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) counts[Math.min(BUCKETS - 1, Math.floor((values[i] - min) / width))]++;
  }
  const ends = counts.map((_, i) => (i === BUCKETS - 1 ? Math.max(max, min + BUCKETS * width) : min + (i + 1) * width));
  return new ProtoWriter()
    .double(1, min)
    .double(2, max)
    .double(3, count)
    .double(4, sum)
    .double(5, squares)
    .doubles(6, ends)
    .doubles(7, counts);
}

/** TFRecord: length (64 bits), its checksum, the data, their checksum. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(data.length + 12, maskedCrc(data), true);
  return bytes;
}

/** Turned and offset, so that a checksum of data that hold checksums stays one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, b) => {
  let crc = b;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli's polynomial), not that of ZIP. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
