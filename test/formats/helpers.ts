/** What the tests of the file formats share: golden files, and building safetensors files with any header. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { DuctusError } from "../../src/engine/errors.ts";

export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../golden/formats/${name}`, import.meta.url)));
}

/** A safetensors file with `header` as it stands (text, or a value for JSON) and `data` after it. */
export function rawSafetensors(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** Runs `action`, which must throw a Ductus error of one line that begins with `name` and matches `pattern`. */
export function expectRefusal(action: () => unknown, pattern: RegExp, name = ""): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(DuctusError);
  const { message } = thrown as DuctusError;
  expect(message).toMatch(pattern);
  expect(message.startsWith(name)).toBe(true);
  expect(message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(message.length).toBeLessThan(400);
}

/** The values of make.py: i / 4 − 2. */
export function ramp(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => i / 4 - 2);
}
