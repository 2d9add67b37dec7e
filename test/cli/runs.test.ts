/** Runs as they stand in their folders: locked while they work, marked with how they ended, their times added up. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { lockFolder, lockHolder } from "../../src/platform/node/folder-lock.ts";
import { ductus, ensureBuilt, finish, type Result, start } from "./run-cli.ts";

let cwd: string;

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-runs-"));
  const random = new Random(1, "user");
  const rows = Array.from({ length: 40 }, (_, i) => {
    const pixels = Array.from({ length: 64 }, (_, p) => (p < 32 === i % 2 > 0 ? 120 : 0) + random.integer(100));
    return [i % 2 > 0 ? "up" : "down", ...pixels].join(",");
  });
  await writeFile(join(cwd, "bars.csv"), `${rows.join("\n")}\n`);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const train = (folder: string, ...more: readonly string[]): string[] => [
  ...["train", "--data", "bars.csv", "--model", "mlp", "--batch-size", "4", "--threads", "1", "--out", folder, ...more],
];
const resume = (folder: string, ...more: readonly string[]): string[] => ["train", "--resume", folder, ...more];

/** Sends a signal once so many epochs are told of. */
async function stopped(words: readonly string[], signal: NodeJS.Signals, epochs = 2): Promise<Result> {
  const child = start(cwd, words);
  let seen = 0;
  child.stderr?.on("data", (chunk: Buffer) => {
    seen += String(chunk).split("epoch ").length - 1;
    if (seen >= epochs) child.kill(signal);
  });
  return finish(child);
}

async function statusOf(name: string): Promise<Record<string, unknown>> {
  const { runs } = JSON.parse((await ductus(cwd, "runs", ".", "--json")).out);
  return runs.find(({ run }: { run: string }) => run === name);
}

const json = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(cwd, path), "utf8"));

/** All files of a folder with their bytes and times. */
async function everything(folder: string): Promise<Record<string, unknown>> {
  const names = await readdir(join(cwd, folder));
  const parts = names.map(async (name) => {
    const path = join(cwd, folder, name);
    return [name, (await readFile(path)).toString("base64"), (await stat(path)).mtimeMs];
  });
  return Object.fromEntries((await Promise.all(parts)).map(([name, ...rest]) => [name, rest]));
}

