/**
 * Files that are there whole or not at all. Everything that Ductus writes goes through here: a temporary file in the same
 * folder, all bytes, fsync, rename, fsync of the folder. A full disk or a killed process leaves the old file as it was.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DuctusError } from "../../engine/errors.ts";

type FileAction = "read" | "write";

/** What a system error means to the user; `path` is the file that was to be read or written. */
const REASONS: Readonly<Record<string, (action: FileAction, path: string) => string>> = {
  ENOSPC: (_, path) => `disk full: cannot write ${path}; free some space or choose another folder`,
  EDQUOT: (_, path) => `disk full: cannot write ${path}; your quota is used up`,
  EFBIG: (_, path) => `cannot write ${path}: larger than the file size limit (ulimit -f or the file system's)`,
  EACCES: (action, path) => `cannot ${action} ${path}: permission denied; ${PERMISSION_ADVICE[action]}`,
  EPERM: (action, path) => `cannot ${action} ${path}: permission denied; ${PERMISSION_ADVICE[action]}`,
  EROFS: (_, path) => `cannot write ${path}: permission denied, the file system is read-only; choose another folder`,
  ENOENT: (action, path) => MISSING[action](path),
  ENOTDIR: (action, path) => `cannot ${action} ${path}: a part of its path is a file, not a folder`,
  EISDIR: (action, path) => `cannot ${action} ${path}: it is a folder, not a file`,
  ENAMETOOLONG: (action, path) => `cannot ${action} ${path}: the name is too long`,
  ELOOP: (action, path) => `cannot ${action} ${path}: its symbolic links go in a circle`,
  EMFILE: (action, path) => `cannot ${action} ${path}: too many files are open (ulimit -n)`,
  ENFILE: (action, path) => `cannot ${action} ${path}: too many files are open on this machine`,
  ENOMEM: (action, path) => `cannot ${action} ${path}: not enough memory`,
  ERR_FS_FILE_TOO_LARGE: (action, path) => `cannot ${action} ${path}: it is larger than 2 GB`,
};

const PERMISSION_ADVICE: Readonly<Record<FileAction, string>> = {
  read: "make it readable for your account",
  write: "choose a folder that your account may write to",
};

const MISSING: Readonly<Record<FileAction, (path: string) => string>> = {
  read: (path) => `cannot read ${path}: there is no such file`,
  write: (path) => `cannot write ${path}: the folder ${oneLine(dirname(path))} does not exist; create it first`,
};

/**
 * The one-line error for a failed file operation, whatever Node threw (ENOSPC: "disk full: …", EACCES: "… permission
 * denied …"). A DuctusError passes through. For every place that touches files on a user's behalf.
 */
export function fileError(cause: unknown, action: FileAction, path: string): DuctusError {
  if (cause instanceof DuctusError) return cause;
  const shown = oneLine(path);
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const message = Object.hasOwn(REASONS, code)
    ? REASONS[code](action, shown)
    : `cannot ${action} ${shown}: ${code === "" ? oneLine(String(cause)) : code}`;
  return new DuctusError(message, { cause });
}

/**
 * Writes `data` (bytes, or text as UTF-8) to `path` so that the file is never half there; an existing file is replaced and
 * keeps its permissions, a symbolic link stays one. Throws DuctusError in one line and leaves no temporary file.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  try {
    const { target, temporary, mode } = prepare(path);
    try {
      const handle = await fs.promises.open(temporary, "wx");
      try {
        if (mode !== undefined) await handle.chmod(mode);
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await fs.promises.rename(temporary, target);
    } catch (error) {
      await fs.promises.rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
    syncFolder(dirname(target));
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** As writeFileAtomic, without giving way to other work: for the last checkpoint before the process ends. */
export function writeFileAtomicSync(path: string, data: Uint8Array | string): void {
  try {
    const { target, temporary, mode } = prepare(path);
    try {
      const file = fs.openSync(temporary, "wx");
      try {
        if (mode !== undefined) fs.fchmodSync(file, mode);
        fs.writeFileSync(file, data);
        fs.fsyncSync(file);
      } finally {
        fs.closeSync(file);
      }
      fs.renameSync(temporary, target);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    }
    syncFolder(dirname(target));
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** Adds to the end of a file. Throws DuctusError in one line. */
export async function appendFile(path: string, data: Uint8Array): Promise<void> {
  try {
    await fs.promises.appendFile(path, data);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** Gives a file another name in its folder; a file of that name is replaced. Throws DuctusError in one line. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await fs.promises.rename(from, to);
    syncFolder(dirname(to));
  } catch (error) {
    throw fileError(error, "write", to);
  }
}

/** The bytes of a file. Throws DuctusError in one line where it is missing, a folder or not readable. */
export async function readFileChecked(path: string | URL): Promise<Uint8Array> {
  try {
    return await fs.promises.readFile(path);
  } catch (error) {
    throw fileError(error, "read", typeof path === "string" ? path : fileURLToPath(path));
  }
}

/** As readFileChecked, at once. */
export function readFileCheckedSync(path: string): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    throw fileError(error, "read", path);
  }
}

/** Where the bytes finally go, the temporary name beside it, and the permissions of the file that is replaced. */
function prepare(path: string): { target: string; temporary: string; mode: number | undefined } {
  const existing = fs.statSync(path, { throwIfNoEntry: false });
  if (existing !== undefined && !existing.isFile()) {
    // A rename would replace a device such as /dev/null by a plain file.
    const kind = existing.isDirectory() ? "a folder" : "a device or pipe";
    throw new DuctusError(`cannot write ${oneLine(path)}: it is ${kind}, not a file`);
  }
  if (basename(path) === "" || path.endsWith("/")) {
    throw new DuctusError(`cannot write ${oneLine(path)}: the name of a file is missing`);
  }
  const target = existing === undefined ? path : fs.realpathSync(path);
  const temporary = join(dirname(target), `.ductus-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  return { target, temporary, mode: existing === undefined ? undefined : existing.mode & 0o777 };
}

/** Makes the rename itself last through a power cut, where the platform can: the file is in place by now either way. */
function syncFolder(folder: string): void {
  try {
    const file = fs.openSync(folder, "r");
    try {
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  } catch {
    // Windows cannot open folders, and a folder may be writable but not readable.
  }
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
