/** Entry of every exported `.js`: finds the module beside it, wherever it runs. The exporter puts the file's name in. */
import { readBytes, type Source } from "../../platform/browser/bytes.ts";
import { type CountingRecogniser, counting } from "./counting.ts";
import { openRecogniser } from "./recogniser.ts";

/**
 * Loads the recogniser.
 * @param source default: the `.wasm` beside this file
 */
export async function load(
  source: Source | WebAssembly.Module = new URL("recogniser.wasm", import.meta.url),
): Promise<CountingRecogniser> {
  const module = source instanceof WebAssembly.Module ? source : await readBytes(source, import.meta.url);
  return counting(await openRecogniser(module));
}
