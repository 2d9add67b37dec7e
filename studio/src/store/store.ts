/**
 * What the studio keeps in the browser, in IndexedDB: models, a user's own recognizers with their samples, the job that is
 * running with the last checkpoint to go on from, and pages with what was read on them (pages.ts beside this). A write is there whole
 * or not at all.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Crop, Measured, ModelCard, PageAnswer, PageForm } from "../engine/protocol.ts";

export interface StoredModel {
  readonly id: string;
  readonly name: string;
  readonly kind: "trained" | "made" | "opened";
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly card: ModelCard;
  readonly bytes: Uint8Array;
  readonly measured?: Measured | undefined;
  readonly isCrossValidated?: boolean | undefined;
  /** Of the recognizer of one's own that it was made for. */
  readonly projectId?: string | undefined;
}

export interface StoredSample {
  readonly id: string;
  readonly label: string;
  readonly png: Blob;
}

/** A recognizer of one's own. */
export interface Project {
  readonly id: string;
  readonly name: string;
  readonly classes: readonly string[];
  readonly samples: readonly StoredSample[];
  /** Of what was trained last, and what it was trained on. */
  readonly modelId?: string | undefined;
  readonly trainedOn?: string | undefined;
  readonly changedAt: number;
}

/** The job at hand, as far as it has come. There is one at a time. */
export interface StoredJob {
  readonly id: string;
  /** The page's own account of it; plain data. */
  readonly state: unknown;
}

/** A page that was brought in to be read. */
export interface StoredPage {
  readonly id: string;
  readonly name: string;
  readonly addedAt: number;
  readonly picture: Blob;
  /** The reader and the form that it was read with; undefined while it waits. */
  readonly readWith?: string | undefined;
  readonly answer?: PageAnswer | undefined;
  /** Why it could not be read. */
  readonly error?: string | undefined;
}

/** What a person says that stands at a place of a page: kept when the page is gone, to learn from. */
export interface StoredLine {
  /** Of the page, of the form where it shows one, and of the place on it. */
  readonly id: string;
  /** Name of the page. */
  readonly page: string;
  /** Empty where there is no number. */
  readonly text: string;
  /** As the place was read; undefined where nothing is written. */
  readonly crop?: Crop | undefined;
  readonly madeAt: number;
}

/** The form that pages are read by. */
export interface StoredForm extends PageForm {
  readonly name: string;
}

export interface Schema extends DBSchema {
  models: { key: string; value: StoredModel; indexes: { madeAt: number } };
  projects: { key: string; value: Project; indexes: { changedAt: number } };
  /** Keys: {@link JOB} and {@link CHECKPOINT}, so that a curve can be written without its checkpoint. */
  jobs: { key: string; value: StoredJob | Checkpoint };
  pages: { key: string; value: StoredPage; indexes: { addedAt: number } };
  lines: { key: string; value: StoredLine; indexes: { madeAt: number } };
  /** One at most. */
  forms: { key: string; value: StoredForm };
}

interface Checkpoint {
  readonly jobId: string;
  readonly step: number;
  readonly bytes: Uint8Array;
}

const NAME = "ductus-studio";
const JOB = "job";
const CHECKPOINT = "checkpoint";

/** What every version has more than the one before it; a browser goes through those that it does not have. */
const VERSIONS: readonly ((db: IDBPDatabase<Schema>) => void)[] = [
  (db) => {
    db.createObjectStore("models", { keyPath: "id" }).createIndex("madeAt", "madeAt");
    db.createObjectStore("projects", { keyPath: "id" }).createIndex("changedAt", "changedAt");
    db.createObjectStore("jobs");
  },
  (db) => {
    db.createObjectStore("pages", { keyPath: "id" }).createIndex("addedAt", "addedAt");
    db.createObjectStore("lines", { keyPath: "id" }).createIndex("madeAt", "madeAt");
    db.createObjectStore("forms", { keyPath: "id" });
  },
];

let opened: Promise<IDBPDatabase<Schema>> | undefined;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>(NAME, VERSIONS.length, {
    upgrade: (db, from) => {
      for (const grow of VERSIONS.slice(from)) grow(db);
    },
    // Another tab wants a newer form of it: let go, and open again when asked.
    blocking: (_current, _wanted, event) => {
      (event.target as IDBDatabase).close();
      opened = undefined;
    },
    terminated: () => {
      opened = undefined;
    },
  });
  opened.catch(() => {
    opened = undefined;
  });
  return opened;
}

/** Works on what is kept. What the browser says when it has no room becomes a sentence. */
export async function inWords<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
  try {
    return await work(await database());
  } catch (error) {
    if (error instanceof DOMException && error.name === "QuotaExceededError") {
      throw new Error("the browser has no room left for this site: remove models or samples that you do not need", {
        cause: error,
      });
    }
    if (error instanceof DOMException && ["InvalidStateError", "SecurityError", "UnknownError"].includes(error.name)) {
      throw new Error("the browser lets this page keep nothing (a private window?): work is lost when it is closed", {
        cause: error,
      });
    }
    throw error;
  }
}

/** All models, the newest first. */
export const models = (): Promise<StoredModel[]> =>
  inWords(async (db) => (await db.getAllFromIndex("models", "madeAt")).reverse());

export const saveModel = (model: StoredModel): Promise<void> =>
  inWords(async (db) => {
    await db.put("models", model);
  });

export const removeModel = (id: string): Promise<void> => inWords((db) => db.delete("models", id));

/** All recognizers of one's own, the last changed first. */
export const projects = (): Promise<Project[]> =>
  inWords(async (db) => (await db.getAllFromIndex("projects", "changedAt")).reverse());

export const saveProject = (project: Project): Promise<void> =>
  inWords(async (db) => {
    await db.put("projects", project);
  });

export const removeProject = (id: string): Promise<void> => inWords((db) => db.delete("projects", id));

/** The job that runs, or ran when the page was closed, with what to go on from; undefined where there is none. */
export const job = (): Promise<(StoredJob & { readonly checkpoint?: Uint8Array | undefined }) | undefined> =>
  inWords(async (db) => {
    const { store } = db.transaction("jobs");
    const [stored, checkpoint] = await Promise.all([store.get(JOB), store.get(CHECKPOINT)]);
    if (stored === undefined || !("state" in stored)) return undefined;
    const isOwn = checkpoint !== undefined && "jobId" in checkpoint && checkpoint.jobId === stored.id;
    return { ...stored, checkpoint: isOwn ? checkpoint.bytes : undefined };
  });

/** Writes how far a job has come, without its checkpoint. */
export const saveJob = (stored: StoredJob): Promise<void> =>
  inWords(async (db) => {
    await db.put("jobs", stored, JOB);
  });

/** Replaces the checkpoint of the stored job. */
export const saveCheckpoint = (bytes: Uint8Array, step: number): Promise<void> =>
  inWords(async (db) => {
    const { store, done } = db.transaction("jobs", "readwrite");
    const stored = await store.get(JOB);
    if (stored !== undefined && "state" in stored) await store.put({ jobId: stored.id, step, bytes }, CHECKPOINT);
    await done;
  });

export const clearJob = (): Promise<void> =>
  inWords(async (db) => {
    await db.clear("jobs");
  });
