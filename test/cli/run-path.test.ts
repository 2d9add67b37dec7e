/** Folders of runs that begin at the same moment: another process makes each folder just before this one does. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { claimRunFolder } from "../../src/cli/run-path.ts";

/** Last parts of the paths that another process makes first. */
const others = vi.hoisted(() => new Set<string>());

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const mkdirSync = (path: string): void => {
    const name = path.split(/[/\\]/).at(-1);
    if (name !== undefined && others.delete(name)) real.mkdirSync(path);
    real.mkdirSync(path);
  };
  return { ...real, mkdirSync };
});

const home = process.cwd();
let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "ductus-runs-"));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(home);
  others.clear();
  fs.rmSync(folder, { recursive: true, force: true });
});

test.each([
  { first: [], run: join("runs", "digits-net-1") },
  { first: ["runs"], run: join("runs", "digits-net-1") },
  { first: ["digits-net-1"], run: join("runs", "digits-net-2") },
  { first: ["runs", "digits-net-1", "digits-net-2"], run: join("runs", "digits-net-3") },
])("where others have just made $first, a run gets $run", ({ first, run }) => {
  for (const name of first) others.add(name);
  const claim = claimRunFolder(undefined, "digits", "net");
  expect(claim.folder).toBe(run);
  expect(others.size).toBe(0);
  claim.release();
});

test("runs as a file says so in one line", () => {
  fs.writeFileSync("runs", "");
  expect(() => claimRunFolder(undefined, "digits", "net")).toThrow(/runs/);
});
