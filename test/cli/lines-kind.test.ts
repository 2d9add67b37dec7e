/** Pictures with strings as the verbs open them: what is said of wrong ones, who wrote them, and what a model makes of symbols that it does not know. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenedData } from "../../src/cli/kinds/kind.ts";
import { open } from "../../src/cli/kinds/lines.ts";
import { openTerminal } from "../../src/cli/terminal.ts";
import { fingerprintIfKnown } from "../../src/data/fingerprint.ts";
import type { LinePictures } from "../../src/data/line-pictures.ts";
import type { Subset } from "../../src/data/split.ts";
import { encodePng } from "../../src/formats/png.ts";
import type { AnyModel } from "../../src/models/model.ts";
import { createFor } from "../../src/models/networks.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { LineInput } from "../../src/task/line-input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { loadPackaged } from "../../src/use/packaged.ts";

let folder: string;
beforeAll(async () => {
  setPlatform(nodePlatform);
  folder = await mkdtemp(join(tmpdir(), "ductus-lines-"));
  await mkdir(join(folder, "p"));
  for (let i = 0; i < 30; i++) await writeFile(join(folder, "p", `${i}.png`), await bars(40 + i));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Upright strokes. */
function bars(width: number): Promise<Uint8Array> {
  const data = new Uint8Array(24 * width).fill(255);
  for (let y = 4; y < 20; y++) for (let x = 4; x < width - 4; x++) if (x % 9 < 3) data[y * width + x] = 20;
  return encodePng({ width, height: 24, channels: 1, data });
}