describe("a run", () => {
  it("that is killed is running, then interrupted, then done, and its times add up", async () => {
    const child = start(cwd, train("killed", "--epochs", "40", "--checkpoint-steps", "3"));
    const ended = finish(child);
    let first = 0;
    while (first < 5) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      first = (await readFile(join(cwd, "killed/metrics.jsonl"), "utf8").catch(() => "")).split("\n").length;
    }
    expect(await statusOf("killed")).toMatchObject({ status: "running" });
    const second = await ductus(cwd, ...train("killed"));
    expect(second.err).toMatch(/--out killed: another run is at work there \(process \d+ on .*\); wait for it/);
    expect(second.status).toBe(2);
    const other = await ductus(cwd, ...resume("killed"));
    expect(other.err).toContain("--resume killed: another run is at work there");
    child.kill("SIGKILL");
    await ended;
    expect(await statusOf("killed")).toMatchObject({ status: "interrupted" });
    const table = await ductus(cwd, "runs", ".");
    expect(table.out).toMatch(/^run +status +data/);
    expect(table.out).toMatch(/killed +interrupted +bars/);

    const { times } = (await json("killed/status.json")) as { times: { run: number }[] };
    const before = times.at(-1)?.run as number;
    expect(before).toBeGreaterThan(0);
    const end = await ductus(cwd, ...resume("killed", "--json"));
    expect(end.status, end.err).toBe(0);
    const { seconds, totalSeconds } = JSON.parse(end.out);
    expect(seconds).toBeGreaterThan(before);
    expect(seconds).toBeLessThan(before + totalSeconds);
    expect((await json("killed/results.json")).seconds).toBe(seconds);
    expect(await statusOf("killed")).toMatchObject({ status: "done" });
    expect(await readdir(join(cwd, "killed"))).not.toContain("lock.json");
  }, 120_000);

  it("that is finished stays as it is to the byte, and says so", async () => {
    const made = await ductus(cwd, ...train("finished", "--epochs", "2"));
    expect(made.status, made.err).toBe(0);
    const before = await everything("finished");
    for (const more of [[], ["--json"], ["--threads", "2"], ["--lr", "0.001"]]) {
      const { status, out, err } = await ductus(cwd, ...resume("finished", ...more));
      expect(status, err).toBe(0);
      if (more[0] === "--json") expect(JSON.parse(out)).toMatchObject({ isFinished: true, run: "finished" });
      else expect(out).toMatch(/finished is finished: 2 epochs; test accuracy \d/);
      expect(await everything("finished")).toEqual(before);
    }
    const other = await ductus(cwd, ...resume("finished", "--epochs", "3"));
    expect(other.err).toMatch(/epochs is 3 and was 2/);
    expect(other.status).toBe(2);
    expect(await everything("finished")).toEqual(before);
  }, 120_000);

  it("that is stopped by Ctrl-C is interrupted", async () => {
    const { status } = await stopped(train("stopped", "--epochs", "100000"), "SIGINT");
    expect(status).toBe(130);
    expect(await statusOf("stopped")).toMatchObject({ status: "interrupted" });
    expect(await readdir(join(cwd, "stopped"))).not.toContain("lock.json");
  }, 60_000);

  it.each([
    [["--class-weights", "1,2,3"], 2],
    [["--schedule", "oneCycl"], 2],
    [["--mlflow", "nowhere"], 2],
    [["--batch-size", "0"], 2],
    [["--augment", "[]nothing"], 2],
    [["--init", "bars.csv"], 1],
  ] as const)(
    "that cannot begin for %j leaves no folder",
    async (more, status) => {
      const before = await readdir(cwd);
      const result = await ductus(cwd, ...train("outer/inner", ...more));
      expect(result.status, result.err).toBe(status);
      await ductus(cwd, "train", "--data", "bars.csv", "--model", "mlp", ...more);
      expect(await readdir(cwd)).toEqual(before);
    },
    60_000,
  );

  it("given an empty folder leaves it empty where it cannot begin", async () => {
    await mkdir(join(cwd, "empty"));
    expect((await ductus(cwd, ...train("empty", "--class-weights", "1,2,3"))).status).toBe(2);
    expect(await readdir(join(cwd, "empty"))).toEqual([]);
  });
});

it("a run that diverges says so in a line, and is marked", async () => {
  const { status, err } = await ductus(cwd, ...train("diverged", "--optimizer", "sgd", "--lr", "1e8"));
  expect(status).toBe(1);
  expect(err.trim().split("\n").at(-1)).toMatch(
    /^ductus: the (loss (rose to \S+, from \S+ at the beginning,|became \S+)|weights ceased .*) at step \d+ .*\(--lr\) or --clip-norm/,
  );
  expect(await statusOf("diverged")).toMatchObject({
    status: "diverged",
    reason: expect.stringMatching(/loss|weights/),
  });
}, 60_000);

