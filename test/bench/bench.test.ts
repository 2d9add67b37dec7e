/** The benchmarks' command line, in a child process: every subject loads, explains itself and refuses what it does not know. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const script = resolve(import.meta.dirname, "../../bench/run.mjs");
const bench = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [script, ...words], { encoding: "utf8" });

const subjects = [...bench("--help").stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name);

describe("npm run bench", () => {
  it("lists its subjects", () => {
    expect(subjects).toEqual(expect.arrayContaining(["networks", "profile", "startup", "jobs"]));
  });

  it.each(subjects)("%s explains its options", (subject) => {
    const { status, stdout } = bench(subject, "--help");
    expect(status).toBe(0);
    expect(stdout).toContain(`npm run bench -- ${subject}`);
    expect(stdout).toContain("--json FILE");
  });

  it.each([
    ["profil", [], 'did you mean "profile"?'],
    ["networks", ["--networks", "cnn-3x4"], 'did you mean "cnn-3x3"?'],
    ["threads", ["--rounds", "0"], "--rounds is"],
    ["memory", ["--nothing"], "memory --help"],
  ])("refuses %s %o in one line", (subject, words, message) => {
    const { status, stderr } = bench(subject, ...words);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("counts the work of every group: mlp's two layers, forward and backward", () => {
    const file = join(tmpdir(), `ductus-bench-${process.pid}.json`);
    const options = ["--networks", "mlp", "--seconds", "0.05", "--least", "0", "--json", file];
    const { status, stderr } = bench("profile", ...options);
    expect(status, stderr).toBe(0);
    const { profiles } = JSON.parse(readFileSync(file, "utf8"));
    rmSync(file);
    const groups: { title: string; gflops: number; microseconds: number }[] = profiles[0].groups;
    const flops = groups.reduce((total, { gflops, microseconds }) => total + gflops * microseconds * 1e3, 0);
    // x·Wᵀ and gᵀ·x of both layers, g·W of the second: 2 flops for each weight and picture.
    expect(flops).toBeCloseTo(2 * 64 * (2 * 784 * 128 + 3 * 128 * 10), -3);
  }, 20_000);
});
