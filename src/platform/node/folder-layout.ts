/**
 * What a folder of pictures holds, before any is decoded: its parts (train, validation, test), and the class of each
 * picture by the folders that it is in. One pass over the folder, then rules on the names that were found; whatever is not
 * used is said in `notes`.
 */
import { extname, join, sep } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { PROJECT_FILE, type Project, parseProject } from "../../data/formats/project.ts";
import { DataError } from "../../engine/errors.ts";
import { PICTURE_ENDINGS, PICTURE_KINDS } from "../../formats/picture-formats.ts";
import { readFileChecked } from "./atomic.ts";
import { byName, listEntries, realPath } from "./files.ts";

/** Pictures that are there, by class. */
export interface PictureList {
  readonly folder: string;
  readonly classes: readonly string[];
  readonly paths: readonly string[];
  /** Class index of each. */
  readonly labels: Int32Array;
  /** Number of the writer of each, where folders tell writers apart. */
  readonly writers?: Int32Array | undefined;
}

/** The parts that a folder has, in the order in which they are read. */
export interface PictureLists {
  readonly parts: readonly (readonly [SplitName, PictureList])[];
  /** What was left aside or taken for something, a sentence each. */
  readonly notes: readonly string[];
}

/** What folders of parts are called, in any case: by torchvision, Ultralytics, Keras, fastai and Kaggle. */
const PART_NAMES: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation", "dev"],
  test: ["test", "testing"],
};

const SPLITS = Object.keys(PART_NAMES) as SplitName[];

/** What may stand beside the name of a part: `train_images`, `testset`, `mnist-train`. */
const PART_FOLDER = new RegExp(
  `^(?:.*[-_. ])?(${Object.values(PART_NAMES).flat().join("|")})[-_. ]?(?:set|data|dataset|images?|imgs?|pictures|samples|split)?$`,
  "i",
);

/** What systems leave in folders. */
const LITTER = /^(__MACOSX|@eaDir|Thumbs\.db|desktop\.ini)$/i;

interface Tree {
  readonly path: string;
  /** Names of pictures and other files that lie directly in it. */
  readonly pictures: readonly string[];
  readonly others: readonly string[];
  readonly folders: ReadonlyMap<string, Tree>;
}

/** @param above real paths of the folders that this one is in: a link back up is not followed */
async function scan(path: string, above: readonly string[] = []): Promise<Tree> {
  const inside = [...above, await realPath(path)];
  const pictures: string[] = [];
  const others: string[] = [];
  const folders = new Map<string, Tree>();
  for (const { name, isFolder } of await listEntries(path)) {
    if (LITTER.test(name)) continue;
    const inner = join(path, name);
    if (!isFolder) (PICTURE_ENDINGS.includes(extname(name).toLowerCase()) ? pictures : others).push(name);
    else if (!leadsUp(await realPath(inner), inside)) folders.set(name, await scan(inner, inside));
  }
  return { path, pictures, others, folders };
}

const leadsUp = (real: string, inside: readonly string[]): boolean =>
  inside.some((folder) => folder === real || folder.startsWith(real + sep));

const countPictures = ({ pictures, folders }: Tree): number =>
  [...folders.values()].reduce((sum, inner) => sum + countPictures(inner), pictures.length);

/** Whether pictures lie in folders of their own, as classes do. */
const hasClasses = ({ folders }: Tree): boolean => [...folders.values()].some((inner) => countPictures(inner) > 0);

/** The part that a name of a folder or of a file without its ending says; undefined where it says none. */
export function partOf(name: string): SplitName | undefined {
  const word = PART_FOLDER.exec(name)?.[1].toLowerCase();
  return word === undefined ? undefined : SPLITS.find((split) => PART_NAMES[split].includes(word));
}

/**
 * Lists `folder/CLASS/…`, or the same in parts: `folder/train/CLASS/…` with `test` or `val` beside it, under any of their usual
 * names. Below a class, folders may tell writers apart, and the other way round. Classes and files are sorted by
 * name, numbers by value.
 * @throws DataError when there are no classes, or one of train has no pictures, or another part has classes that train has not
 */
