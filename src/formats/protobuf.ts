/** Writes protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as event files need them. */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A message: its fields in the order in which they are added. */
export class ProtoWriter {
  readonly #bytes: number[] = [];

  /** A whole number of at least 0. */
  uint(field: number, value: number): this {
    this.#key(field, VARINT);
    this.#varint(value);
    return this;
  }

  double(field: number, value: number): this {
    this.#key(field, FIXED64);
    return this.#append(new Uint8Array(Float64Array.of(value).buffer));
  }

  float(field: number, value: number): this {
    this.#key(field, FIXED32);
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
    this.#key(field, BYTES);
    this.#varint(data.length);
    return this.#append(data);
  }

  /** `repeated double`, packed. */
  doubles(field: number, values: readonly number[]): this {
    return this.bytes(field, new Uint8Array(Float64Array.from(values).buffer));
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #key(field: number, type: number): void {
    this.#varint(field * 8 + type);
  }

  /** Seven bits a byte, the lowest first. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  #append(data: Uint8Array): this {
    for (const byte of data) this.#bytes.push(byte);
    return this;
  }
}
