/**
 * `ductus/runtime`: reads pictures with a finished model, in a page, a worker or Node, and does nothing else.
 *
 *     const { recognise } = await load("digits.safetensors");
 *     const [{ label, probability }] = recognise(context.getImageData(0, 0, 280, 280));
 *
 * A recogniser that was exported (`ductus export --to wasm`) is compiled already and needs this file alone; for a model
 * file the compiler is fetched as well, when one is loaded.
 */
import { type CountingRecogniser, counting } from "./export/standalone/counting.ts";
import { looksCompiled, moduleInPage, openRecogniser } from "./export/standalone/recogniser.ts";
import { nameOf, readBytes, type Source } from "./platform/browser/bytes.ts";

export { DataError, DuctusError } from "./engine/errors.ts";
export type { CountingRecogniser } from "./export/standalone/counting.ts";
export type { Pixels, Reading, Recogniser } from "./export/standalone/recogniser.ts";
export type { Source } from "./platform/browser/bytes.ts";
export { decodePicture, type PictureSource } from "./platform/browser/pictures.ts";

/**
 * Loads a model file (`.safetensors`) or an exported recogniser (`.wasm`, or the page around one, `.html`).
 * @param source its address, its bytes, a file that the user chose, or a response
 * @throws DataError when it is neither, is damaged, or does not compute here what it did where it was saved
 */
export async function load(source: Source): Promise<CountingRecogniser> {
  const given = await readBytes(source);
  const bytes = moduleInPage(given) ?? given;
  if (looksCompiled(bytes)) return counting(await openRecogniser(bytes));
  const { openModel } = await import("./runtime-compiler.ts");
  return counting(await openModel(bytes, nameOf(source, "model")));
}