async function table(name: string, rows: readonly string[], header = "file,text"): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${[header, ...rows].join("\n")}\n`);
  return path;
}

const opened = (path: string, more: object = {}): Promise<OpenedData> => open(path, { ...more }, openTerminal(true));
const reader = async (alphabet: string): Promise<AnyModel> =>
  (await createFor("reader", new Transcribe(new LineInput(), alphabet), { seed: 1 })) as AnyModel;
const rows = (texts: readonly string[]): string[] => texts.map((text, i) => `p/${i}.png,${text}`);

describe("strings of a table", () => {
  it("lose spaces at their ends, and have a symbol for a letter with its accent", async () => {
    const path = await table("accents.csv", rows([" a ", "e\u0301a", "a a", "a", "e\u0301", "a"]));
    const model = await (await opened(path)).newModel({ name: "reader", options: {}, seed: 0 });
    expect(model.task.names).toEqual([" ", "a", "é"]);
  });

  it("are notes where one cannot be learned, or is written from right to left", async () => {
    const texts = ["a", "b", "a", "b", "a", "b", "a", "b", "a", "b"];
    const test = join(folder, "parts");
    await mkdir(test);
    await writeFile(
      join(test, "train.csv"),
      `file,text\n${rows(texts)
        .map((row) => `../${row}`)
        .join("\n")}\n`,
    );
    await writeFile(join(test, "test.csv"), "file,text\n../p/20.png,a€\n../p/21.png,שלום\n../p/22.png,٣\n");
    const { notes } = await opened(test);
    expect(notes.join("\n")).toMatch(/no string to train on has .*"€" \(U\+20AC\)/);
    expect(notes.join("\n")).toContain('test.csv: line 3: "שלום" is written from right to left');
    expect(notes.join("\n")).not.toContain('"٣" is written');
  });

  it("are taken once where a picture is listed twice, and refused where it says two things", async () => {
    const { counts } = await opened(await table("twice.csv", [...rows(["a", "b", "a", "b", "a"]), "p/0.png,a"]));
    expect(counts.train + counts.test).toBe(5);
    const path = await table("both.csv", [...rows(["a", "b"]), "p/0.png,b"]);
    await expect(opened(path)).rejects.toThrow('both.csv: lines 2 and 4 say that p/0.png shows "a" and "b"');
  });

  it("name the line whose picture is missing or whose string is too long", async () => {
    await expect(opened(await table("gone.csv", ["p/0.png,a", "p/99.png,b"]))).rejects.toThrow(
      /gone\.csv: line 3: .*99\.png/,
    );
    const long = await opened(await table("long.csv", ["p/0.png,a", `p/1.png,${"ab".repeat(60)}`, "p/2.png,a"]));
    const model = await long.newModel({ name: "reader", options: {}, seed: 0 });
    const parts = Promise.all([long.samples("train", model), long.samples("test", model)]);
    await expect(parts).rejects.toThrow(/long\.csv: line 3: "abab.* needs 120 frames, but reader has/);
  });
});

describe("a folder with texts beside pictures", () => {
  it("names a picture without one", async () => {
    const beside = join(folder, "beside");
    await mkdir(beside);
    for (let i = 0; i < 4; i++) {
      await writeFile(join(beside, `${i}.png`), await bars(50));
      if (i !== 2) await writeFile(join(beside, `${i}.txt`), "ab \n");
    }
    await expect(opened(beside)).rejects.toThrow(/2\.png: no text beside it; write a \.txt of the same name/);
    await writeFile(join(beside, "2.txt"), "");
    const { counts } = await opened(beside);
    expect(counts.train + counts.test).toBe(4);
  });
});

describe("writers of a table", () => {
  it("are in one part each, and known where strings are measured", async () => {
    const hands = Array.from({ length: 30 }, (_, i) => `p/${i}.png,${"abc"[i % 3]},hand ${Math.floor(i / 3)}`);
    const data = await opened(await table("hands.csv", hands, "file,text,writer"));
    expect(data.origin).toContain("by writer) put aside");
    const model = await reader("abc");
    const all = await data.samples("train", model);
    const { train, validation } = await data.training(model, { share: 0.3, seed: 0 });
    const [kept, aside] = [train as Subset, validation as Subset];
    expect(kept.length + aside.length).toBe(all.length);
    const writers = (part: Subset): Set<number> =>
      new Set(Array.from({ length: part.length }, (_, i) => part.writer(i)));
    expect([...writers(kept)].filter((writer) => writers(aside).has(writer))).toEqual([]);
    expect(Math.min(...writers(kept))).toBeGreaterThanOrEqual(0);
    expect(await fingerprintIfKnown(kept)).toBe(await fingerprintIfKnown(all));
  });
});

describe("symbols that a model does not know", () => {
  it("are refused by name where it is measured, and learned where it is fine-tuned", async () => {
    const data = await opened(await table("new.csv", rows(["ab", "cb", "a", "b", "c", "ab", "ca", "b", "a", "c"])));
    const base = await reader("ba?");
    await expect(async () => data.judged("all", base)).rejects.toThrow(
      /new\.csv: line \d+: "c." has "c" \(U\+0063\), which reader does not read; fine-tune it/,
    );
    const train = (await data.samples("train", base)) as LinePictures;
    expect(train.alphabet).toEqual(["b", "a", "?", "c"]);
    expect(data.isKnown(base, train)).toBe(false);
    const { model, isNew, head } = data.adapt(base, train, 3);
    expect([isNew, head]).toEqual([true, "3 rows kept, new ones for c"]);
    expect(model.task.names).toEqual(["b", "a", "?", "c"]);
    const [old, made] = [base, model].map(({ network }) => new Map(network.namedParameters()));
    const width = 64;
    // The row for "nothing" and those of the known symbols.
    expect([...(made.get("fc.weight")?.data ?? [])].slice(0, 4 * width)).toEqual([
      ...(old.get("fc.weight")?.data ?? []),
    ]);
    expect(made.get("fc.weight")?.shape).toEqual([5, width]);
    expect([...(made.get("features.0.weight")?.data ?? [])]).toEqual([...(old.get("features.0.weight")?.data ?? [])]);
    const back = data.onOld(base, model);
    expect(back.task.names).toEqual(base.task.names);
  });

  it("get rows in a model that is known by its graph alone, too", async () => {
    const data = await opened(await table("graph.csv", rows(["1x", "x2", "1", "2", "x", "12"])));
    const base = (await loadPackaged("reader")) as AnyModel;
    const train = await data.samples("train", base);
    const { model } = data.adapt(base, train, 3);
    expect(model.task.names).toEqual([...base.task.names, "x"]);
    const { logits } = inferenceGraph(model, 2, { columns: 64 }).outputs;
    expect(logits.shape).toEqual([2, 32, base.task.names.length + 2]);
  });
});
