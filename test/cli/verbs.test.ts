/** `train`, `evaluate` and `finetune` on texts, on texts with classes and on pictures with strings, as real child processes. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { encodePng } from "../../src/formats/png.ts";
import { ductus, ensureBuilt, finish, start } from "./run-cli.ts";

let cwd: string;

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-verbs-"));
  await writeFile(join(cwd, "poem.txt"), poem(260, 1));
  await writeFile(join(cwd, "other.txt"), poem(60, 2));
  await writeFile(join(cwd, "reviews.csv"), reviews(80));
  await writeLines();
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

const pick = <T>(random: Random, list: readonly T[]): T => list[random.integer(list.length)];

/** Lines of a few words each. */
function poem(lines: number, seed: number): string {
  const random = new Random(seed, "user");
  const words = ["moon", "sun", "rain", "tree", "stone", "road"];
  const line = (): string => `the ${pick(random, words)} is a ${pick(random, words)}\n`;
  return Array.from({ length: lines }, line).join("");
}

/** What was said of films, with commas, quotes and a line break. */
function reviews(count: number): string {
  const random = new Random(3, "user");
  const words = { good: ["lovely", "great", "fine"], bad: ["dull", "awful", "weak"] };
  const names = Array.from({ length: 40 }, (_, i) => `name${i}`);
  const rows = Array.from({ length: count }, (_, i) => {
    const label = i % 2 === 0 ? "good" : "bad";
    return `"a ${pick(random, words[label])} film, said ""${pick(random, names)} ${pick(random, names)}"",\nyes",${label}`;
  });
  return `Review,Label\n${rows.join("\n")}\n`;
}

/** Strings over three symbols, drawn as bars, in pictures of different width: as a table, and as files beside each other. */
async function writeLines(): Promise<void> {
  const random = new Random(4, "user");
  await Promise.all(["lines", "beside", "listed"].map((name) => mkdir(join(cwd, name))));
  const rows: string[] = ["file,text"];
  const listed: string[] = ["file,text"];
  for (let i = 0; i < 160; i++) {
    const text = Array.from({ length: 1 + random.integer(3) }, () => pick(random, ["a", "β", "c"])).join("");
    const width = 12 + 14 * text.length + random.integer(6);
    const data = new Uint8Array(16 * width).fill(240);
    const left = 3 + random.integer(4);
    for (const [k, symbol] of [...text].entries()) {
      for (let y = 2; y < 14; y++) {
        for (let x = 0; x < 7; x++) {
          const isEdge = { a: true, β: x < 2 || x > 4 || y < 4 || y > 11, c: x < 2 || y > 11 }[symbol] ?? false;
          if (isEdge) data[y * width + left + 13 * k + x] = random.integer(110);
        }
      }
    }
    const bytes = await encodePng({ height: 16, width, channels: 1, data });
    await writeFile(join(cwd, "lines", `${i}.png`), bytes);
    rows.push(`lines/${i}.png,${text}`);
    if (i >= 20) continue;
    await writeFile(join(cwd, "beside", `${i}.png`), bytes);
    await writeFile(join(cwd, "beside", `${i}.txt`), `${text}\n`);
    await writeFile(join(cwd, "listed", `${i}.png`), bytes);
    listed.push(`${i}.png,${text}`);
  }
  await writeFile(join(cwd, "listed", "lines.csv"), `${listed.join("\n")}\n`);
  await writeFile(join(cwd, "lines.csv"), `${rows.join("\n")}\n`);
}

interface Case {
  readonly data: string;
  readonly model: string;
  readonly how: readonly string[];
}

const TEXTS: Case = {
  data: "poem.txt",
  model: "lstm-lm:width=24,layers=1,context=16",
  how: ["--epochs", "4", "--lr", "0.02"],
};
const REVIEWS: Case = {
  data: "reviews.csv",
  model: "text-cnn:width=16,filters=8",
  how: ["--epochs", "6", "--lr", "0.01"],
};
const LINES: Case = {
  data: "lines.csv",
  model: "reader",
  how: ["--epochs", "6", "--lr", "0.005"],
};

