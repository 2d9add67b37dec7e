/** What the studio keeps of pages: the pages on the desk, the form that they show, and lines that a person has looked at. */
import { inWords, type StoredForm, type StoredLine, type StoredPage } from "./store.ts";

export type { StoredForm, StoredLine, StoredPage };

/** All pages, in the order in which they came. */
export const pages = (): Promise<StoredPage[]> => inWords((db) => db.getAllFromIndex("pages", "addedAt"));

export const savePage = (page: StoredPage): Promise<void> =>
  inWords(async (db) => {
    await db.put("pages", page);
  });

export const removePage = (id: string): Promise<void> => inWords((db) => db.delete("pages", id));

/** All lines, those looked at first before the others. */
export const lines = (): Promise<StoredLine[]> => inWords((db) => db.getAllFromIndex("lines", "madeAt"));

export const saveLine = (line: StoredLine): Promise<void> =>
  inWords(async (db) => {
    await db.put("lines", line);
  });

export const removeLines = (ids: readonly string[]): Promise<void> =>
  inWords(async (db) => {
    const { store, done } = db.transaction("lines", "readwrite");
    await Promise.all(ids.map((id) => store.delete(id)));
    await done;
  });

/** The form that pages are read by; undefined where there is none. */
export const form = (): Promise<StoredForm | undefined> => inWords(async (db) => (await db.getAll("forms"))[0]);

/** @param form undefined: none any more */
export const saveForm = (form: StoredForm | undefined): Promise<void> =>
  inWords(async (db) => {
    const { store, done } = db.transaction("forms", "readwrite");
    await store.clear();
    if (form !== undefined) await store.put(form);
    await done;
  });
