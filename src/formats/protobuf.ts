/**
 * Writes and reads protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as event files and ONNX
 * need them.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { decodeUtf8 } from "./text.ts";

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A message: its fields in the order in which they are added. */
export class ProtoWriter {
  /** Finished pieces; what is not yet in one is in `#tail`. Big arrays are pieces of their own, so none is copied often. */
  readonly #pieces: Uint8Array[] = [];
  #tail: number[] = [];

  /** A whole number of 64 bits. */
  int(field: number, value: number): this {
    this.#key(field, WIRE.varint);
    this.#varint(value);
    return this;
  }

  /** `repeated int64`, one by one. */
  ints(field: number, values: readonly number[]): this {
    for (const value of values) this.int(field, value);
    return this;
  }

  double(field: number, value: number): this {
    this.#key(field, WIRE.fixed64);
    return this.#append(new Uint8Array(Float64Array.of(value).buffer));
  }

  float(field: number, value: number): this {
    this.#key(field, WIRE.fixed32);
    return this.#append(new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A string, bytes, or a message inside. */
  bytes(field: number, value: Uint8Array | string | ProtoWriter): this {
    const data =
      typeof value === "string"
        ? new TextEncoder().encode(value)
        : value instanceof ProtoWriter
          ? value.finish()
          : value;
    this.#key(field, WIRE.bytes);
    this.#varint(data.length);
    return this.#append(data);
  }

  /** `repeated double`, packed. */
  doubles(field: number, values: readonly number[]): this {
    return this.bytes(field, new Uint8Array(Float64Array.from(values).buffer));
  }

  finish(): Uint8Array {
    this.#flush();
    const bytes = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  #key(field: number, type: number): void {
    this.#varint(field * 8 + type);
  }

  /** Seven bits a byte, the lowest first; negative numbers in two's complement of 64 bits. */
  #varint(value: number): void {
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 128n; rest >>= 7n) this.#tail.push(Number(rest & 127n) + 128);
      this.#tail.push(Number(rest));
      return;
    }
    let rest = value;
    while (rest >= 128) {
      this.#tail.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#tail.push(rest);
  }

  #append(data: Uint8Array): this {
    this.#flush();
    this.#pieces.push(data);
    return this;
  }

  #flush(): void {
    if (this.#tail.length === 0) return;
    this.#pieces.push(Uint8Array.from(this.#tail));
    this.#tail = [];
  }
}

type Field = number | Uint8Array;

/** What a field of a message takes in memory while it is read, about. */
const FIELD_BYTES = 200;

/**
 * A message that may come from anywhere: every length is checked before it is used, and nothing but numbers is copied, so
 * a hostile file costs no more than its own size. Of a field that occurs twice the last value counts.
 */
export class ProtoReader {
  readonly #fields = new Map<number, Field[]>();
  readonly #what: string;
  readonly #budget: Budget;

  /**
   * @param what starts every message
   * @param budget of the file, which pays for the fields
   * @throws DataError unless the bytes are a message
   */
  constructor(bytes: Uint8Array, what: string, budget: Budget) {
    this.#what = what;
    this.#budget = budget;
    const cursor: Cursor = { bytes, at: 0, what };
    while (cursor.at < bytes.length) {
      const key = readVarint(cursor);
      if (key < 8) throw damaged(what);
      budget.spend("memory", FIELD_BYTES, "its protocol buffer");
      const field = Math.floor(key / 8);
      const values = this.#fields.get(field) ?? [];
      values.push(readField(cursor, key % 8));
      this.#fields.set(field, values);
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  /** A whole number of 64 bits, signed; 0 when it is not there. */
  int(field: number): number {
    const value = this.#all(field).at(-1) ?? 0;
    if (typeof value !== "number") throw damaged(this.#what);
    return value;
  }

  /** `repeated int64`, packed or not. */
  ints(field: number): number[] {
    return this.#all(field).flatMap((value) => {
      if (typeof value === "number") return [value];
      const cursor: Cursor = { bytes: value, at: 0, what: this.#what };
      const list: number[] = [];
      while (cursor.at < value.length) list.push(readVarint(cursor));
      return list;
    });
  }

  float(field: number): number {
    return this.floats(field).at(-1) ?? 0;
  }

  /** `repeated float`, packed or not. */
  floats(field: number): number[] {
    return this.#parts(field).flatMap((part) => [...new Float32Array(this.#whole(part, 4))]);
  }

  /** `repeated double`, packed or not. */
  doubles(field: number): number[] {
    return this.#parts(field).flatMap((part) => [...new Float64Array(this.#whole(part, 8))]);
  }

  bytes(field: number): Uint8Array | undefined {
    return this.#parts(field).at(-1);
  }

  /** A string; "" when it is not there. */
  text(field: number): string {
    return this.texts(field).at(-1) ?? "";
  }

  texts(field: number): string[] {
    return this.#parts(field).map((part) => decodeUtf8(part, this.#what));
  }

  /** A message inside, or undefined. */
  message(field: number): ProtoReader | undefined {
    const part = this.bytes(field);
    return part && new ProtoReader(part, this.#what, this.#budget);
  }

  messages(field: number): ProtoReader[] {
    return this.#parts(field).map((part) => new ProtoReader(part, this.#what, this.#budget));
  }

  #all(field: number): readonly Field[] {
    return this.#fields.get(field) ?? [];
  }

  #parts(field: number): Uint8Array[] {
    return this.#all(field).map((value) => {
      if (typeof value === "number") throw damaged(this.#what);
      return value;
    });
  }

  /** A copy of its own, of whole elements. */
  #whole(part: Uint8Array, size: number): ArrayBuffer {
    if (part.length % size !== 0) throw damaged(this.#what);
    return new Uint8Array(part).buffer;
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly what: string;
}

function readField(cursor: Cursor, type: number): Field {
  if (type === WIRE.varint) return readVarint(cursor);
  const fixed = type === WIRE.fixed32 ? 4 : type === WIRE.fixed64 ? 8 : undefined;
  const length = type === WIRE.bytes ? readVarint(cursor) : fixed;
  if (length === undefined || length < 0 || length > cursor.bytes.length - cursor.at) throw damaged(cursor.what);
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

/** Seven bits a byte, at most ten of them, as a signed number of 64 bits, exact up to 2⁵³. */
function readVarint(cursor: Cursor): number {
  const start = cursor.at;
  let value = 0;
  for (let factor = 1; cursor.at < cursor.bytes.length && cursor.at - start < 10; factor *= 128) {
    const byte = cursor.bytes[cursor.at++];
    value += (byte & 127) * factor;
    if (byte >= 128) continue;
    if (cursor.at - start < 8) return value;
    // Doubles are no longer exact: once more, with all bits.
    const bits = cursor.bytes.subarray(start, cursor.at);
    return Number(
      BigInt.asIntN(
        64,
        bits.reduceRight((sum, b) => (sum << 7n) | BigInt(b & 127), 0n),
      ),
    );
  }
  throw damaged(cursor.what);
}

function damaged(what: string): DataError {
  return new DataError(`${what} is no protocol buffer, is cut short or damaged`);
}

/** The numbers of the fields that a message has, as far as it can be followed: to tell what kind of message it is. */
export function fieldNumbers(bytes: Uint8Array): Set<number> {
  const found = new Set<number>();
  const cursor: Cursor = { bytes, at: 0, what: "" };
  try {
    while (cursor.at < bytes.length) {
      const key = readVarint(cursor);
      found.add(Math.floor(key / 8));
      readField(cursor, key % 8);
    }
  } catch {
    // Not a message, or one that is cut short.
  }
  return found;
}