const words = ({ data, model, how }: Case, ...more: readonly string[]): string[] => [
  ...["train", "--data", data, "--model", model, ...how, "--batch-size", "8", "--threads", "1", ...more],
];

// biome-ignore lint/suspicious/noExplicitAny: whatever the command says
async function json(...all: readonly string[]): Promise<Record<string, any>> {
  const { out, err, status } = await ductus(cwd, ...all, "--json");
  expect(status, err).toBe(0);
  return JSON.parse(out);
}

/** A run that is stopped by force within its second checkpoint ends, once it goes on, with the bytes of one that was not. */
async function goesOn(each: Case, calm: string): Promise<void> {
  const folder = `${calm}-killed`;
  const killer = fileURLToPath(new URL("./kill-at.mjs", import.meta.url));
  const env = { NODE_OPTIONS: `--import ${killer}`, DUCTUS_KILL_AT: "12" };
  const killed = await finish(start(cwd, words(each, "--checkpoint-steps", "2", "--out", folder), env));
  expect(killed.status, killed.err).toBeNull();
  const end = await ductus(cwd, "train", "--resume", folder);
  expect(end.status, end.err).toBe(0);
  const hash = async (run: string): Promise<string> =>
    createHash("sha256")
      .update(await readFile(join(cwd, run, "best.safetensors")))
      .digest("hex");
  expect(await hash(folder)).toBe(await hash(calm));
}

describe("texts", () => {
  it("are gone on with: trained on, measured, written, and fine-tuned", async () => {
    const run = await json(...words(TEXTS, "--out", "poems"));
    // Six words in two places: 3.6 nats in some 19 characters, and little else to be foreseen.
    expect(run.test.perplexity).toBeLessThan(2);
    expect(run.dataset.origin).toMatch(/the last [\d,]+ of [\d,]+ characters put aside for testing/);
    const args = JSON.parse(await readFile(join(cwd, "poems", "args.json"), "utf8"));
    expect(args.task).toMatchObject({ kind: "generate" });
    expect(await readFile(join(cwd, "poems", "report.html"), "utf8")).toContain("What it writes");

    const other = await json("evaluate", "poems", "--data", "other.txt");
    expect(other.perplexity).toBeLessThan(2.2);
    expect(other.dataset).toMatchObject({ name: "other.txt", split: "all" });
    const own = await json("evaluate", "poems", "--data", "poem.txt");
    expect(own.dataset.split).toBe("test");
    expect(own.loss).toBeCloseTo(run.test.loss, 6);

    const { out } = await ductus(cwd, "generate", "poems", "the ", "--length", "30", "--temperature", "0");
    expect(out).toMatch(/^the (moon|sun|rain|tree|stone|road) is a /);
    const { texts } = await json("generate", "poems", "--prompt", "the ", "--length", "5");
    expect(texts[0]).toHaveLength(5);

    const tuned = await json(
      "finetune",
      "poems",
      "--data",
      "other.txt",
      "--epochs",
      "1",
      "--threads",
      "1",
      "--out",
      "tuned",
    );
    expect(Object.keys(tuned.comparison)).toEqual(["base", "finetuned", "scratch"]);
    expect(tuned.comparison.finetuned.test).toBeLessThan(tuned.comparison.scratch.test);
    const runs = await ductus(cwd, "compare", "poems", "tuned");
    expect(runs.out).toContain("test perplexity");
  }, 300_000);

  it("go on after a run was killed", () => goesOn(TEXTS, "poems"), 300_000);

  it("are read by a transformer with a context of any length, from a folder of parts", async () => {
    await mkdir(join(cwd, "parts"));
    for (const [name, lines, seed] of [
      ["train", 60, 5],
      ["val", 12, 6],
      ["test", 12, 7],
    ] as const) {
      await writeFile(join(cwd, "parts", `${name}.txt`), poem(lines, seed));
    }
    const model = "gpt-s:width=16,layers=1,heads=2,context=20";
    const run = await json(...words({ data: "parts", model, how: ["--epochs", "1"] }, "--out", "gpt"));
    expect(run.epochs[0].validation.perplexity).toBeGreaterThan(1);
    // Longer than its context, so that what is written depends on the last tokens only.
    const { texts } = await json("generate", "gpt", "the moon is a sun\nthe rain is a ", "--length", "40");
    expect(texts[0]).toHaveLength(40);
    const { summary } = { summary: await json("info", "gpt") };
    expect(summary.architecture).toEqual({
      name: "gpt-s",
      options: { width: 16, layers: 1, heads: 2, dropout: 0, context: 20 },
    });
  }, 300_000);
});

