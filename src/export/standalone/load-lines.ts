/** Entry of every exported `.js` that reads lines of writing: as load.ts, with another recognizer. */
import { readBytes, type Source } from "../../platform/browser/bytes.ts";
import { type LineRecognizer, openLineRecognizer } from "./line-recognizer.ts";

/**
 * Loads the recognizer.
 * @param source default: the `.wasm` beside this file
 */
export async function load(
  source: Source | WebAssembly.Module = new URL("recognizer.wasm", import.meta.url),
): Promise<LineRecognizer> {
  return openLineRecognizer(source instanceof WebAssembly.Module ? source : await readBytes(source, import.meta.url));
}
