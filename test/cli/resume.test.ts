/** `ductus train --resume` after real SIGKILLs: at random moments, and inside the writing of each kind of file. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { ductus, ensureBuilt, finish, type Result, start } from "./run-cli.ts";

let cwd: string;

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-resume-"));
  await writeFile(join(cwd, "bars.csv"), csv(40));
  // One pixel more.
  await writeFile(join(cwd, "other.csv"), csv(40).replace(/^down,\d+/, "down,7"));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** A bright bar in the upper or the lower half of 8×8 pixels. */
function csv(count: number): string {
  const random = new Random(1, "user");
  const rows = Array.from({ length: count }, (_, i) => {
    const pixels = Array.from({ length: 64 }, (_, p) => (p < 32 === i % 2 > 0 ? 120 : 0) + random.integer(100));
    return [i % 2 > 0 ? "up" : "down", ...pixels].join(",");
  });
  return `${rows.join("\n")}\n`;
}

const words = (folder: string, ...more: readonly string[]): string[] => [
  ...["train", "--data", "bars.csv", "--model", "mlp", "--batch-size", "4", "--val", "0.2", "--ema", "0.9"],
  ...["--threads", "1", "--checkpoint-steps", "2", "--out", folder, ...more],
];

const resume = (folder: string, ...more: readonly string[]): string[] => ["train", "--resume", folder, ...more];

/** Everything that a run leaves, but for times; TensorBoard's events are left out, as a run that goes on begins another file. */
async function outcome(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(join(cwd, folder))).filter((name) => !name.startsWith("events."))) {
    const bytes = await readFile(join(cwd, folder, name));
    const lines = bytes.toString().trim().split("\n");
    found[name] = name.endsWith(".safetensors")
      ? createHash("sha256").update(bytes).digest("hex")
      : name === "metrics.jsonl"
        ? lines.map((line) => JSON.stringify({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 })).join("\n")
        : "";
  }
  return found;
}

const wasKilled = ({ status }: Result): boolean => status === null;

describe("a killed run goes on and ends with the same bytes", () => {
  it("at random moments, again and again", async () => {
    const long = ["--epochs", "60"];
    const calm = await ductus(cwd, ...words("calm", ...long));
    expect(calm.status, calm.err).toBe(0);
    const random = new Random(Date.now(), "user");
    const moments: number[] = [];
    let kills = 0;
    for (let attempt = 0; attempt < 10; attempt++) {
      const child = start(cwd, attempt === 0 ? words("killed", ...long) : resume("killed"));
      // Counted from its first sign of training: how long a process takes to start says nothing.
      const moment = random.integer(500);
      moments.push(moment);
      child.stderr?.on("data", (chunk: Buffer) => {
        if (String(chunk).includes("network ")) setTimeout(() => child.kill("SIGKILL"), moment);
      });
      if (wasKilled(await finish(child))) kills++;
      else break;
    }
    expect(kills).toBeGreaterThan(0);
    const end = await ductus(cwd, ...resume("killed"));
    expect(end.status, `${end.err} after kills at ${moments.join(", ")} ms`).toBe(0);
    expect(await outcome("killed"), `killed at ${moments.join(", ")} ms`).toEqual(await outcome("calm"));
  }, 300_000);

  it("inside the writing of any file, and between the files of a checkpoint", async () => {
    const short = ["--epochs", "1", "--steps", "5"];
    const calm = await ductus(cwd, ...words("quiet", ...short));
    expect(calm.status, calm.err).toBe(0);
    const wanted = await outcome("quiet");
    const killer = fileURLToPath(new URL("./kill-at.mjs", import.meta.url));
    // Each file takes three operations: half of it written, before and after its new name. The first checkpoint comes as the
    // third file (operations 7 to 9), the second is preceded by the move of the first.
    const moments = [7, 9, 10, 11, 12, 14, 15, 18, 19];
    const die = async (moment: number): Promise<void> => {
      const folder = `at-${moment}`;
      const env = { NODE_OPTIONS: `--import ${killer}`, DUCTUS_KILL_AT: String(moment) };
      const killed = await finish(start(cwd, words(folder, ...short), env));
      expect(wasKilled(killed), `operation ${moment}: ${killed.err}`).toBe(true);
      const end = await ductus(cwd, ...resume(folder));
      expect(end.status, `operation ${moment}: ${end.err}`).toBe(0);
      expect(await outcome(folder), `killed at operation ${moment}`).toEqual(wanted);
    };
    for (let i = 0; i < moments.length; i += 3) await Promise.all(moments.slice(i, i + 3).map(die));
  }, 300_000);
});

describe("--resume", () => {
  beforeAll(async () => {
    const { status, err } = await ductus(cwd, ...words("run", "--epochs", "2"));
    expect(status, err).toBe(0);
  }, 120_000);

  it("falls back to the checkpoint before a damaged one, and says so", async () => {
    const before = await outcome("run");
    const last = join(cwd, "run/last.safetensors");
    const bytes = await readFile(last);
    await writeFile(last, bytes.subarray(0, 1000));
    const { status, err } = await ductus(cwd, ...resume("run"));
    expect(status, err).toBe(0);
    expect(err).toMatch(/run\/last\.safetensors .*(damaged|cut short)/);
    expect(err).toMatch(/falling back to run\/previous\.safetensors, step \d+/);
    expect((await outcome("run")).last).toEqual(before.last);
    expect(await readFile(last)).toEqual(bytes);
  });

  it.each([
    [["--data", "other.csv"], 1, /data is \w{12} and was \w{12}; make it the same, or start a new run/],
    [["--lr", "0.5", "--epochs", "9"], 2, /epochs is 9 and was 2, .*lr is 0.5 and was 0.001/],
    [["--ema", "0.5"], 2, /ema is 0.5 and was 0.9/],
    [["--out", "elsewhere"], 2, /--resume goes on in the folder of its run; leave --out out/],
  ] as const)("is refused with %j", async (more, expected, message) => {
    const { status, err } = await ductus(cwd, ...resume("run", ...more));
    expect(err.trim().split("\n").at(-1)).toMatch(message);
    expect(status).toBe(expected);
  });

  it("takes other threads, and the very same arguments", async () => {
    const { status, err } = await ductus(cwd, ...resume("run", "--threads", "2", "--lr", "0.001", "--json"));
    expect(status, err).toBe(0);
  });

  it("says what is no run", async () => {
    for (const [folder, message] of [
      ["nowhere", /there is no such folder/],
      [".", /no args\.json, so no run began there/],
    ] as const) {
      const { status, err } = await ductus(cwd, ...resume(folder));
      expect(err).toMatch(message);
      expect(status).toBe(2);
    }
  });
});

it("goes on with the teacher that the run had, and with no other", async () => {
  expect((await ductus(cwd, ...words("teacher", "--epochs", "1"))).status).toBe(0);
  const teacher = ["--teacher", "teacher/best.safetensors", "teacher/last.safetensors", "--teacher-share", "0.5"];
  const first = await ductus(cwd, ...words("taught", "--epochs", "2", ...teacher));
  expect(first.status, first.err).toBe(0);
  expect((await ductus(cwd, ...resume("taught"))).status).toBe(0);
  const other = await ductus(cwd, ...resume("taught", "--teacher-share", "0.6"));
  expect(other.err).toMatch(/teacher is .*, share 0\.6 and was .*, share 0\.5/);
  const alone = await ductus(cwd, ...words("none", "--temperature", "2"));
  expect(alone.err).toBe(
    "ductus: --temperature says how a teacher is learned from; add --teacher FILE, or leave it out\n",
  );
}, 60_000);
