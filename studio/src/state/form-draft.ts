/**
 * A form in the making: the picture of a blank one, and fields that are drawn on it, named, and told what may stand in them. It leaves as
 * `form.json`, or is used at once. Part of the view that reads pages.
 */
import { signal } from "@preact/signals";
import { pager } from "../engine/client.ts";
import type { PageForm, PrintedBoxes } from "../engine/protocol.ts";
import { pageTexts } from "../i18n/pages.ts";
import { download } from "../ui/download.ts";
import type { Box } from "../ui/quads.ts";
import { say } from "./notices.ts";
import { type StoredForm, useForm } from "./pages.ts";
import { go } from "./route.ts";

/** A field as it is typed. */
export interface DraftField {
  readonly id: string;
  readonly name: string;
  readonly box: Box;
  /** A number, or two with a dash between; empty: any. */
  readonly length: string;
  readonly pattern: string;
  /** Empty: none. */
  readonly checksum: string;
  /** A list of all that may stand there, of a form that was brought in. */
  readonly values?: readonly string[] | undefined;
}

export interface FormDraft {
  /** File name of the picture. */
  readonly name: string;
  readonly picture: Blob;
  readonly width: number;
  readonly height: number;
  /** Boxes that are printed on it and are no field yet. */
  readonly found: readonly Box[];
  readonly fields: readonly DraftField[];
}

/** Checks of a number's last digits; the names are those of `form.json`. */
export const CHECKSUMS = ["luhn", "ean", "iban", "mod97-10", "mod11-10", "mod11-2"] as const;

export const draft = signal<FormDraft | undefined>(undefined);

/** Begins a form with the picture of a blank one. @throws Error of one line where it is no picture */
export async function beginForm(file: File): Promise<void> {
  const picture = new Blob([await file.arrayBuffer()], { type: file.type });
  await show(file.name, picture, []);
}

/** Goes on with the form that pages are read by. */
export const draftOf = ({ name, picture, fields }: StoredForm): Promise<void> =>
  show(/\.json$/i.test(name) ? "blank.png" : name, picture, fields.map(typedOf));

async function show(name: string, picture: Blob, fields: readonly DraftField[]): Promise<void> {
  const { width, height, boxes } = await pager.findBoxes(picture);
  const found = boxes.map(boxAt).filter((box) => !fields.some((field) => isSame(field.box, box)));
  draft.value = { name, picture, width, height, found, fields };
  await go("pages", "form");
}

const boxAt = ([left, top, width, height]: PrintedBoxes["boxes"][number]): Box => ({ left, top, width, height });

/** Whether the middle of one box lies in the other. */
const isSame = (field: Box, { left, top, width, height }: Box): boolean => {
  const [x, y] = [left + width / 2, top + height / 2];
  return x > field.left && x < field.left + field.width && y > field.top && y < field.top + field.height;
};

function typedOf({ name, box, rules = {} }: PageForm["fields"][number]): DraftField {
  const { length, pattern = "", checksum = "", values } = rules;
  const [left, top, width, height] = box;
  return {
    ...{ id: crypto.randomUUID(), name, box: { left, top, width, height }, pattern, checksum, values },
    length: length === undefined ? "" : [length].flat().join("-"),
  };
}

const change = (by: (form: FormDraft) => Partial<FormDraft>): void => {
  if (draft.value !== undefined) draft.value = { ...draft.value, ...by(draft.value) };
};

/** @returns its id */
export function addField(box: Box): string {
  const id = crypto.randomUUID();
  change(({ fields, found }) => {
    const names = new Set(fields.map(({ name }) => name));
    let n = fields.length + 1;
    while (names.has(pageTexts.value.maker.field(`${n}`))) n++;
    const name = pageTexts.value.maker.field(`${n}`);
    return {
      fields: [...fields, { id, name, box: rounded(box), length: "", pattern: "", checksum: "" }],
      found: found.filter((each) => each !== box),
    };
  });
  return id;
}

/** All boxes that were found become fields. */
export function addAllFound(): void {
  for (const box of draft.value?.found ?? []) addField(box);
}

export const changeField = (id: string, to: Partial<DraftField>): void =>
  change(({ fields }) => ({ fields: fields.map((each) => (each.id === id ? { ...each, ...to } : each)) }));

export const removeField = (id: string): void =>
  change(({ fields }) => ({ fields: fields.filter((each) => each.id !== id) }));

const rounded = ({ left, top, width, height }: Box): Box => ({
  left: Math.round(left),
  top: Math.round(top),
  width: Math.max(1, Math.round(width)),
  height: Math.max(1, Math.round(height)),
});

/** What `form.json` says of a length: a number, or the least and the most. What is neither is left for the check to refuse. */
function lengthOf(typed: string): unknown {
  const parts = typed.split(/[-–]/).map((part) => (part.trim() === "" ? part : Number(part)));
  return parts.length === 1 ? parts[0] : parts;
}

const jsonOf = ({ name: picture, fields }: FormDraft): string =>
  `${JSON.stringify(
    {
      picture,
      fields: fields.map(({ name, box: { left, top, width, height }, length, pattern, checksum, values }) => ({
        ...{ name, box: [left, top, width, height] },
        ...(length.trim() !== "" && { length: lengthOf(length) }),
        ...(pattern !== "" && { pattern }),
        ...(checksum !== "" && { checksum }),
        ...(values !== undefined && { values }),
      })),
    },
    undefined,
    2,
  )}\n`;

const FILE = "form.json";

/** Saves the form, and its picture beside it. @throws Error of one line for a field that is not right */
export async function saveForm(form: FormDraft): Promise<void> {
  const json = new Blob([jsonOf(form)], { type: "application/json" });
  await pager.parseForm(json, FILE);
  download(FILE, json);
  download(form.name, form.picture);
  say(pageTexts.value.maker.saved(FILE, form.name));
}

/** Reads the pages on the desk by the form. @throws Error of one line for a field that is not right */
export async function useDraft(form: FormDraft): Promise<void> {
  const { fields } = await pager.parseForm(new Blob([jsonOf(form)]), FILE);
  useForm({ id: crypto.randomUUID(), name: form.name, picture: form.picture, fields });
  await go("pages");
}