describe("texts with classes", () => {
  it("are told apart: trained on, measured, predicted, and fine-tuned for other classes", async () => {
    const run = await json(...words(REVIEWS, "--out", "films"));
    expect(run.test.accuracy).toBe(1);
    const { predictions } = await json("predict", "films", "what a lovely film", "--text", "so dull");
    expect(predictions.map(({ label }: { label: string }) => label)).toEqual(["bad", "good"]);
    expect((await json("evaluate", "films", "--data", "reviews.csv")).dataset.split).toBe("test");

    // The same as records, with one class more.
    const lines = ["great,good", "awful,bad", "lovely or dull,question", "fine or weak,question"];
    const records = lines.flatMap((line, k) => {
      const [text, label] = line.split(",");
      const named = (i: number): string => `${text} name${i} name${(7 * i + k) % 40}`;
      return Array.from({ length: 8 }, (_, i) => JSON.stringify({ text: named(i), label }));
    });
    await writeFile(join(cwd, "more.jsonl"), `${records.join("\n")}\n`);
    const { err, status } = await ductus(
      cwd,
      "finetune",
      "films",
      "--data",
      "more.jsonl",
      "--epochs",
      "2",
      "--out",
      "more",
    );
    expect(status, err).toBe(0);
    expect(err).toContain("2 of 3 rows kept (bad good), the others new");
    const refused = await ductus(cwd, "evaluate", "films", "--data", "more.jsonl");
    expect(refused.err).toContain("classes that the model does not know (question)");
  }, 300_000);

  it("go on after a run was killed", () => goesOn(REVIEWS, "films"), 300_000);

  it("may lie in folders, one for each class, and be read by an LSTM", async () => {
    for (const [label, word] of [
      ["glad", "sunny"],
      ["sad", "rainy"],
    ] as const) {
      await mkdir(join(cwd, "moods", label), { recursive: true });
      for (let i = 0; i < 15; i++) await writeFile(join(cwd, "moods", label, `${i}.txt`), `a ${word} day ${i}\n`);
    }
    const lstm = { data: "moods", model: "lstm:width=8", how: ["--epochs", "12", "--lr", "0.02"] };
    expect((await json(...words(lstm, "--out", "moody"))).test.accuracy).toBe(1);
  }, 300_000);
});

describe("pictures with strings", () => {
  it("are read: trained on, measured, predicted, and fine-tuned", async () => {
    const run = await json(...words(LINES, "--out", "reader"));
    expect(run.test.symbolErrorRate).toBeLessThan(0.1);
    const rows = (await readFile(join(cwd, "lines.csv"), "utf8")).trim().split("\n").slice(1);
    const [file, text] = (rows.find((row) => /,.{3}$/.test(row)) as string).split(",");
    const { predictions } = await json("predict", "reader", file);
    expect(predictions[0].label).toBe(text);
    const measured = await ductus(cwd, "evaluate", "reader", "--data", "beside");
    expect(measured.out).toMatch(/right +\S+ % of the strings[\s\S]*symbol error rate/);
    expect(measured.err).toContain("pixels wide where they are 28 high");
    const tuned = await json(
      "finetune",
      "reader",
      "--data",
      "beside",
      "--epochs",
      "1",
      "--no-compare",
      "--out",
      "again",
    );
    expect(tuned.comparison.base.test).toBeGreaterThan(0.5);
  }, 300_000);

  it("go on after a run was killed", () => goesOn(LINES, "reader"), 300_000);
});

