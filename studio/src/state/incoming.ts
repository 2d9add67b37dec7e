/**
 * Pictures that come in by the folder: dropped, chosen, or unpacked from a ZIP. Which class each belongs to, its folder says,
 * and project.json where there is one. What cannot be used is told file by file.
 */
import { reader } from "../engine/client.ts";
import type { ProjectSettings } from "../engine/protocol.ts";
import { texts, whole } from "../i18n/i18n.ts";
import { hasPictureName, pngOf } from "../ui/pictures.ts";
import { messageOf, report, say } from "./notices.ts";
import { addClasses, addSamples, createProject, type Project, projects } from "./projects.ts";
import { go } from "./route.ts";

export interface Incoming {
  /** With slashes: "My reader/A/1.png". */
  readonly path: string;
  readonly file: Blob;
}

/** Of one coming-in; a folder that was dropped by mistake may hold a whole disk. */
const MOST_FILES = 20_000;
const MOST_PICTURES = 10_000;
const DEEPEST = 8;
const ZIP = /\.zip$/i;
const SETTINGS = "project.json";
/** What systems leave in folders and archives. */
const LITTER = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

export const isArchive = ({ name }: { readonly name: string }): boolean => ZIP.test(name);

/** What was dropped, with all that is in its folders. The browser forgets it when the event is over: call this at once. */
export function droppedFiles({ items, files }: DataTransfer): Promise<readonly Incoming[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry != null);
  if (!entries.some(({ isDirectory }) => isDirectory)) return Promise.resolve(chosenFiles([...files]));
  return walk(entries);
}

export const hasFolder = ({ items }: DataTransfer): boolean =>
  [...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory === true);

/** Files of a field, perhaps of a whole folder. */
export const chosenFiles = (files: readonly File[]): readonly Incoming[] =>
  files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function walk(entries: readonly FileSystemEntry[]): Promise<readonly Incoming[]> {
  const found: Incoming[] = [];
  const visit = async (entry: FileSystemEntry, depth: number): Promise<void> => {
    const path = entry.fullPath.replace(/^\//, "");
    if (LITTER.test(path) || depth > DEEPEST) return;
    if (found.length >= MOST_FILES) throw new Error(texts.value.make.incoming.tooMany(whole(MOST_FILES)));
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ path, file });
      return;
    }
    const folder = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // A folder is given out in portions.
      const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => folder.readEntries(resolve, reject));
      if (portion.length === 0) return;
      for (const each of portion) await visit(each, depth + 1);
    }
  };
  for (const entry of entries) await visit(entry, 0);
  return found;
}

/** What is in the archives among the files, in their place. Messages tell what could not be read. */
async function unpacked(files: readonly Incoming[], problems: string[]): Promise<readonly Incoming[]> {
  const all: Incoming[] = [];
  for (const incoming of files) {
    if (!ZIP.test(incoming.path)) {
      all.push(incoming);
      continue;
    }
    try {
      const archive = await reader.unpack(incoming.file, incoming.path);
      problems.push(...archive.refused);
      all.push(...archive.files.map(({ path, content }) => ({ path, file: content })));
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  return all.filter(({ path }) => !LITTER.test(path));
}

/** Pictures by the name of their class. */
type Classes = Map<string, Incoming[]>;

/** The class of a picture is the folder it lies in, whatever lies above. */
function byClass(files: readonly Incoming[], settings: ProjectSettings | undefined, problems: string[]): Classes {
  const t = texts.value.make.incoming;
  const names = new Map(settings?.classes.map(({ name, folder }) => [folder.normalize("NFC"), name]));
  const classes: Classes = new Map(settings?.classes.map(({ name }) => [name, []]));
  let count = 0;
  for (const incoming of [...files].sort((a, b) => inOrder.compare(a.path, b.path))) {
    const { path } = incoming;
    const folder = path.split("/").at(-2)?.normalize("NFC").trim();
    if (isSettings(path)) continue;
    if (!hasPictureName(path)) problems.push(texts.value.open.picture(path));
    else if (folder === undefined || folder === "") problems.push(t.noFolder(path));
    else if (++count > MOST_PICTURES) {
      problems.push(t.tooMany(whole(MOST_PICTURES)));
      break;
    } else {
      const name = names.get(folder) ?? folder;
      classes.set(name, [...(classes.get(name) ?? []), incoming]);
    }
  }
  return classes;
}

const inOrder = new Intl.Collator("en", { numeric: true });
const isSettings = (path: string): boolean => path === SETTINGS || path.endsWith(`/${SETTINGS}`);

async function settingsIn(files: readonly Incoming[], problems: string[]): Promise<ProjectSettings | undefined> {
  const [found] = files.filter(({ path }) => isSettings(path)).sort((a, b) => a.path.length - b.path.length);
  if (found === undefined) return undefined;
  const settings = await reader.parseSettings(await found.file.text());
  if (settings === undefined) problems.push(texts.value.make.incoming.noSettings(found.path));
  return settings;
}

/** Every so many pictures the page says how far it is. */
const NEWS = 25;

/** Pictures as they are kept, each that is none with its message. */
export async function readable(files: readonly Incoming[], problems: string[]): Promise<readonly Blob[]> {
  const pngs: Blob[] = [];
  for (const [i, { path, file }] of files.entries()) {
    if (i > 0 && i % NEWS === 0) say(texts.value.make.incoming.reading(whole(i), whole(files.length)));
    try {
      pngs.push(await pngOf(file, path));
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  return pngs;
}

/** Brings folders and archives into a recognizer, or makes one of them. */
export async function bringIn(files: readonly Incoming[], into: Project | undefined): Promise<void> {
  const t = texts.value.make.incoming;
  const problems: string[] = [];
  const all = await unpacked(files, problems);
  const settings = await settingsIn(all, problems);
  const classes = byClass(all, settings, problems);
  const samples: (readonly [label: string, pngs: readonly Blob[]])[] = [];
  for (const [label, incoming] of classes) samples.push([label, await readable(incoming, problems)]);
  const pictures = samples.reduce((sum, [, pngs]) => sum + pngs.length, 0);
  if (pictures === 0 && settings === undefined) {
    report(t.nothing, problems);
    return;
  }
  // It may have been changed while pictures were read, or removed.
  const project = projects.value.find(({ id }) => id === into?.id) ?? createProject(settings?.name ?? nameOf(files));
  const kept = samples.filter(
    ([label, pngs]) => pngs.length > 0 || settings?.classes.some(({ name }) => name === label),
  );
  addClasses(
    project.id,
    kept.map(([label]) => label),
  );
  for (const [label, pngs] of kept) addSamples(project.id, label, pngs);
  if (into === undefined) await go("make", project.id);
  report(t.done(whole(pictures), whole(kept.length)), problems);
}

/** Of a project without settings: the archive or the folder. */
function nameOf([first]: readonly Incoming[]): string {
  const [top] = first?.path.split("/") ?? [];
  return top?.replace(ZIP, "").trim() || texts.value.make.untitled;
}
