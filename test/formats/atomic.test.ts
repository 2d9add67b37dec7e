import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DuctusError } from "../../src/engine/errors.ts";
import {
  fileError,
  readFileChecked,
  readFileCheckedSync,
  writeFileAtomic,
  writeFileAtomicSync,
} from "../../src/platform/node/atomic.ts";

const WRITERS = {
  async: writeFileAtomic,
  sync: async (...args: Parameters<typeof writeFileAtomic>) => writeFileAtomicSync(...args),
};
const READERS = { async: readFileChecked, sync: async (path: string) => readFileCheckedSync(path) };
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "ductus-atomic-"));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

async function expectRefusal(action: () => Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await action().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DuctusError);
  expect((error as DuctusError).message).toMatch(pattern);
  expect((error as DuctusError).message).not.toMatch(/\p{Cc}/u);
}

/** Runs a system command; false where it does not exist or is not allowed. */
function can(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each(Object.entries(WRITERS))("writing a file whole or not at all (%s)", (_, write) => {
  it("writes bytes and text, replaces, and leaves nothing beside the file", async () => {
    const path = join(folder, "a.bin");
    await write(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFileChecked(path))]).toEqual([1, 2, 3]);
    await write(path, "größer");
    expect(fs.readFileSync(path, "utf8")).toBe("größer");
    const large = new Uint8Array(3_000_000).fill(7);
    await write(path, large);
    expect(fs.statSync(path).size).toBe(large.length);
    expect(fs.readdirSync(folder)).toEqual(["a.bin"]);
  });

  it("keeps the permissions of the file and the symbolic link that it replaces", async () => {
    const path = join(folder, "real");
    fs.writeFileSync(path, "old");
    fs.chmodSync(path, 0o640);
    fs.symlinkSync("real", join(folder, "link"));
    await write(join(folder, "link"), "new");
    expect(fs.lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    expect(fs.readFileSync(path, "utf8")).toBe("new");
    expect(fs.statSync(path).mode & 0o777).toBe(0o640);
  });

  it("gives each of many writers at once a whole file", async () => {
    const path = join(folder, "shared");
    const texts = Array.from({ length: 20 }, (_, i) => String(i % 10).repeat(10_000 + i));
    await Promise.all(texts.map((text) => write(path, text)));
    expect(texts).toContain(fs.readFileSync(path, "utf8"));
    expect(fs.readdirSync(folder)).toEqual(["shared"]);
  });

  it("says in one line why a path cannot be written", async () => {
    fs.writeFileSync(join(folder, "file"), "");
    await expectRefusal(
      () => write(join(folder, "no\n/a"), ""),
      /^cannot write .*no\?\/a: the folder .*no\? does not exist/,
    );
    await expectRefusal(() => write(join(folder, "file", "a"), ""), /a part of its path is a file/);
    await expectRefusal(() => write(folder, ""), /it is a folder, not a file/);
    await expectRefusal(() => write(`${folder}/new/`, ""), /the name of a file is missing/);
    await expectRefusal(() => write(join(folder, "x".repeat(300)), ""), /too long/);
    expect(fs.readdirSync(folder)).toEqual(["file"]);
  });

  it.skipIf(!fs.existsSync("/dev/null"))("does not replace a device", async () => {
    const link = join(folder, "null");
    fs.symlinkSync("/dev/null", link);
    await expectRefusal(() => write(link, "x"), /a device or pipe/);
  });

  it("keeps the old file when the folder is not writable", async (context) => {
    const path = join(folder, "kept");
    fs.writeFileSync(path, "old");
    fs.chmodSync(folder, 0o555);
    // Root may write anywhere, so it steps down for the length of the call.
    if (isRoot) process.seteuid?.(65534);
    try {
      if (process.platform === "win32") context.skip("folders are always writable on Windows");
      await expectRefusal(() => write(path, "new"), /^cannot write .*kept: permission denied; choose a folder/);
    } finally {
      if (isRoot) process.seteuid?.(0);
      fs.chmodSync(folder, 0o755);
    }
    expect(fs.readFileSync(path, "utf8")).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["kept"]);
  });

  it("keeps the old file when the disk is full", async (context) => {
    if (!can("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)) {
      context.skip("no small file system to fill: mounting one is not allowed here");
    }
    try {
      const path = join(folder, "kept");
      await write(path, "old");
      await expectRefusal(
        () => write(path, new Uint8Array(1 << 20)),
        /^disk full: cannot write .*kept; free some space/,
      );
      expect(fs.readFileSync(path, "utf8")).toBe("old");
      expect(fs.readdirSync(folder)).toEqual(["kept"]);
    } finally {
      can("umount", folder);
    }
  });

  it("keeps the old file when it would grow beyond the size limit of the process", async (context) => {
    const pid = String(process.pid);
    const path = join(folder, "kept");
    await write(path, "old");
    // Node ignores SIGXFSZ, so the write past the limit fails half-way with EFBIG, much as on a full disk.
    if (!can("sh", "-c", "test $(ulimit -f) = unlimited")) context.skip("a size limit is set already");
    if (!can("prlimit", "--pid", pid, "--fsize=65536:")) context.skip("prlimit is not there");
    try {
      await expectRefusal(
        () => write(path, new Uint8Array(1 << 20)),
        /^cannot write .*kept: larger than the file size/,
      );
    } finally {
      can("prlimit", "--pid", pid, "--fsize=unlimited:");
    }
    expect(fs.readFileSync(path, "utf8")).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["kept"]);
  });
});

describe.each(Object.entries(READERS))("reading a file (%s)", (_, read) => {
  it("says in one line why it cannot be read", async () => {
    fs.writeFileSync(join(folder, "file"), "");
    await expectRefusal(() => read(join(folder, "none")), /^cannot read .*none: there is no such file/);
    await expectRefusal(() => read(folder), /it is a folder, not a file/);
    await expectRefusal(() => read(join(folder, "file", "a")), /a part of its path is a file/);
  });
});

describe("errors of the file system", () => {
  it("name a full disk, a read-only one, and anything else by its code", () => {
    const failed = (code: string) => fileError(Object.assign(new Error("x\ny"), { code }), "write", "a/b").message;
    expect(failed("ENOSPC")).toMatch(/^disk full: cannot write a\/b/);
    expect(failed("EROFS")).toMatch(/permission denied, the file system is read-only/);
    expect(failed("EIO")).toBe("cannot write a/b: EIO");
    expect(failed("constructor")).toBe("cannot write a/b: constructor");
    const own = new DuctusError("own");
    expect(fileError(own, "read", "a")).toBe(own);
  });
});
