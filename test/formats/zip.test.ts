import { deflateRawSync, crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/formats/checksum.ts";
import { readZip, writeZip } from "../../src/formats/zip.ts";
import { expectRefusal, golden } from "./helpers.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const small = (): Uint8Array =>
  writeZip(
    new Map([
      ["a/one", text("first")],
      ["a/two", text("second")],
    ]),
  );

/** A copy with bytes replaced at a place. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** Where the directory of an archive without ZIP64 begins. */
function directoryOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(bytes.length - 6, true);
}

describe("CRC-32", () => {
  it("has the check value of the standard", () => {
    expect(crc32(text("123456789"))).toBe(0xcbf43926);
  });

  it("is the same in one go and in parts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(crc32(bytes));
        if (zlibCrc32 !== undefined) expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      }),
    );
  });
});

describe("ZIP", () => {
  it("gives back what was written, with data at multiples of 64 bytes", () => {
    const archives = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.uint8Array()), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(archives, (entries) => {
        const read = readZip(writeZip(new Map(entries)), "a");
        expect([...read]).toEqual(entries);
        for (const data of read.values()) expect(data.byteOffset % 64).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("reads an archive with a comment behind it", () => {
    const bytes = small();
    const commented = new Uint8Array(bytes.length + 5);
    commented.set(bytes);
    commented.set(text("hello"), bytes.length);
    commented[bytes.length - 2] = 5;
    expect(readZip(commented, "a").size).toBe(2);
  });

  it("refuses an archive that is cut anywhere", () => {
    for (const bytes of [small(), golden("views.pt")]) {
      for (let length = 0; length < bytes.length; length++) {
        expectRefusal(() => readZip(bytes.subarray(0, length), "a.pt"), /cut short/, "a.pt");
      }
    }
  });

  it("never fails otherwise than with a message, whatever byte is flipped, and never gives changed data", () => {
    const bytes = golden("protocol4.pt");
    const original = new Set([...readZip(bytes, "a").values()].map(String));
    for (let at = 0; at < bytes.length; at++) {
      const flipped = patched(bytes, at, bytes[at] ^ 0x41);
      let read: Map<string, Uint8Array>;
      try {
        read = readZip(flipped, "a.pt");
      } catch (error) {
        expectRefusal(() => {
          throw error;
        }, /^a\.pt/);
        continue;
      }
      for (const data of read.values()) expect(original.has(String(data))).toBe(true);
    }
  });

  it("says what is wrong with archives that others make, or that mean harm", () => {
    const bytes = small();
    const directory = directoryOf(bytes);
    const read = (archive: Uint8Array) => () => readZip(archive, "a.pt");
    expectRefusal(read(patched(bytes, directory + 10, 8)), /"a\/one" is compressed \(ZIP method 8\)/);
    expectRefusal(read(patched(bytes, directory + 8, 1)), /encrypted/);
    expectRefusal(read(patched(bytes, bytes.indexOf(102, 30), 70)), /CRC-32/);
    expectRefusal(read(patched(bytes, directory + 24, 255, 255, 0, 0)), /65535/);
    expectRefusal(read(patched(bytes, directory + 20, 255, 255, 0, 0, 255, 255, 0, 0)), /does not end inside/);
    expectRefusal(read(patched(bytes, directory + 42, 3)), /not where the directory says/);
    expectRefusal(read(patched(bytes, bytes.length - 12, 255, 127)), /outside the file|ends one is missing/);
    expectRefusal(read(patched(bytes, bytes.length - 6, 255, 255, 255, 255)), /ZIP64 end record is missing/);
    // Both entries of the directory at the same place: a bomb by overlap.
    const second = directory + 46 + 5;
    const twice = patched(bytes, second, ...bytes.subarray(directory, second));
    expectRefusal(read(twice), /"a\/one" is there twice/);
    expectRefusal(read(patched(twice, second + 46, 65)), /overlap/);
    expectRefusal(read(new Uint8Array(deflateRawSync(bytes))), /cut short or no ZIP/);
  });
});
