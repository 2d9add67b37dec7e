/**
 * Modules of exported recognizers, at run time: from bytes, or a page around them, to what the module exports and its card, which says
 * what they are. The first step of every recognizer (recognizer.ts, line-recognizer.ts).
 */
import { fuseMultiplyAdds } from "../../engine/backends/wasm/fusable.ts";
import { relaxedSimdWorks, simdWorks } from "../../engine/backends/wasm/support.ts";
import { DataError } from "../../engine/errors.ts";
import { crc32 } from "../../formats/checksum.ts";

/** Name of the section with the card, which is JSON, and of the last one, with a checksum of all before it. */
export const CARD_SECTION = "ductus";
export const CHECKSUM_SECTION = "crc32";
/** Bytes of the last section: its id and length, its name behind a length, and the checksum. */
export const CHECKSUM_BYTES = 2 + 1 + CHECKSUM_SECTION.length + 4;

/** What a module reads, as its card says: single pictures, of which older cards say nothing, or lines of writing. */
const READS = { pictures: "single pictures", lines: "lines of writing" } as const;

/**
 * Instantiates a module.
 * @param source the bytes, or compiled already, which is all that edge workers allow
 * @param reads what it should read
 * @param make makes of the card and the exports what the module is for; what it throws means that they do not fit, but for a DataError
 * @throws DataError when the module is damaged or something else
 */
export async function openModule<T>(
  source: Uint8Array | WebAssembly.Module,
  reads: keyof typeof READS,
  make: (card: unknown, exports: WebAssembly.Exports) => T,
): Promise<T> {
  try {
    const module = source instanceof WebAssembly.Module ? source : await compiled(source);
    const [section] = WebAssembly.Module.customSections(module, CARD_SECTION);
    if (section === undefined) throw new DataError("recognizer: this module is none; it was not exported by Ductus");
    const card = JSON.parse(new TextDecoder().decode(section));
    const found = (card.reads ?? "pictures") as keyof typeof READS;
    if (found !== reads) {
      throw new DataError(
        `recognizer: this module reads ${READS[found]}; load it with the script that was exported with it`,
      );
    }
    const { exports } = await WebAssembly.instantiate(module);
    return make(card, exports);
  } catch (cause) {
    throw cause instanceof DataError ? cause : new DataError(DAMAGED, { cause });
  }
}

const DAMAGED = "recognizer: the module is cut off or damaged; export or download it again";

function compiled(bytes: Uint8Array): Promise<WebAssembly.Module> {
  if (!simdWorks()) throw new DataError("recognizer: this WebAssembly engine has no SIMD; use a newer one");
  checkModule(bytes);
  return WebAssembly.compile(relaxedSimdWorks() ? fuseMultiplyAdds(bytes) : new Uint8Array(bytes));
}

const MAGIC = [0, 0x61, 0x73, 0x6d];

/** Whether the bytes begin like a WebAssembly module. */
export const looksCompiled = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** How a page that was exported begins, and what its module stands in. */
const PAGE = /^\s*<!doctype html/i;
const MODULE_IN_PAGE = /<script\b[^>]*\bid="model"[^>]*>([^<]*)</;

/** The module that an exported page carries; undefined for anything but a page. @throws DataError for another page */
export function moduleInPage(bytes: Uint8Array): Uint8Array | undefined {
  const text = (part: Uint8Array): string => new TextDecoder().decode(part);
  if (!PAGE.test(text(bytes.subarray(0, 64)))) return undefined;
  const encoded = MODULE_IN_PAGE.exec(text(bytes))?.[1];
  if (encoded === undefined) {
    throw new DataError("recognizer: this page holds none; it is cut off, or was not exported by Ductus");
  }
  return Uint8Array.from(base64(encoded), (letter) => letter.charCodeAt(0));
}

function base64(text: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw new DataError("recognizer: the page is damaged; export or download it again", { cause });
  }
}

function checkModule(bytes: Uint8Array): void {
  if (!looksCompiled(bytes)) throw new DataError("recognizer: this is no WebAssembly module");
  const end = bytes.length - CHECKSUM_BYTES;
  const last = bytes.subarray(end);
  const name = String.fromCharCode(...last.subarray(3, -4));
  if (name !== CHECKSUM_SECTION || crc32(bytes.subarray(0, end)) !== readU32(last.subarray(-4))) {
    throw new DataError(DAMAGED);
  }
}

const readU32 = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
