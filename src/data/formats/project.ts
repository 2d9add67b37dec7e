/**
 * The project of a recognizer in the making, as the studio saves it: a folder of pictures for each class, and `project.json`,
 * which says what the folders stand for. Names of classes are any text; folders have names that every system takes.
 */

export const PROJECT_FILE = "project.json";
const FORMAT = "ductus-project";

/** What project.json says. */
export interface Project {
  readonly name?: string | undefined;
  /** In their order. */
  readonly classes: readonly { readonly name: string; readonly folder: string }[];
}

/** Characters of a folder's name. */
const LONGEST_FOLDER = 60;
const LONGEST_NAME = 200;

/** Characters that Windows, macOS or Linux refuse in names, or read as something else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f<>:"/\\|?*%]|^[. ]|[. ]$/g;
/** Devices of Windows, and what systems leave in folders, which readers pass over. */
const TAKEN = /^(con|prn|aux|nul|com\d|lpt\d|__macosx|@eadir|thumbs\.db|desktop\.ini)(\.|$)/i;

const escaped = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");

/** A folder for each class: its name where that will do. No two differ in case alone. */
export function projectFolders(classes: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const folders = new Map<string, string>();
  for (const name of classes) {
    const short = [...name.normalize("NFC")].slice(0, LONGEST_FOLDER).join("");
    const safe = short.replace(UNSAFE, escaped).replace(TAKEN, "%$&") || "%";
    let folder = safe;
    for (let n = 2; taken.has(folder.toLowerCase()); n++) folder = `${safe}~${n}`;
    taken.add(folder.toLowerCase());
    folders.set(name, folder);
  }
  return folders;
}

/** The text of project.json. */
export function formatProject({ name, classes }: Project): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, name, classes }, undefined, 2)}\n`;
}

/** @returns undefined for what is no project.json of Ductus; entries that say nothing are left out */
export function parseProject(json: string): Project | undefined {
  const { format, name, classes } = record(parsed(json));
  if (format !== FORMAT || !Array.isArray(classes)) return undefined;
  return {
    name: isName(name) ? name : undefined,
    classes: classes
      .map(record)
      .flatMap(({ name: own, folder }) => (isName(own) && isName(folder) ? [{ name: own, folder }] : [])),
  };
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.trim() !== "" && value.length <= LONGEST_NAME;

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
