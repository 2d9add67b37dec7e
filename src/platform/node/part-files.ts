/**
 * The parts of a data set by the names of its files: `train-images-idx3-ubyte`, `mnist_test.csv`, `emnist-letters-train.csv`.
 * What stands before the part names the set; there is one in a folder, unless it is said which is meant.
 */
import { join } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { DataError } from "../../engine/errors.ts";
import { listEntries } from "./files.ts";

/** What files of parts are called, the usual name first. */
const PART_WORDS: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "val"],
  test: ["t10k", "test", "testing"],
};

const WORDS = Object.values(PART_WORDS).flat();

/** A file of a part of a set. */
interface PartFile {
  readonly set: string;
  readonly split: SplitName;
  /** What the file holds, where a part has several. */
  readonly role: string;
  readonly path: string;
  /** The smaller, the sooner it is taken before others of the same part. */
  readonly rank: number;
}

/** Paths of the files of each part, by what they hold. */
export type PartFiles<Role extends string> = ReadonlyMap<SplitName, Readonly<Partial<Record<Role, string>>>>;

/** How files of a kind end, behind the part; the first group, if any, says what they hold. */
const ENDINGS = {
  idx: /^[-_. ]?(images|labels)([-_.]idx\d([-_.](ubyte|byte|short|int|float|double))?|[-_.]ubyte)(\.idx)?(\.gz)?$/i,
  csv: /^\.(csv|tsv)(\.gz)?$/i,
} as const;

/**
 * The files of one set in a folder, in the order train, validation, test; undefined where there are none. Of several that hold
 * the same, plain ones come before gzip; a folder is no file, but one named like a file may hold it.
 * @param set which one is meant, where there are several
 * @throws DataError when there are several
 */
export async function partFilesIn<Role extends string>(
  folder: string,
  kind: keyof typeof ENDINGS,
  set?: string,
): Promise<PartFiles<Role> | undefined> {
  const files: PartFile[] = [];
  for (const { name, isFolder } of await listEntries(folder)) {
    const file = partFile(name, kind);
    if (file === undefined) continue;
    if (!isFolder) files.push({ ...file, path: join(folder, name) });
    else if ((await listEntries(join(folder, name))).some((inner) => inner.name === name && !inner.isFolder)) {
      files.push({ ...file, path: join(folder, name, name), rank: file.rank + 1000 });
    }
  }
  const sets = [...new Set(files.map((file) => file.set))];
  const chosen = set ?? sets[0];
  if (set === undefined && sets.length > 1) {
    const ways = sets.map((each) => join(folder, each)).join(" or ");
    throw new DataError(`${folder}: files of several data sets (${sets.map(shown).join(", ")}); give ${ways}`);
  }
  const found = new Map<SplitName, Partial<Record<Role, string>>>();
  for (const split of Object.keys(PART_WORDS) as SplitName[]) {
    const own = files.filter((file) => file.set === chosen && file.split === split).sort((a, b) => b.rank - a.rank);
    if (own.length > 0) {
      found.set(split, Object.fromEntries(own.map(({ role, path }) => [role, path])) as Partial<Record<Role, string>>);
    }
  }
  return found.size > 0 ? found : undefined;
}

const shown = (set: string): string => set || "one without a name";

function partFile(name: string, kind: keyof typeof ENDINGS): Omit<PartFile, "path"> | undefined {
  for (const match of name.matchAll(new RegExp(`(?<=^|[-_. ])(${WORDS.join("|")})(?![a-z])`, "gi"))) {
    const word = match[0].toLowerCase();
    const end = ENDINGS[kind].exec(name.slice(match.index + word.length));
    if (end === null) continue;
    const split = (Object.keys(PART_WORDS) as SplitName[]).find((each) => PART_WORDS[each].includes(word)) as SplitName;
    const isPacked = /\.gz$/i.test(name);
    const isDotted = /\.idx/i.test(name);
    const rank = 100 * PART_WORDS[split].indexOf(word) + 10 * (isDotted ? 1 : 0) + (isPacked ? 1 : 0);
    const set = name.slice(0, match.index).replace(/[-_. ]$/, "");
    return { set, split, role: kind === "idx" ? end[1].toLowerCase() : "table", rank };
  }
  return undefined;
}