export async function listPictureFolder(folder: string): Promise<PictureLists> {
  const notes: string[] = [];
  const unwrapped = unwrap(await scan(folder));
  if (unwrapped.path !== folder) notes.push(`the pictures lie in ${unwrapped.path}`);
  const root = partsFirst(unwrapped, notes);
  const named = [...root.folders].map(([name, tree]) => ({ name, tree, split: partOf(name) }));
  const isParted = named.some(({ tree, split }) => split !== undefined && hasClasses(tree));
  const found = isParted ? partsIn(root, named, notes) : new Map<SplitName, Tree>([["train", root]]);

  const first = found.get("train") ?? [...found.values()][0];
  if (!hasClasses(first)) {
    const { others } = filesBelow(root);
    const there = others.length > 0 ? `; what is there is not ${PICTURE_KINDS} by its name: ${byEnding(others)}` : "";
    throw new DataError(`${root.path}: no folders of pictures; expected ${join(root.path, "CLASS", "*.png")}${there}`);
  }
  const layout = layoutOf(first, notes);
  const trees = [...found.values()];
  const classes = classNames(found.has("train") ? [first] : trees, layout);
  const parts = [...found].map(([split, tree]) => [split, listClasses(split, tree, classes, layout, notes)] as const);
  const project = await projectIn(root);
  const others = [...(isParted ? root.others : []), ...trees.flatMap((tree) => filesBelow(tree).others)].filter(
    (path) => project === undefined || path !== join(root.path, PROJECT_FILE),
  );
  if (others.length > 0) {
    notes.push(`${files(others.length)} left aside, as they are not ${PICTURE_KINDS}: ${byEnding(others)}`);
  }
  return {
    parts: project === undefined ? parts : parts.map(([split, list]) => [split, withNames(list, project)]),
    notes,
  };
}

/** What the studio says of a project that it saved. */
async function projectIn({ path, others }: Tree): Promise<Project | undefined> {
  if (!others.includes(PROJECT_FILE)) return undefined;
  return parseProject(new TextDecoder().decode(await readFileChecked(join(path, PROJECT_FILE))));
}

/** Classes by the names that a project gives its folders. */
function withNames(list: PictureList, { classes }: Project): PictureList {
  const names = new Map(classes.map(({ name, folder }) => [folder, name]));
  const own = list.classes.map((folder) => names.get(folder.normalize("NFC")) ?? folder);
  // Two of one name would be one class in two folders.
  return new Set(own).size === own.length ? { ...list, classes: own } : list;
}

/** A folder whose only content is another folder of folders, as archives leave it. */
function unwrap(tree: Tree): Tree {
  const [[name, inner] = [], second] = [...tree.folders];
  if (inner === undefined || second !== undefined || tree.pictures.length > 0) return tree;
  // An archive may be called like a part, too.
  const isPart = partOf(name as string) !== undefined && ![...inner.folders.keys()].some((each) => partOf(each));
  if (isPart || !hasClasses(inner)) return tree;
  return unwrap(inner);
}

/** `CLASS/train/…`, `CLASS/test/…` as `train/CLASS/…`, `test/CLASS/…`. */
function partsFirst(tree: Tree, notes: string[]): Tree {
  const classes = withPictures(tree);
  const isTurned = classes.every(
    ([, { pictures: direct, folders }]) =>
      direct.length === 0 && [...folders.keys()].every((name) => partOf(name) !== undefined),
  );
  if (classes.length === 0 || !isTurned) return tree;
  const parts = new Map<string, Tree>();
  for (const [name, { folders }] of classes) {
    for (const [part, inner] of folders) {
      const { folders: known = new Map<string, Tree>() } = parts.get(part) ?? {};
      parts.set(part, { ...tree, pictures: [], others: [], folders: new Map([...known, [name, inner]]) });
    }
  }
  notes.push(`the parts (${some([...parts.keys()])}) lie in the folders of the classes`);
  return { ...tree, folders: parts };
}

interface NamedTree {
  readonly name: string;
  readonly tree: Tree;
  readonly split: SplitName | undefined;
}

