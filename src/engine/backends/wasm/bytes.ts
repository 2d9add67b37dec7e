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
    for (let i = 0; i < bytes.length; i++) this.push(bytes[i]);
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

/** A number in unsigned LEB128: seven bits a byte, the lowest first. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** A 32-bit integer in signed LEB128. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}
