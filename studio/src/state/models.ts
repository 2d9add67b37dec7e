/** The models that the page can read with: those that come with it, and those that were trained, made or opened here. */
import { computed, signal } from "@preact/signals";
import { BASES } from "../engine/bases.ts";
import { reader } from "../engine/client.ts";
import type { ModelCard } from "../engine/protocol.ts";
import { texts } from "../i18n/i18n.ts";
import { removeModel, type StoredModel, saveModel, models as storedModels } from "../store/store.ts";
import { fail, messageOf } from "./notices.ts";

export const GROUPS = ["base", "trained", "made", "opened"] as const;
export type Group = (typeof GROUPS)[number];

export interface ModelEntry {
  readonly id: string;
  readonly name: string;
  readonly group: Group;
  /** Undefined for a model that comes with the page. */
  readonly stored?: StoredModel | undefined;
  bytes(): Promise<Uint8Array>;
}

const KEY = "ductus.model";

const bases: readonly ModelEntry[] = BASES.map(({ id, url }) => ({
  id,
  get name() {
    return texts.value.draw.base;
  },
  group: "base" as const,
  bytes: async () => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  },
}));

const stored = signal<readonly StoredModel[]>([]);
const chosenId = signal(localStorage.getItem(KEY) ?? bases[0].id);
/** Whether the models of this browser have been looked up. */
const isComplete = signal(false);

export const entries = computed<readonly ModelEntry[]>(() => [
  ...bases,
  ...stored.value.map((model) => ({
    id: model.id,
    name: model.name,
    group: model.kind,
    stored: model,
    bytes: async () => model.bytes,
  })),
]);

/** The model of Draw; undefined until it is known. */
export const chosen = computed<ModelEntry | undefined>(
  () => entries.value.find(({ id }) => id === chosenId.value) ?? (isComplete.value ? entries.value[0] : undefined),
);

/** What recognizers of one's own start from. */
export const baseBytes = (): Promise<Uint8Array> => bases[0].bytes();

export const findEntry = (id: string): ModelEntry | undefined => entries.value.find((entry) => entry.id === id);

export function choose(id: string): void {
  chosenId.value = id;
  localStorage.setItem(KEY, id);
}

export async function loadModels(): Promise<void> {
  try {
    stored.value = await storedModels();
  } finally {
    isComplete.value = true;
  }
}

/** Keeps a model, here and in the browser's storage; without storage it is there until the page is closed. */
export async function keep(model: StoredModel): Promise<void> {
  stored.value = [model, ...stored.value.filter(({ id }) => id !== model.id)];
  await saveModel(model).catch(fail);
}

export async function forget(id: string): Promise<void> {
  stored.value = stored.value.filter((model) => model.id !== id);
  await removeModel(id).catch(fail);
}

/** Opens a file as a model, keeps it and makes it the chosen one. @throws Error of one line when it is no model */
export async function openFile(bytes: Uint8Array, fileName: string): Promise<ModelEntry> {
  const opened = await inReader(async () => {
    current = undefined;
    return reader.open(bytes, fileName);
  }).catch((error) => {
    const message = messageOf(error);
    throw new Error(message.startsWith(fileName) ? message : `${fileName}: ${message}`, { cause: error });
  });
  const id = crypto.randomUUID();
  await keep({
    id,
    name: fileName.replace(/\.[^.]+$/, ""),
    kind: "opened",
    madeAt: Date.now(),
    card: opened.card,
    bytes: opened.bytes,
  });
  choose(id);
  const entry = findEntry(id);
  if (entry === undefined) throw new Error(texts.value.open.unknown(fileName));
  return entry;
}

/** What is open in the reader. */
let current: { readonly id: string; readonly card: ModelCard } | undefined;
let turn: Promise<unknown> = Promise.resolve();

/** One after the other: what a reading sees is the model that it asked for. */
function inReader<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work);
  turn = result.catch(() => undefined);
  return result;
}

/** Runs `work` while this model is open in the reader. */
export function withModel<T>(entry: ModelEntry, work: (card: ModelCard) => Promise<T>): Promise<T> {
  return inReader(async () => {
    if (current?.id !== entry.id) {
      current = undefined;
      const { card } = await reader.open(await entry.bytes(), entry.name);
      current = { id: entry.id, card };
    }
    return work(current.card);
  });
}
