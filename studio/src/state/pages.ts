/**
 * Pages on the desk: they come in as pictures, are read one after the other, and a person says what stands where the reader was not
 * sure. All of it is kept in the browser's storage at once. Part of the view that reads pages, and fetched with it.
 */
import { computed, signal } from "@preact/signals";
import { pager } from "../engine/client.ts";
import type { PageNumber } from "../engine/protocol.ts";
import { whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import type { StoredForm, StoredLine, StoredPage } from "../store/pages.ts";
import * as store from "../store/pages.ts";
import { readsOf, taskOf } from "../task/kinds.ts";
import { download } from "../ui/download.ts";
import { isPicture } from "../ui/pictures.ts";
import { entries, openFile } from "./models.ts";
import { attempt, fail, messageOf, report, say } from "./notices.ts";

export type { StoredForm, StoredLine, StoredPage };

/** In the order in which they came. */
export const sheets = signal<readonly StoredPage[]>([]);
/** By id: {@link lineId}. */
export const lines = signal<ReadonlyMap<string, StoredLine>>(new Map());
export const form = signal<StoredForm | undefined>(undefined);
/** Whether what this browser has kept is there. */
export const isLoaded = signal(false);

const currentId = signal<string | undefined>(undefined);
/** The page in sight. */
export const current = computed<StoredPage | undefined>(
  () => sheets.value.find(({ id }) => id === currentId.value) ?? sheets.value[0],
);
/** Index of the number in hand on the page in sight. */
export const selected = signal<number | undefined>(undefined);

export function choose(sheet: StoredPage, index?: number): void {
  currentId.value = sheet.id;
  selected.value = index;
}

/** The reader that comes with the page. */
export const PACKAGED = "packaged";
const KEY = "ductus.pageReader";
const chosenReader = signal(localStorage.getItem(KEY) ?? PACKAGED);

/** Models of one's own that read lines. */
export const ownReaders = computed(() =>
  entries.value.filter(({ stored }) => {
    const card = stored?.card;
    return card !== undefined && taskOf(card) === "transcribe" && readsOf(card) === "line";
  }),
);
export const readerId = computed(() => ownReaders.value.find(({ id }) => id === chosenReader.value)?.id ?? PACKAGED);
/** Characters that the open reader knows; undefined before one is open. */
const alphabet = signal<readonly string[] | undefined>(undefined);

export function chooseReader(id: string): void {
  chosenReader.value = id;
  localStorage.setItem(KEY, id);
  readAll();
}

/** What pages are read with: those that were read with something else are read again. */
const setup = computed(() => `${readerId.value} ${form.value?.id ?? ""}`);
const isRead = (sheet: StoredPage): boolean => sheet.readWith === setup.value;

/** The page that is being read, and how many are read; undefined while nothing is. */
export const progress = computed(() => {
  const waiting = sheets.value.find((sheet) => !isRead(sheet));
  if (waiting === undefined) return undefined;
  return { done: sheets.value.filter(isRead).length, total: sheets.value.length, name: waiting.name };
});

let loading: Promise<void> | undefined;

/** Brings back what this browser has kept; once. */
export function loadPages(): Promise<void> {
  loading ??= (async () => {
    try {
      const [pages, kept, keptForm] = await Promise.all([store.pages(), store.lines(), store.form()]);
      form.value = keptForm;
      lines.value = new Map(kept.map((line) => [line.id, line]));
      sheets.value = pages;
    } finally {
      isLoaded.value = true;
    }
    readAll();
  })();
  return loading;
}

function put(sheet: StoredPage): void {
  const isNew = !sheets.value.some(({ id }) => id === sheet.id);
  sheets.value = isNew ? [...sheets.value, sheet] : sheets.value.map((each) => (each.id === sheet.id ? sheet : each));
  store.savePage(sheet).catch(fail);
}

export function remove(sheet: StoredPage): void {
  sheets.value = sheets.value.filter(({ id }) => id !== sheet.id);
  selected.value = undefined;
  store.removePage(sheet.id).catch(fail);
}

/** Brings back a page that was removed. */
export function restore(sheet: StoredPage): void {
  put(sheet);
  sheets.value = [...sheets.value].sort((a, b) => a.addedAt - b.addedAt);
  choose(sheet);
}

/** Reads a page once more, which could not be read. */
export function readAgain(sheet: StoredPage): void {
  put({ ...sheet, readWith: undefined, error: undefined });
  readAll();
}

let isReading = false;
/** The reader that is open in the worker. */
let openReader: string | undefined;

/** Reads what is not read yet. */
function readAll(): void {
  if (isReading) return;
  isReading = true;
  attempt(async () => {
    try {
      for (;;) {
        const next = sheets.value.find((sheet) => !isRead(sheet));
        if (next === undefined) break;
        await readOne(next);
      }
    } finally {
      isReading = false;
    }
  });
}

async function readOne({ id, picture }: StoredPage): Promise<void> {
  const [readWith, reader, shown] = [setup.value, readerId.value, form.value];
  let result: Pick<StoredPage, "answer" | "error">;
  try {
    if (openReader !== reader) {
      openReader = undefined;
      const own = ownReaders.value.find((entry) => entry.id === reader);
      alphabet.value = await pager.openPages(own && (await own.bytes()));
      openReader = reader;
    }
    result = { answer: await pager.readPage(picture, shown), error: undefined };
  } catch (error) {
    result = { answer: undefined, error: messageOf(error) };
  }
  const sheet = sheets.value.find((each) => each.id === id);
  // It may be gone by now, or is to be read with something else.
  if (sheet === undefined || setup.value !== readWith) return;
  put({ ...sheet, ...result, readWith });
}

/** What came in for the desk: pictures are pages, a model is a reader, a form.json with its picture says which fields they have. */
export function takeFiles(files: readonly File[]): void {
  attempt(async () => {
    await loadPages();
    const t = pageTexts.value;
    const problems: string[] = [];
    const blank = await takeForm(files, problems);
    const added: StoredPage[] = [];
    for (const file of files) {
      if (file === blank || FORM_NAME.test(file.name)) continue;
      if (isPicture(file)) added.push(await takePicture(file, added.length));
      else if (MODEL_NAME.test(file.name)) await takeReader(file).catch((error) => problems.push(messageOf(error)));
      else problems.push(t.notPicture(file.name));
    }
    const [first] = added;
    if (first !== undefined) choose(first);
    if (problems.length === 1) fail(problems[0]);
    else if (problems.length > 1) report("", problems);
    readAll();
  });
}

const FORM_NAME = /\.json$/i;
const MODEL_NAME = /\.(safetensors|onnx)$/i;

async function takePicture(file: File, after: number): Promise<StoredPage> {
  // A file of the disk may change or go; its bytes are kept.
  const picture = new Blob([await file.arrayBuffer()], { type: file.type });
  const sheet = { id: crypto.randomUUID(), name: file.name, addedAt: Date.now() + after, picture };
  put(sheet);
  return sheet;
}

async function takeReader(file: File): Promise<void> {
  const { id, name } = await openFile(new Uint8Array(await file.arrayBuffer()), file.name);
  if (!ownReaders.value.some((entry) => entry.id === id)) throw new Error(pageTexts.value.noReader(name));
  chooseReader(id);
}

/** @returns the picture of the blank form */
async function takeForm(files: readonly File[], problems: string[]): Promise<File | undefined> {
  const t = pageTexts.value.form;
  const json = files.find(({ name }) => FORM_NAME.test(name));
  if (json === undefined) return undefined;
  try {
    const { fields, picture } = await pager.parseForm(json, json.name);
    const wanted = picture.split(/[\\/]/).at(-1);
    const blank = files.find(({ name }) => name === wanted);
    if (blank === undefined) throw new Error(t.needs(json.name, picture));
    const bytes = new Blob([await blank.arrayBuffer()], { type: blank.type });
    useForm({ id: crypto.randomUUID(), name: json.name, picture: bytes, fields });
    say(t.opened(json.name));
    return blank;
  } catch (error) {
    problems.push(messageOf(error));
    return undefined;
  }
}

/** @param next undefined: pages show no form */
export function useForm(next: StoredForm | undefined): void {
  form.value = next;
  selected.value = undefined;
  store.saveForm(next).catch(fail);
  readAll();
}

/** Places of a page follow from the form, not from the reader: what a person said of them stays when another one reads. */
const lineId = (sheet: StoredPage, index: number): string =>
  `${sheet.id} ${sheet.readWith?.split(" ")[1] ?? ""} ${index}`;

/** What a person says stands there; undefined where nobody has looked. */
export const lineOf = (sheet: StoredPage, index: number): StoredLine | undefined =>
  lines.value.get(lineId(sheet, index));

export function correct(sheet: StoredPage, index: number, text: string): void {
  const crop = sheet.answer?.numbers[index].crop;
  const id = lineId(sheet, index);
  const line: StoredLine = {
    ...{ id, page: sheet.name, text, crop },
    madeAt: lines.value.get(id)?.madeAt ?? Date.now(),
  };
  lines.value = new Map(lines.value).set(id, line);
  store.saveLine(line).catch(fail);
}

/** Takes back what a person said. */
export function reset(sheet: StoredPage, index: number): void {
  forget([lineId(sheet, index)]);
}

function forget(ids: readonly string[]): void {
  const left = new Map(lines.value);
  for (const id of ids) left.delete(id);
  lines.value = left;
  store.removeLines(ids).catch(fail);
}

/** How a place stands: what the page shows it by. */
export type Standing = "sure" | "unsure" | "refused" | "empty" | "person";

const STANDING: Readonly<Record<NonNullable<PageNumber["refused"]>, Standing>> = {
  unsure: "unsure",
  "does not fit": "refused",
  "no number": "refused",
  "struck out": "refused",
  "nothing there": "empty",
  "not in the picture": "empty",
};

export function standingOf(sheet: StoredPage, index: number): Standing {
  if (lineOf(sheet, index) !== undefined) return "person";
  const refused = sheet.answer?.numbers[index].refused;
  return refused === undefined ? "sure" : STANDING[refused];
}

/** Whether a person should look at a place, and has not. */
export const isOpen = (standing: Standing): boolean => standing === "unsure" || standing === "refused";

/** What stands at a place, as far as is known. */
export const textAt = (sheet: StoredPage, index: number): string =>
  lineOf(sheet, index)?.text ?? sheet.answer?.numbers[index].text ?? "";

/** Places by how they stand. */
export function countsOf(sheet: StoredPage): Readonly<Record<Standing, number>> {
  const counts = { sure: 0, unsure: 0, refused: 0, empty: 0, person: 0 };
  for (const index of sheet.answer?.numbers.keys() ?? []) counts[standingOf(sheet, index)]++;
  return counts;
}

/** A place of a page. */
export interface Spot {
  readonly sheet: string;
  readonly index: number;
}

/** A free line that is less probable than this is a word more often than a number. */
const PROBABLY_WORD = 0.3;

const isProbablyWord = ({ kind, refused, probability }: PageNumber): boolean =>
  kind === "line" && (refused !== "unsure" || probability < PROBABLY_WORD);

/** All places that a person should look at, page after page; last of all what is probably no number but words. */
export const openSpots = computed<readonly Spot[]>(() => {
  const [numbers, words]: [Spot[], Spot[]] = [[], []];
  for (const sheet of sheets.value) {
    for (const [index, number] of sheet.answer?.numbers.entries() ?? []) {
      if (!isOpen(standingOf(sheet, index))) continue;
      (isProbablyWord(number) ? words : numbers).push({ sheet: sheet.id, index });
    }
  }
  return [...numbers, ...words];
});

/** What a reader says of a picture that shows no number. */
const UNREADABLE = "?";

/** Strings that may stand there, what was read first. */
export const choicesOf = ({ text, alternatives }: PageNumber): readonly string[] =>
  [...new Set([text, ...alternatives.map((each) => each.text)])].filter(
    (each) => each !== "" && !each.includes(UNREADABLE),
  );

/** Characters of a text that the reader does not know. */
export function unknownIn(text: string): string {
  const known = alphabet.value;
  if (known === undefined) return "";
  return [...new Set(text)].filter((each) => !known.includes(each)).join("");
}

/** The table of all pages, with what a person said. */
export async function saveTable(): Promise<void> {
  const rows = sheets.value.flatMap((sheet) => {
    const { answer, name } = sheet;
    if (answer === undefined) return [];
    const corrections = new Map(
      [...answer.numbers.keys()].flatMap((index) => {
        const line = lineOf(sheet, index);
        return line === undefined ? [] : [[index, { text: line.text }] as const];
      }),
    );
    // Crops stay here.
    const numbers = answer.numbers.map(({ crop, ...number }) => number);
    return [{ name, numbers, corrections }];
  });
  const csv = await pager.tablePages(rows);
  download("numbers.csv", new Blob([csv], { type: "text/csv" }));
}

/** Lines with a picture, that somebody looked at. */
export const samples = computed(() =>
  [...lines.value.values()].flatMap(({ text, crop }) => (crop === undefined ? [] : [{ text, crop }])),
);

/** Saves what was corrected, to train with. */
export async function saveSamples(): Promise<void> {
  const knows = unknownIn(UNREADABLE) === "";
  const all = samples.value.map(({ text, crop }) => ({ crop, text: text === "" && knows ? UNREADABLE : text }));
  const kept = all.filter(({ text }) => unknownIn(text) === "");
  download("corrections.zip", await pager.packLines(kept));
  say(pageTexts.value.samples.saved(whole(kept.length), whole(all.length - kept.length)));
}

/** Takes back all that was corrected; the deed can be undone. */
export function forgetSamples(undo: string): void {
  const all = [...lines.value.values()];
  forget(all.map(({ id }) => id));
  say(pageTexts.value.samples.removed, {
    label: undo,
    run: () => {
      lines.value = new Map(all.map((line) => [line.id, line]));
      for (const line of all) store.saveLine(line).catch(fail);
    },
  });
}