function partsIn(root: Tree, named: readonly NamedTree[], notes: string[]): Map<SplitName, Tree> {
  const found = new Map<SplitName, NamedTree>();
  const rest: NamedTree[] = [];
  for (const part of named) {
    const { name, tree, split } = part;
    const count = countPictures(tree);
    if (split === undefined) {
      rest.push(part);
    } else if (hasClasses(tree)) {
      const other = found.get(split);
      if (other !== undefined) {
        throw new DataError(`${root.path}: ${other.name} and ${name} are both for ${split}; make them one folder`);
      }
      found.set(split, part);
    } else if (count > 0) {
      notes.push(`${name}/ is left aside: its ${pictures(count)} have no class folders, so no labels`);
    }
  }
  const classes = rest.filter(({ tree }) => countPictures(tree) > 0);
  if (areClassesOf([...found.values()], classes, found.has("train"))) {
    const folders = new Map(classes.map(({ name, tree }) => [name, tree]));
    found.set("train", { name: ".", split: "train", tree: { ...root, pictures: [], others: [], folders } });
    notes.push(
      `the folders of classes beside ${some([...found.values()].map(({ name }) => `${name}/`).slice(0, -1))} are trained on`,
    );
  } else {
    for (const { name } of rest) notes.push(`${name}/ is left aside: it is none of the parts train, val and test`);
  }
  if (root.pictures.length > 0) notes.push(beside(root.pictures.length));
  // In the order of reading, whatever they are called.
  return new Map(
    SPLITS.flatMap((split) => {
      const part = found.get(split);
      return part === undefined ? [] : [[split, part.tree] as const];
    }),
  );
}

/** Whether folders beside a part without one to train on are its classes: `A/`, `B/`, `test/A/`, `test/B/`. */
function areClassesOf(parts: readonly NamedTree[], beside: readonly NamedTree[], hasTrain: boolean): boolean {
  const names = beside.map(({ name }) => name);
  return !hasTrain && parts.every(({ tree }) => withPictures(tree).every(([name]) => names.includes(name)));
}

/** Which level of folders is the class; where the other one tells writers apart, `hasWriters`. */
interface Layout {
  readonly level: "first" | "second";
  readonly hasWriters: boolean;
}

const SYMBOL = /^.{1,2}$/u;
const CLASS_WORD = /^(class|digit|label|letter|char|character|symbol|glyph|number|upper|lower)/i;
const WRITER_WORD = /^(writer|author|user|person|subject|student|participant|hand)/i;
const NUMBERED = /^\p{L}+[-_ ]?\d+$/u;

/** How much the names of one level look like those of classes rather than of writers: 1, 0 or −1. */
function likeness(names: readonly string[]): number {
  const all = (pattern: RegExp): boolean => names.every((name) => pattern.test(name));
  if (all(CLASS_WORD)) return 1;
  const isWriter = all(WRITER_WORD) || all(NUMBERED);
  return (all(SYMBOL) ? 1 : 0) - (isWriter ? 1 : 0);
}

/**
 * torchvision's rule is that the first level is the class, whatever lies below. The second is taken where the same names come
 * again below each of the first, and look more like classes: signs rather than numbered writers, or fewer of them.
 */
function layoutOf(tree: Tree, notes: string[]): Layout {
  const outer = withPictures(tree);
  const isNested = outer.every(([, { pictures: direct }]) => direct.length === 0);
  if (!isNested) return { level: "first", hasWriters: false };
  const inner = outer.map(([, below]) => withPictures(below).map(([name]) => name));
  const names = [...new Set(inner.flat())];
  const repeated = inner.flat().length / names.length;
  const [a, b] = [likeness(outer.map(([name]) => name)), likeness(names)];
  const isFull = repeated === outer.length && outer.length > 1;
  const isSecond = repeated > 1 && (b > a || (a === b && isFull && names.length < outer.length));
  const [classes, writers] = isSecond ? [names, outer.map(([name]) => name)] : [outer.map(([name]) => name), names];
  // Below one class only, folders are anything: shards, sessions.
  const hasWriters = isSecond || repeated > 1;
  const [level, other] = isSecond ? ["second", "first"] : ["first", "second"];
  const rest = hasWriters ? `, and the ${other} for the writer (${some(writers)})` : "";
  notes.push(`folders lie in folders: the ${level} level is taken for the class (${some(classes)})${rest}`);
  return { level: isSecond ? "second" : "first", hasWriters };
}

