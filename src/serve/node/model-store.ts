/**
 * Models to serve from files and folders. What there is, is looked up anew each time, by names, sizes and times only;
 * nothing is read before serve/repository.ts asks for it, so a folder can be looked at every second.
 */
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { UsageError } from "../../engine/errors.ts";
import { BEST, otherFolder } from "../../formats/folder-kinds.ts";
import { readFileChecked } from "../../platform/node/atomic.ts";
import { listFolder, pathKind } from "../../platform/node/files.ts";
import { isPackaged, type PackagedName, readPackaged } from "../../use/packaged.ts";
import { MODEL_NAME } from "../context.ts";
import type { ModelStore, StoredVersion } from "../repository.ts";

const SUFFIX = ".safetensors";
/** What a file that is named itself may end in: an exported module is served too. */
const SUFFIXES = /\.(safetensors|wasm)$/;
/** Versions are positive whole numbers, as TensorFlow Serving has them. */
const VERSION = /^[1-9]\d{0,14}$/;

/**
 * @param sources `PATH` or `NAME=PATH`: a model file; a folder with numbered versions (`1/…safetensors`, `2/…`); the
 * folder of a run; or a folder of any of these. The name of a model that comes with Ductus (use/packaged.ts) is that one, unless
 * there is a file or folder of that name
 * @throws UsageError when a source is not there, two have one name, or a given name does not fit into an address
 */
export async function openModelStore(sources: readonly string[]): Promise<ModelStore> {
  const roots = sources.map(parseSource);
  for (const { path } of roots) {
    if ((await pathKind(path)) === "nothing" && !isPackaged(path)) {
      throw new UsageError(`${path}: there is no such file or folder`);
    }
  }
  const store: ModelStore = {
    list: async () => {
      const all = new Map<string, readonly StoredVersion[]>();
      for (const { name, path } of roots) {
        for (const [found, versions] of await modelsAt(path, name)) {
          if (all.has(found)) throw new UsageError(`two models are named "${found}"; give one another name: NAME=PATH`);
          all.set(found, versions);
        }
      }
      return all;
    },
  };
  const found = await store.list(); // whatever is wrong with the sources is said before anything is served
  if (found.size > 0) return store;
  const [{ path }] = roots;
  if ((await pathKind(path)) === "file") {
    throw new UsageError(
      `${path}: its name cannot be a model's (letters, digits, ".", "_" and "-" only); give one: NAME=${path}`,
    );
  }
  throw otherFolder(await listFolder(path), path, "model");
}

function parseSource(source: string): { readonly name: string | undefined; readonly path: string } {
  const found = /^([^=/\\]+)=(.+)$/.exec(source);
  if (found === null) return { name: undefined, path: source };
  const [, name, path] = found;
  if (!MODEL_NAME.test(name))
    throw new UsageError(`"${name}" cannot be a model's name: letters, digits, ".", "_" and "-" only`);
  return { name, path };
}

type Found = readonly (readonly [name: string, versions: readonly StoredVersion[]])[];

/** The models at a path; one of them takes `name`. */
async function modelsAt(path: string, name?: string): Promise<Found> {
  const kind = await pathKind(path);
  if (kind === "nothing" && isPackaged(path)) return single(name ?? path, [packagedVersion(path)]);
  if (kind === "file") return single(name ?? nameOf(path), [await fileVersion(path, "1")]);
  const own = await versionsIn(path);
  if (own.length > 0) return single(name ?? nameOf(path), own);
  if (name !== undefined) return [];
  const found: (readonly [string, readonly StoredVersion[]])[] = [];
  for (const entry of await listFolder(path)) {
    const inner = join(path, entry);
    const isFolder = (await pathKind(inner)) === "folder";
    if (isFolder) {
      const versions = await versionsIn(inner);
      if (versions.length > 0) found.push(...single(nameOf(inner), versions));
    } else if (extname(entry) === SUFFIX) found.push(...single(nameOf(inner), [await fileVersion(inner, "1")]));
  }
  return found;
}

function single(name: string, versions: readonly StoredVersion[]): Found {
  return MODEL_NAME.test(name) ? [[name, versions]] : [];
}

/** The name of a file, or of the folder around it where the file is called as in every run. */
function nameOf(path: string): string {
  const full = resolve(path);
  return basename(full) === BEST ? basename(dirname(full)) : basename(full).replace(SUFFIXES, "");
}

/** Numbered folders with a model in them, the newest first; or the one model of a run. */
async function versionsIn(folder: string): Promise<readonly StoredVersion[]> {
  const names = await listFolder(folder);
  if (names.includes(BEST)) return [await fileVersion(join(folder, BEST), "1")];
  const versions: StoredVersion[] = [];
  for (const version of names.filter((name) => VERSION.test(name)).reverse()) {
    const inner = join(folder, version);
    if ((await pathKind(inner)) !== "folder") continue;
    const file = (await listFolder(inner)).find((name) => extname(name) === SUFFIX);
    if (file !== undefined) versions.push(await fileVersion(join(inner, file), version));
  }
  return versions;
}

const packagedVersion = (name: PackagedName): StoredVersion => {
  return { version: "1", stamp: name, file: name, read: () => readPackaged(name) };
};

async function fileVersion(path: string, version: string): Promise<StoredVersion> {
  const stamp = await stat(path).then(
    ({ size, mtimeMs, ino }) => `${path} ${size} ${mtimeMs} ${ino}`,
    () => "gone",
  );
  return { version, stamp, file: path, read: () => readFileChecked(path) };
}
