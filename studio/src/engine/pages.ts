/**
 * Pages in a worker: what is read on photographs of them, the forms that they show, and the files that this leaves as. Fetched when a
 * page is first read.
 */
import { load, loadPackaged, pages, platform, writeArchive } from "ductus";
import type { Crop, FormDescription, LineSample, PageAnswer, PageForm, PageRows, PrintedBoxes } from "./protocol.ts";

export class PageDesk {
  #reader: pages.PageReader | undefined;
  #form: { readonly id: string; readonly form: pages.Form<pages.FormField> } | undefined;

  async open(model: Uint8Array | undefined): Promise<readonly string[]> {
    const opened = model === undefined ? await loadPackaged("reader") : await load(model);
    const reader = await pages.PageReader.open(opened);
    await this.#reader?.close();
    this.#reader = reader;
    return opened.task.names;
  }

  async read(picture: Blob, form: PageForm | undefined): Promise<PageAnswer> {
    if (this.#reader === undefined) throw new Error("no reader of pages is open");
    const prepared = form && (await this.#prepared(form));
    const pixels = await decoded(picture);
    return prepared === undefined ? this.#reader.read(pixels) : this.#reader.readForm(pixels, prepared);
  }

  async #prepared({ id, picture, fields }: PageForm): Promise<pages.Form<pages.FormField>> {
    if (this.#form?.id !== id) this.#form = { id, form: new pages.Form(await decoded(picture), fields) };
    return this.#form.form;
  }
}

const decoded = async (picture: Blob) => platform().decodePicture(new Uint8Array(await picture.arrayBuffer()));

export const parseForm = async (json: Blob, name: string): Promise<FormDescription> =>
  pages.parseForm(pages.formJson(new Uint8Array(await json.arrayBuffer()), name), name);

export async function findBoxes(picture: Blob): Promise<PrintedBoxes> {
  const pixels = await decoded(picture);
  const { regions } = pages.findNumbers(pixels);
  const boxes = regions
    .filter(({ kind }) => kind !== "line")
    .map(({ quad }) => {
      const [xs, ys] = [quad.map(({ x }) => x), quad.map(({ y }) => y)];
      const [left, top] = [Math.max(0, Math.min(...xs)), Math.max(0, Math.min(...ys))];
      const [right, bottom] = [Math.min(pixels.width, Math.max(...xs)), Math.min(pixels.height, Math.max(...ys))];
      return [left, top, right - left, bottom - top] as const;
    });
  return { width: pixels.width, height: pixels.height, boxes };
}

export const tablePages = (rows: readonly PageRows[]): string => pages.readingsCsv(rows);

/** The folder of the pictures in an archive of lines, and its table. */
const FOLDER = "lines";
const TABLE = "lines.csv";

export async function packLines(lines: readonly LineSample[]): Promise<Blob> {
  const named = lines.map((line, i) => ({ ...line, file: `${FOLDER}/${`${i + 1}`.padStart(4, "0")}.png` }));
  const table = pages.linesCsv(named.map(({ file, text }) => [file, text]));
  const entries = new Map([[TABLE, new TextEncoder().encode(table) as Uint8Array]]);
  for (const { file, crop } of named) entries.set(file, new Uint8Array(await (await pngOf(crop)).arrayBuffer()));
  return new Blob([(await writeArchive(entries)) as Uint8Array<ArrayBuffer>], { type: "application/zip" });
}

function pngOf({ data, width, height }: Crop): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  for (let i = 0; i < data.length; i++) image.data.set([data[i], data[i], data[i], 255], 4 * i);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
