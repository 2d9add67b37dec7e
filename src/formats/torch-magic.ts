/** How PyTorch's formats from before version 1.6 begin; torch-legacy.ts reads them, kinds.ts only tells them. */
import { looksLikeTar, readTar } from "./tar.ts";

/** The pickled number that such a file begins with (LONG1, ten bytes), behind the pickle's own header. */
const MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const MAGIC_WITHIN = 16;
/** Whether the bytes begin like one of the two formats. */
export function isLegacy(bytes: Uint8Array): boolean {
  return isStream(bytes) || (looksLikeTar(bytes) && isTensorTar(bytes));
}

/** Whether it is the row of pickles, the younger of the two. */
export function isStream(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x80) return false;
  // Newer protocols have a frame in front of the number.
  for (let at = 2; at < MAGIC_WITHIN; at++) if (MAGIC.every((byte, i) => bytes[at + i] === byte)) return true;
  return false;
}

function isTensorTar(bytes: Uint8Array): boolean {
  try {
    const files = readTar(bytes, "");
    return files.has("pickle") && files.has("storages") && files.has("tensors");
  } catch {
    return false;
  }
}
