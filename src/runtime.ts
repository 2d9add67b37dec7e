/**
 * `ductus/runtime`: reads pictures with a finished model, in a page, a worker or Node, and does nothing else.
 *
 *     const { recognize } = await load("digits.safetensors");
 *     const [{ label, probability }] = recognize(context.getImageData(0, 0, 280, 280));
 *
 *     const { recognize, read } = await load<PageRecognizer>("reader.safetensors");
 *     const { text } = await recognize(line);
 *     const { numbers } = await read(page);
 *
 * A recognizer that was exported (`ductus export --to wasm`) is compiled already and needs this file alone; for a model
 * file the compiler is fetched as well, when one is loaded.
 */
import { type CountingRecognizer, counting } from "./export/standalone/counting.ts";
import { looksCompiled, moduleInPage } from "./export/standalone/module.ts";
import { openRecognizer } from "./export/standalone/recognizer.ts";
import { nameOf, readBytes, type Source } from "./platform/browser/bytes.ts";
import type { PageRecognizer } from "./runtime-reader.ts";

export { DataError, DuctusError } from "./engine/errors.ts";
/** @deprecated their names are `CountingRecognizer` and `Recognizer` now */
export type { CountingRecognizer as CountingRecogniser, CountingRecognizer } from "./export/standalone/counting.ts";
export type { Pixels } from "./export/standalone/pixels.ts";
export type { Reading, Recognizer, Recognizer as Recogniser } from "./export/standalone/recognizer.ts";
export type { Source } from "./platform/browser/bytes.ts";
export { decodePicture, type PictureSource } from "./platform/browser/pictures.ts";
export type { ReadOptions } from "./read/answer-of.ts";
export type { AnswerCharacter, NumberAnswer, PageAnswer, Refusal } from "./read/answers.ts";
export type { LineCharacter, LineReading } from "./read/line-reading.ts";
export type { FormPicture, PageRecognizer, ReadPageOptions } from "./runtime-reader.ts";

/**
 * Loads a model file (`.safetensors`) or an exported recognizer (`.wasm`, or the page around one, `.html`). What a model file of the task
 * `transcribe` gives reads lines and pages, {@link PageRecognizer}; everything else single characters.
 * @param source its address, its bytes, a file that the user chose, or a response
 * @throws DataError when it is neither, is damaged, or does not compute here what it did where it was saved
 */
export async function load<R extends CountingRecognizer | PageRecognizer = CountingRecognizer>(
  source: Source,
): Promise<R> {
  const given = await readBytes(source);
  const bytes = moduleInPage(given) ?? given;
  if (looksCompiled(bytes)) return counting(await openRecognizer(bytes)) as R;
  const { openModel } = await import("./runtime-compiler.ts");
  const opened = await openModel(bytes, nameOf(source, "model"));
  if (!("lines" in opened)) return counting(opened) as R;
  // Asked for here: bundlers then leave the compiler in one piece, for who reads single characters.
  const { openReader } = await import("./runtime-reader.ts");
  return (await openReader(opened.lines, nameOf(source, "model"))) as R;
}
