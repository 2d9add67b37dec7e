/** Bytes of a WebAssembly module on their way out: a buffer that grows, and the LEB128 numbers of the binary format. */

/** A sequence of bytes that grows at its end. */
export class Bytes {
  #data = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(byte: number): void {
    if (this.#length === this.#data.length) this.#reserve(1);
    this.#data[this.#length++] = byte;
  }

  append(bytes: readonly number[]): void {
    this.#reserve(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.#data[this.#length + i] = bytes[i];
    this.#length += bytes.length;
  }

  /** Appends a number in unsigned LEB128. */
  unsigned(value: number): void {
    this.append(unsigned(value));
  }

  concat(other: Bytes): void {
    this.bytes(other.#data.subarray(0, other.#length));
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends a text as UTF-8 behind its length. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    for (const byte of bytes) this.push(byte);
  }

  /** A copy of what is there. */
  slice(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#data.length) return;
    const larger = new Uint8Array(Math.max(this.#length + more, 2 * this.#data.length));
    larger.set(this.#data);
    this.#data = larger;
  }
}

/** Appends a number in unsigned LEB128 to `to`: seven bits a byte, the lowest first. */
export function unsigned(value: number, to: number[] = []): number[] {
  let rest = value;
  while (rest >= 128) {
    to.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  to.push(rest);
  return to;
}

/** Appends a 32-bit integer in signed LEB128 to `to`. */
export function signed(value: number, to: number[] = []): number[] {
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    to.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  to.push(rest & 0x7f);
  return to;
}
