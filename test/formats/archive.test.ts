import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArchive } from "../../src/formats/archive.ts";
import { crc32 } from "../../src/formats/checksum.ts";
import { writeZip } from "../../src/formats/zip.ts";

const LIMITS = { entries: 100, bytes: 1e6, fileBytes: 1e5 };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Packed {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** What the directory claims, where it lies. */
  readonly size?: number;
}

/** An archive as packing programs write it, entry by entry. */
function pack(entries: readonly Packed[]): Uint8Array {
  const parts: Buffer[] = [];
  const records: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 8, flags = 0x800, size = content.length } of entries) {
    const data = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(size, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), shared, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    records.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), shared, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(records);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...parts, directory, end]));
}

describe("archives", () => {
  it("give back what was packed, stored or deflated, by whatever name", async () => {
    const names = fc.string({ minLength: 1, unit: "grapheme" }).filter((name) => !name.endsWith("/"));
    const archives = fc.uniqueArray(
      fc.record({ name: names, content: fc.uint8Array(), method: fc.constantFrom(0, 8) }),
      { selector: ({ name }) => name },
    );
    await fc.assert(
      fc.asyncProperty(archives, async (entries) => {
        const { files, refused } = await readArchive(pack(entries), "a.zip", LIMITS);
        expect(refused).toEqual([]);
        expect([...files]).toEqual(entries.map(({ name, content }) => [name, content]));
      }),
      { numRuns: 40 },
    );
  });

  it("are read as they are written here; folders are no files", async () => {
    const written = writeZip(
      new Map([
        ["Δ/", new Uint8Array()],
        ["Δ/1.png", text("picture")],
      ] as const),
    );
    const { files } = await readArchive(written, "a.zip", LIMITS);
    expect([...files.keys()]).toEqual(["Δ/1.png"]);
  });

  it("name each file that cannot be read, and give the others", async () => {
    const good = { name: "good", content: text("good") };
    const archive = pack([
      good,
      { name: "secret", content: text("secret"), flags: 1 },
      { name: "odd", content: text("odd"), method: 12 },
      { name: "large", content: new Uint8Array(2e5) },
      { name: "short", content: text("short"), size: 9 },
      { name: "bomb", content: new Uint8Array(5e4), size: 10 },
      { name: "changed", content: text("unchanged"), method: 0 },
    ]);
    const at = Buffer.from(archive).indexOf("unchanged");
    archive[at] ^= 1;
    const { files, refused } = await readArchive(archive, "a.zip", LIMITS);
    expect([...files.keys()]).toEqual(["good"]);
    expect(refused).toEqual([
      'a.zip: "secret" is encrypted; pack it without a password',
      'a.zip: "odd" is compressed by method 12; pack it as an ordinary ZIP',
      'a.zip: "large" has 0.2 MB; at most 0.1 MB are read',
      'a.zip: "short" has 5 bytes instead of 9; it is damaged',
      'a.zip: "bomb" cannot be unpacked; it is damaged',
      expect.stringMatching(/^a\.zip: "changed" is damaged: CRC-32/),
    ]);
  });

  it("are refused as a whole, before anything is unpacked, beyond the limits", async () => {
    const zeros = new Uint8Array(9e4);
    const many = pack(Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, content: zeros })));
    expect(many.length).toBeLessThan(1e4);
    await expect(readArchive(many, "a.zip", LIMITS)).rejects.toThrow("a.zip holds 1.8 MB; at most 1 MB are unpacked");
    await expect(readArchive(many, "a.zip", { ...LIMITS, entries: 19 })).rejects.toThrow(
      "a.zip has 20 entries; at most 19 are read",
    );
    await expect(readArchive(text("no archive"), "a.zip", LIMITS)).rejects.toThrow(/^a\.zip is cut short or no ZIP/);
    const twice = pack([
      { name: "a", content: text("1") },
      { name: "a", content: text("2") },
    ]);
    await expect(readArchive(twice, "a.zip", LIMITS)).rejects.toThrow(/"a" is there twice/);
  });
});