describe("bad input is one line", () => {
  const files: Readonly<Record<string, string>> = {
    "empty.txt": " \n",
    "short.txt": "only a few words\n",
    "greek.txt": `${poem(20, 1)}λ\n`,
    "one.csv": "text,label\na b,x\nc d,x\ne f,x\n",
    "gap.csv": "text,label\na b,x\n,y\n",
    "strange.csv": "file,text\nlines/0.png,aΩ\nlines/1.png,Ω\nlines/2.png,Ωβ\nlines/3.png,Ω\nlines/4.png,Ω\n",
    "long.csv": `file,text\nlines/0.png,${"aa".repeat(40)}\nlines/1.png,a\nlines/2.png,c\n`,
  };
  beforeAll(async () => {
    await mkdir(join(cwd, "bare"));
    for (const [name, content] of Object.entries(files)) await writeFile(join(cwd, name), content);
  });

  it.each([
    [["train", "--data", "empty.txt"], "empty.txt: the text is empty"],
    [["train", "--data", "short.txt"], "no more than the context of 64; give more text, or --model lstm-lm:context=N"],
    [["evaluate", "poems", "--data", "greek.txt"], 'the character "λ" is none of'],
    [["train", "--data", "one.csv"], 'all 2 samples are of one class, "x"'],
    [["train", "--data", "gap.csv"], "gap.csv: line 3: the text is empty"],
    [["evaluate", "reader", "--data", "strange.csv"], 'has "Ω" (U+03A9), which reader does not read; fine-tune it'],
    [["train", "--data", "bare", "--task", "transcribe"], "bare: no pictures with strings there; expected a CSV file"],
    [["train", "--data", "lines.csv", "--augment", "digits"], "augmentation rotate is for single pictures; lines"],
    [["train", "--data", "poem.txt", "--augment", "lines"], "--augment is for pictures with classes and pictures with"],
    [["train", "--data", "long.csv"], "frames, but reader has"],
    [
      ["train", "--data", "poem.txt", "--model", "mlp"],
      "mlp is a network to classify from numbers; poem.txt holds plain text",
    ],
    [
      ["train", "--data", "poem.txt", "--model", "lstm-lm:wide=3"],
      'unknown option of lstm-lm "wide"; did you mean "width"?',
    ],
    [
      ["train", "--data", "reviews.csv", "--task", "transcribe"],
      "--task transcribe takes pictures with strings; reviews.csv",
    ],
    [["train", "--data", "poem.txt", "--color"], "--color is for pictures with classes; poem.txt holds plain text"],
    [["train", "--data", "lines.csv", "--tokenizer", "chars"], "--tokenizer is for"],
    [["finetune", "films", "--data", "poem.txt"], "text-cnn is a model to classify and needs texts with classes"],
    [["evaluate", "poems"], "lstm-lm is a model to generate and needs plain text; mnist holds pictures with classes"],
    [["generate", "poems"], "give what the text begins with"],
  ])(
    "%j",
    async (all, message) => {
      const { err, status } = await ductus(cwd, ...all);
      const line = err.trim().split("\n").at(-1);
      expect(line).toMatch(/^ductus: /);
      expect(line).toContain(message);
      expect(status).toBeGreaterThan(0);
    },
    60_000,
  );
});

describe("ductus data inspect", () => {
  it.each([
    ["poem.txt", "generate", "lstm-lm, gpt-s"],
    ["reviews.csv", "classify", "text-cnn, lstm"],
    ["lines.csv", "transcribe", "reader"],
    ["beside", "transcribe", "reader"],
    ["listed", "transcribe", "reader"],
  ])(
    "says what %s is for",
    async (data, task, models) => {
      const { out } = await ductus(cwd, "data", "inspect", data);
      expect(out).toContain(`a model learns to ${task}`);
      expect(out).toContain(`networks for it: ${models}`);
    },
    60_000,
  );
});