describe("messages name options as they are typed", () => {
  it.each([
    [["--class-weights", "1,2,3"], /^ductus: --class-weights has 3 weights for 2 classes$/],
    [["--sampling", "1"], /^ductus: --sampling has 1 weights for 2 classes$/],
    [["--label-smoothing", "2"], /^ductus: --label-smoothing must be a number/],
    [["--minutes", "1e-9"], /^ductus: --minutes: not one step fits into 1e-9; give more$/],
    [["--teacher-share", "0.5"], /^ductus: --teacher-share says how a teacher is learned from/],
  ] as const)("%j", async (more, message) => {
    const { err, status } = await ductus(cwd, ...train("never", ...more));
    expect(err.trim().split("\n").at(-1)).toMatch(message);
    expect(status).toBe(2);
  });

  it("of lr-find and of a resume", async () => {
    const rates = await ductus(cwd, "lr-find", "--data", "bars.csv", "--model", "mlp", "--from", "1", "--to", "0.1");
    expect(rates.err).toContain("the rates go from 1 to 0.1; expected --from above 0 and --to above --from");
    expect((await ductus(cwd, ...train("named", "--epochs", "1"))).status).toBe(0);
    const other = await ductus(cwd, ...resume("named", "--batch-size", "5", "--plain-epochs", "1", "--val", "0.3"));
    expect(other.err).toMatch(/--val is 0.3 and was 0.1/);
    expect(other.err).toMatch(/--batch-size is 5 and was 4/);
    expect(other.err).toMatch(/--plain-epochs is 1 and was 0/);
  }, 60_000);
});

describe("a lock", () => {
  const fresh = async (name: string): Promise<string> => {
    const folder = join(cwd, name);
    await mkdir(folder);
    return folder;
  };
  /** A lock as another holder would have left it. */
  async function left(folder: string, changes: object, secondsAgo = 0): Promise<void> {
    const own = lockFolder(folder);
    const path = join(folder, "lock.json");
    const holder = JSON.parse(await readFile(path, "utf8"));
    if ("release" in own) own.release();
    await writeFile(path, JSON.stringify({ ...holder, ...changes }));
    const then = Date.now() / 1000 - secondsAgo;
    await utimes(path, then, then);
  }
  const dead = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

  it("is held by one, and free again when released", async () => {
    const folder = await fresh("held");
    const lock = lockFolder(folder);
    expect(lockFolder(folder)).toMatchObject({ pid: process.pid, host: hostname() });
    expect(lockHolder(folder)?.pid).toBe(process.pid);
    if ("release" in lock) lock.release();
    expect(lockHolder(folder)).toBeUndefined();
  });

  it("of a process that is gone is taken over", async () => {
    const folder = await fresh("gone");
    await left(folder, { pid: dead() });
    expect(lockHolder(folder)).toBeUndefined();
    const lock = lockFolder(folder);
    expect(lock).toHaveProperty("release");
    expect(await readdir(folder)).toEqual(["lock.json"]);
    if ("release" in lock) lock.release();
  });

  it.runIf(process.platform === "linux")("whose number another process has by now is taken over", async () => {
    const folder = await fresh("reused");
    await left(folder, { born: "1" });
    expect(lockHolder(folder)).toBeUndefined();
    await left(folder, {});
    expect(lockHolder(folder)?.pid).toBe(process.pid);
  });

  it("from another machine holds as long as it gives signs of life", async () => {
    const folder = await fresh("elsewhere");
    await left(folder, { machine: "another", host: "another", pid: dead() });
    expect(lockHolder(folder)?.host).toBe("another");
    expect(lockFolder(folder)).toMatchObject({ host: "another" });
    await left(folder, { machine: "another", host: "another" }, 600);
    expect(lockHolder(folder)).toBeUndefined();
  });

  it("that is damaged is one whose holder nobody knows, until it is old", async () => {
    const folder = await fresh("damaged");
    await left(folder, {});
    await writeFile(join(folder, "lock.json"), "{");
    expect(lockFolder(folder)).toMatchObject({ pid: 0 });
    const then = Date.now() / 1000 - 600;
    await utimes(join(folder, "lock.json"), then, then);
    expect(lockHolder(folder)).toBeUndefined();
  });
});

it("a folder that is not there is not taken for one without runs", async () => {
  const none = await ductus(cwd, "runs", "experimnets", "--json");
  expect([none.status, JSON.parse(none.out).error]).toEqual([2, "experimnets: there is no such folder"]);
});
