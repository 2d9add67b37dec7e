/** What `ductus predict` is given for a model that reads lines of writing: pictures of one line each. */
import { DuctusError, UsageError } from "../engine/errors.ts";
import type { AnyModel } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { LineReader } from "../use/read-line.ts";
import type { Answered, Asked, Inputs } from "./predict-inputs.ts";
import { filesOf } from "./predict-pictures.ts";

/** @throws DataError when a path, a pattern or a folder gives nothing @throws UsageError when nothing is given */
export async function openLines({ words, texts }: Asked, model: AnyModel): Promise<Inputs> {
  if (texts.length > 0) throw new UsageError("--text: this model reads pictures of lines; give their files");
  if (words.length === 0) throw new UsageError("give pictures of lines, folders or patterns to read");
  const files = (await Promise.all(words.map(filesOf))).flat();
  return { total: files.length, files: files.length, tables: 0, notes: [], answers: () => answersTo(files, model) };
}

async function* answersTo(files: readonly string[], model: AnyModel): AsyncIterable<Answered> {
  const reader = await LineReader.open(model);
  try {
    for (const file of files) {
      let pages: number | undefined;
      let answer: unknown;
      try {
        const picture = await platform().decodePicture(file);
        ({ pages } = picture);
        answer = await reader.read(picture);
      } catch (error) {
        // One bad picture is no reason to leave the others unread.
        if (!(error instanceof DuctusError)) throw error;
        answer = error;
      }
      yield { file, place: { picture: file }, pages, answer };
    }
  } finally {
    await reader.close();
  }
}