const withPictures = ({ folders }: Tree): (readonly [string, Tree])[] =>
  [...folders].filter(([, inner]) => countPictures(inner) > 0);

function classNames(trees: readonly Tree[], { level }: Layout): readonly string[] {
  // An empty folder of a class is a mistake worth naming, so it is kept here.
  const names = trees.flatMap(({ folders }) =>
    level === "first" ? [...folders.keys()] : [...folders.values()].flatMap(({ folders: inner }) => [...inner.keys()]),
  );
  return [...new Set(names)].sort(byName);
}

function listClasses(
  split: SplitName,
  tree: Tree,
  classes: readonly string[],
  layout: Layout,
  notes: string[],
): PictureList {
  const own = classNames([tree], layout);
  const unknown = own.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    throw new DataError(`${tree.path}: there is no class ${unknown.join(", ")} in train, which has ${some(classes)}`);
  }
  const paths: string[] = [];
  const labels: number[] = [];
  const writers: number[] = [];
  const writerNames: string[] = [];
  const empty: string[] = [];
  for (const [label, name] of classes.entries()) {
    const before = paths.length;
    for (const [writer, places] of placesOf(tree, name, layout)) {
      if (!writerNames.includes(writer)) writerNames.push(writer);
      for (const path of filesBelow(places).pictures) {
        paths.push(path);
        labels.push(label);
        writers.push(writerNames.indexOf(writer));
      }
    }
    if (paths.length === before) empty.push(name);
  }
  if (split === "train" && empty.length > 0) {
    const place = layout.level === "first" ? join(tree.path, empty[0]) : tree.path;
    throw new DataError(`${place}: class "${empty[0]}" has no pictures (${PICTURE_KINDS})`);
  }
  if (empty.length > 0) notes.push(`the ${split} part has no pictures of ${some(empty)}`);
  const direct = layout.level === "first" ? tree.pictures.length : filesBelow(tree).pictures.length - paths.length;
  if (direct > 0) notes.push(beside(direct));
  const list = { folder: tree.path, classes, paths, labels: Int32Array.from(labels) };
  return layout.hasWriters ? { ...list, writers: Int32Array.from(writers) } : list;
}

/** Where the pictures of a class lie, by writer. */
function placesOf({ folders }: Tree, name: string, { level, hasWriters }: Layout): [writer: string, Tree][] {
  if (level === "second") {
    return [...folders].flatMap(([writer, { folders: inner }]) => {
      const place = inner.get(name);
      return place === undefined ? [] : [[writer, place] satisfies [string, Tree]];
    });
  }
  const place = folders.get(name);
  if (place === undefined) return [];
  return hasWriters ? [["", { ...place, folders: new Map() }], ...place.folders] : [["", place]];
}

/** Paths of all files in a folder and below it. */
function filesBelow({ path, pictures, others, folders }: Tree): { pictures: string[]; others: string[] } {
  const below = [...folders.values()].map(filesBelow);
  const paths = (names: readonly string[]): string[] => names.map((name) => join(path, name));
  return {
    pictures: [...paths(pictures), ...below.flatMap((inner) => inner.pictures)],
    others: [...paths(others), ...below.flatMap((inner) => inner.others)],
  };
}

/** `8 .svg, 3 .txt`, the most frequent first. */
function byEnding(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const ending = extname(name).toLowerCase() || "without an ending";
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return some(sorted.map(([ending, count]) => `${count} ${ending}`));
}

const pictures = (count: number): string => `${count} picture${count === 1 ? "" : "s"}`;
const files = (count: number): string => `${count} file${count === 1 ? " is" : "s are"}`;
const beside = (count: number): string =>
  `${pictures(count)} beside the folders of classes ${count === 1 ? "is" : "are"} left aside: no folder gives a label`;

/** The first names of a list. */
export function some(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
}
