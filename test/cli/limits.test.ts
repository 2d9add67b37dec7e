/**
 * Runs that run out of something, for real: room for files, open files, address space, V8's heap. Each ends with one line and
 * status 1 where Node itself still stands, leaves nothing half-written, and goes on to the same bytes afterwards.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { barsCsv } from "./bars-csv.ts";
import { ductus, ensureBuilt, finish, type Result, start } from "./run-cli.ts";

const binary = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const hasLimits = process.platform === "linux";
const HOW = ["--data", "bars.csv", "--model", "mlp", "--batch-size", "16", "--threads", "1", "--epochs", "2"];
let cwd: string;
let calm: string;

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-limits-"));
  await writeFile(join(cwd, "bars.csv"), barsCsv(60));
  const { status, err } = await ductus(cwd, "train", ...HOW, "--out", "calm");
  expect(status, err).toBe(0);
  calm = await digestOf("calm");
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function digestOf(folder: string): Promise<string> {
  const bytes = await readFile(join(cwd, folder, "last.safetensors"));
  return createHash("sha256").update(bytes).digest("hex");
}

/** Runs the command in a shell that has set a limit. */
function limited(limit: string, ...words: readonly string[]): Result {
  const script = `ulimit ${limit}; exec "$0" "$@"`;
  const env = { ...process.env, XDG_CACHE_HOME: join(cwd, "cache"), DUCTUS_OFFLINE: "1" };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath, binary, ...words], {
    cwd,
    env,
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

function expectOneLine({ status, err }: Result, line: RegExp): void {
  expect(status, err).toBe(1);
  expect(err.trim().split("\n").at(-1)).toMatch(line);
  expect(err).not.toMatch(/^ {4}at |node:internal|Node\.js v/m);
}

/** The run in a folder ends as if nothing had happened. */
async function expectToGoOn(folder: string): Promise<void> {
  expect((await readdir(join(cwd, folder))).filter((name) => name.includes("tmp"))).toEqual([]);
  const { status, err } = await ductus(cwd, "train", "--resume", folder);
  expect(status, err).toBe(0);
  expect(await digestOf(folder)).toBe(calm);
}

describe.skipIf(!hasLimits)("a run without room", () => {
  it.each([4, 200, 1500])(
    "for files of %i blocks stops in one line, and goes on later",
    async (blocks) => {
      const out = `files-${blocks}`;
      const run = limited(`-f ${blocks}`, "train", ...HOW, "--out", out);
      expectOneLine(run, /^ductus: cannot write files-\d+.\S+: larger than the file size limit/);
      await expectToGoOn(out);
    },
    60_000,
  );

  it("for packed data leaves nothing of them", async () => {
    const run = limited("-f 4", "train", ...HOW, "--stream", "--out", "packed");
    expectOneLine(run, /^ductus: cannot write .*packed.*: larger than the file size limit/);
    expect(await readdir(join(cwd, "cache/ductus/packed"))).toEqual([]);
  });

  it.each([24, 30, 37])(
    "for more than %i open files stops in one line",
    async (files) => {
      if (limited(`-n ${files}`, "--version").status !== 0) return;
      const run = limited(`-n ${files}`, "train", ...HOW, "--out", `open-${files}`);
      if (run.status !== 0) expectOneLine(run, /^ductus: .*too many files are open/);
      else expect(await digestOf(`open-${files}`)).toBe(calm);
    },
    60_000,
  );

  it("in its address space stops in one line", ({ skip }) => {
    const limit = "-v 2000000";
    if (limited(limit, "--version").status !== 0) skip("Node does not start in so little");
    expectOneLine(limited(limit, "train", ...HOW, "--out", "space"), /^ductus: .*memory/);
  });

  it("in V8's heap dies at once, which V8 lets nobody prevent, and goes on later", async () => {
    const env = { NODE_OPTIONS: "--max-old-space-size=12" };
    const dead = await finish(start(cwd, ["train", ...HOW, "--out", "heap"], env));
    expect(dead.status, dead.err).not.toBe(0);
    // When it dies is up to V8: a run that had not begun is begun again.
    const left = await readdir(join(cwd, "heap")).catch((): string[] => []);
    if (left.includes("args.json")) return expectToGoOn("heap");
    const { status, err } = await ductus(cwd, "train", ...HOW, "--out", "heap");
    expect(status, err).toBe(0);
    expect(await digestOf("heap")).toBe(calm);
  }, 60_000);
});

it("says in one line what fails where nobody waits for it", async () => {
  const fault = 'setTimeout(() => { throw new RangeError("Array buffer allocation failed") }, 700)';
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(fault)}` };
  const run = await finish(start(cwd, ["train", ...HOW, "--epochs", "100000", "--out", "timer"], env));
  expectOneLine(run, /^ductus: not enough memory; try a smaller --batch-size/);
});
