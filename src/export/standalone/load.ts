/** Entry of every exported `.js`: finds the module beside it, wherever it runs. The exporter puts the file's name in. */
import { readBytes, type Source } from "../../platform/browser/bytes.ts";
import { type CountingRecognizer, counting } from "./counting.ts";
import { openRecognizer } from "./recognizer.ts";

/**
 * Loads the recognizer.
 * @param source default: the `.wasm` beside this file
 */
export async function load(
  source: Source | WebAssembly.Module = new URL("recognizer.wasm", import.meta.url),
): Promise<CountingRecognizer> {
  const module = source instanceof WebAssembly.Module ? source : await readBytes(source, import.meta.url);
  return counting(await openRecognizer(module));
}
