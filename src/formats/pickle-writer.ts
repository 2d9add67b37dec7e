/**
 * Writes the few instructions of pickle protocol 2 that a PyTorch state dict is made of; the counterpart of pickle.ts, used
 * by torch.ts. No memo: a state dict is a flat list of small entries.
 */

const INT32_MAX = 0x7fffffff;

/** Collects one pickle; every method appends instructions and returns the writer. */
export class PickleWriter {
  private readonly parts: number[] = [0x80, 2];
  private readonly encoder = new TextEncoder();

  mark(): this {
    return this.op("(");
  }

  false(): this {
    return this.op("\x89");
  }

  text(value: string): this {
    const bytes = this.encoder.encode(value);
    this.op("X").littleEndian(bytes.length, 4);
    for (const byte of bytes) this.parts.push(byte);
    return this;
  }

  /** A whole number from 0 to 2^53 − 1. */
  integer(value: number): this {
    if (value <= 0xff) return this.op("K").littleEndian(value, 1);
    if (value <= INT32_MAX) return this.op("J").littleEndian(value, 4);
    return this.op("\x8a").littleEndian(8, 1).littleEndian(value, 8);
  }

  /** A tuple of whole numbers. */
  tuple(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.integer(value);
    return this.tupleFromMark();
  }

  tupleFromMark(): this {
    return this.op("t");
  }

  global(module: string, name: string): this {
    this.op("c");
    for (const byte of this.encoder.encode(`${module}\n${name}\n`)) this.parts.push(byte);
    return this;
  }

  /** Calls a global with the tuple that `args` writes. */
  call(module: string, name: string, args: () => void): this {
    this.global(module, name);
    args();
    return this.op("R");
  }

  /** Turns the topmost value into the persistent id of an object outside the pickle. */
  persistent(): this {
    return this.op("Q");
  }

  /** Puts the keys and values since the last mark into the dictionary below it. */
  setItems(): this {
    return this.op("u");
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.op(".").parts);
  }

  private op(code: string): this {
    this.parts.push(code.charCodeAt(0));
    return this;
  }

  private littleEndian(value: number, size: number): this {
    for (let i = 0; i < size; i++) this.parts.push(Math.floor(value / 256 ** i) % 256);
    return this;
  }
}
