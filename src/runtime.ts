/**
 * `ductus/runtime`: reads pictures with a finished model, in a page, a worker or Node, and does nothing else.
 *
 *     const { recognize } = await load("digits.safetensors");
 *     const [{ label, probability }] = recognize(context.getImageData(0, 0, 280, 280));
 *
 * A recognizer that was exported (`ductus export --to wasm`) is compiled already and needs this file alone; for a model
 * file the compiler is fetched as well, when one is loaded.
 */
import { type CountingRecognizer, counting } from "./export/standalone/counting.ts";
import { looksCompiled, moduleInPage } from "./export/standalone/module.ts";
import { openRecognizer } from "./export/standalone/recognizer.ts";
import { nameOf, readBytes, type Source } from "./platform/browser/bytes.ts";

export { DataError, DuctusError } from "./engine/errors.ts";
/** @deprecated their names are `CountingRecognizer` and `Recognizer` now */
export type { CountingRecognizer as CountingRecogniser, CountingRecognizer } from "./export/standalone/counting.ts";
export type { Pixels } from "./export/standalone/pixels.ts";
export type { Reading, Recognizer, Recognizer as Recogniser } from "./export/standalone/recognizer.ts";
export type { Source } from "./platform/browser/bytes.ts";
export { decodePicture, type PictureSource } from "./platform/browser/pictures.ts";

/**
 * Loads a model file (`.safetensors`) or an exported recognizer (`.wasm`, or the page around one, `.html`).
 * @param source its address, its bytes, a file that the user chose, or a response
 * @throws DataError when it is neither, is damaged, or does not compute here what it did where it was saved
 */
export async function load(source: Source): Promise<CountingRecognizer> {
  const given = await readBytes(source);
  const bytes = moduleInPage(given) ?? given;
  if (looksCompiled(bytes)) return counting(await openRecognizer(bytes));
  const { openModel } = await import("./runtime-compiler.ts");
  return counting(await openModel(bytes, nameOf(source, "model")));
}
