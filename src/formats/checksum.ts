/**
 * CRC-32 (ISO 3309, the polynomial of ZIP and PNG), eight bytes at a time. ZIP archives need it, and the model file uses
 * it too: it finds every burst of up to 32 flipped bits, runs at once (SHA-256 is asynchronous in a browser) and needs no
 * platform. It guards against damage, not against someone who forges a file on purpose.
 */

const TABLES: readonly Uint32Array[] = makeTables();

/** CRC-32 of `bytes` as an unsigned number; pass the result of the part before as `before` to go on from there. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const length = bytes.length;
  let crc = ~before;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const low = crc ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    crc =
      t7[low & 255] ^
      t6[(low >>> 8) & 255] ^
      t5[(low >>> 16) & 255] ^
      t4[low >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]];
  }
  for (; i < length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}

/** A CRC-32 as eight lower-case hexadecimal digits. */
export function crcToHex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

/** `tables[k][b]` is the remainder of byte `b` followed by `k` zero bytes ("slicing by 8", Kounavis and Berry 2005). */
function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let b = 0; b < 256; b++) {
    let crc = b;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    first[b] = crc;
  }
  const tables = [first];
  for (let k = 1; k < 8; k++) tables.push(tables[k - 1].map((crc) => (crc >>> 8) ^ first[crc & 255]));
  return tables;
}
