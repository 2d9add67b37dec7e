/** What reaches a terminal: control characters of anybody's files written out, and lines of progress that fit. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fitLine } from "../../src/cli/progress.ts";
import { paint, pictureRow, shellWord, shown, shownJson } from "../../src/cli/shown.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

const CONTROL = /[^\P{Cc}\n\t]/u;

it("paths in commands to type are quoted where a shell would take them apart", () => {
  for (const path of ["runs/mnist-1/best.safetensors", "数/é_1.safetensors"]) expect(shellWord(path)).toBe(path);
  expect(shellWord("my run/it's $1", "linux")).toBe(`'my run/it'\\''s $1'`);
  expect(shellWord("C:\\my run\\a", "win32")).toBe('"C:\\my run\\a"');
  expect(shellWord("C:\\runs\\a", "win32")).toBe("C:\\runs\\a");
});

describe("shown", () => {
  it("writes out what would control the terminal, and keeps text of any script", () => {
    expect(shown("a\u001b[31mb\u009b2J\u0007\r\u007f")).toBe("a\\x1b[31mb\\x9b2J\\x07\\x0d\\x7f");
    expect(shown("\u202egnp.exe\u2066")).toBe("\\u202egnp.exe\\u2066");
    expect(shown("అ ب 漢字\n\té👩‍👩‍👧")).toBe("అ ب 漢字\n\té👩‍👩‍👧");
  });

  it("makes colors of our own marks, whatever stands inside or looks like one", () => {
    expect(shown(paint("1")("x\u001b[2J"))).toBe("\u001b[1mx\\x1b[2J\u001b[0m");
    expect(shown("\ufdd02J \ufdd031m")).toBe("\\ufdd02J \u001b[31m");
    expect(shown(pictureRow("\u001b[38;5;232m\u001b[48;5;255m▀\u001b[0m\u001b[2J"))).toBe(
      "\u001b[38;5;232m\u001b[48;5;255m▀\u001b[0m\\x1b[2J",
    );
  });

  it("lets no control through, and leaves JSON its values", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(fc.property(text, (value) => !CONTROL.test(shown(value.replaceAll("\ufdd0", "")))));
    fc.assert(fc.property(text, (value) => JSON.parse(shownJson(JSON.stringify({ value }))).value === value));
    fc.assert(fc.property(text, (value) => !CONTROL.test(shownJson(JSON.stringify({ value })))));
  });
});

describe("a line of progress", () => {
  const line = {
    epoch: "epoch 12/20",
    step: "step 1203/3750",
    speed: "112,345 images/s",
    loss: "loss 0.01234",
    left: "12 min 05 s left",
  };

  it("keeps the time left and all its words at 80 columns, and never exceeds the window", () => {
    expect(fitLine(line, 0.5, 79)).toBe(Object.values(line).join("  "));
    expect(fitLine(line, 0.5, 120)).toMatch(/^━{10}╌{10} {2}epoch/);
    for (let columns = 16; columns < 130; columns++) {
      const text = fitLine(line, 0.3, columns);
      expect(text).toContain(line.left);
      expect(text.length).toBeLessThanOrEqual(columns);
    }
  });
});

describe("the command line shows control characters of files as text", () => {
  let cwd: string;
  beforeAll(async () => {
    ensureBuilt();
    cwd = await mkdtemp(join(tmpdir(), "ductus-terminal-"));
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  const rows = (names: readonly string[]): string =>
    Array.from({ length: 40 }, (_, i) => {
      const pixels = Array.from(
        { length: 784 },
        (_, p) => ((p % 28) - 8 - 6 * (i % 2) < (i >> 1) % 4 ? 9 * i : 0) % 256,
      );
      return `"${names[i % 2]}",${pixels.join(",")}`;
    }).join("\n");

  it("class names of a CSV file, in a table and in an error", async () => {
    await writeFile(join(cwd, "named.csv"), rows(["\u001b[31mred", "b\u009b2J"]));
    const table = await ductus(cwd, "data", "inspect", "named.csv");
    expect(table.out + table.err).not.toMatch(CONTROL);
    expect(table.out + table.err).toContain("\\x1b[31mred");
    await writeFile(join(cwd, "field.csv"), `${rows(["a", "b"])},\u001b]0;OWNED\u0007`);
    const error = await ductus(cwd, "data", "inspect", "field.csv", "--json");
    expect(error.status).toBe(1);
    expect(error.out + error.err).not.toMatch(CONTROL);
  });

  it("what a run's records say", async () => {
    await mkdir(join(cwd, "runs/r"), { recursive: true });
    await writeFile(join(cwd, "runs/r/args.json"), '{"model":"\\u001b[2Jm","data":"d"}');
    const { out, err, status } = await ductus(cwd, "runs");
    expect(status, err).toBe(0);
    expect(out).toContain("\\x1b[2Jm");
    expect(out + err).not.toMatch(CONTROL);
  });
});
