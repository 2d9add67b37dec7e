/** One run of each task by the API, with its folder and report, and what the commands then make of it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { Lines } from "../../src/data/lines.ts";
import { relu } from "../../src/engine/ops/elementwise.ts";
import { permute, reshape } from "../../src/engine/ops/movement.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import { Random } from "../../src/engine/random.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Embedding, Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { RunRecords } from "../../src/report/run-records.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { NumbersInput } from "../../src/task/input.ts";
import type { AnyTask, TaskKind } from "../../src/task/task.ts";
import { TextInput } from "../../src/task/text-input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { LabeledTexts, Texts } from "../../src/text/texts.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { loadCheckpoint } from "../../src/train/checkpoint.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../src/train/fit.ts";
import { runFolder } from "../../src/train/run-folder.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

const PARTS = ["anna", "bela", "carl", "dora", "emil", "fritz", "gerd", "hans", "ida", "jan"];
const NAMES = PARTS.flatMap((first) => PARTS.map((second) => `\n${first}${second}\n`));
const tokenizer = CharacterTokenizer.of(...NAMES);

/** Each letter by the one before it. */
class Letters extends Module {
  readonly embedding = new Embedding(tokenizer.tokens.length, 16);
  readonly head = new Linear(16, tokenizer.tokens.length);

  forward(x: Tensor, context: Context): Tensor {
    return this.head.forward(this.embedding.forward(x, context), context);
  }
}

/** The sum over a text of what its letters say. */
class Bag extends Module {
  readonly embedding = new Embedding(tokenizer.tokens.length, 2);

  forward(x: Tensor, context: Context): Tensor {
    return sum(this.embedding.forward(x, context), 1);
  }
}

/** A frame for each column of a picture. */
class Columns extends Module {
  readonly conv = new Conv2d(1, 8, 3, { padding: 1 });
  readonly head = new Linear(8 * 8, 4);

  forward(x: Tensor, context: Context): Tensor {
    const seen = permute(relu(this.conv.forward(x, context)), [0, 2, 1, 3]);
    const [batch, width, height, channels] = seen.shape;
    return this.head.forward(reshape(seen, [batch, width, height * channels]), context);
  }
}

/** Three symbols in 8×16 pixels, each two columns wide, on a noisy ground. */
function lines(count: number, seed: number, name: string, split?: "test"): Lines {
  const random = new Random(seed, "user");
  const strings = Array.from({ length: count }, () => "...".replaceAll(".", () => "abc"[random.integer(3)]));
  const images = Uint8Array.from({ length: count * 128 }, () => random.integer(30));
  for (const [i, string] of strings.entries()) {
    for (const [k, symbol] of [...string].entries()) {
      for (let y = 0; y < 8; y++) {
        const isInk = symbol === "a" || (symbol === "b") === y < 4;
        if (isInk) images.fill(250, i * 128 + y * 16 + 1 + 5 * k, i * 128 + y * 16 + 3 + 5 * k);
      }
    }
  }
  return new Lines({ images, height: 8, width: 16, strings, alphabet: "abc", name, split });
}

interface Case {
  readonly model: () => Model<AnyTask>;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
}

const classes = ["early", "late"];
const labeled = NAMES.map((text) => ({ text, label: text[1] < "f" ? 0 : 1 })).sort((a, b) =>
  a.text.slice(-4) < b.text.slice(-4) ? -1 : 1,
);
const CASES: Readonly<Record<TaskKind, Case>> = {
  generate: {
    model: () => new Model(new Letters(), { task: new Generate(tokenizer), seed: 1 }),
    train: new Texts(NAMES.slice(0, 70), { tokenizer, name: "names" }),
    validation: new Texts(NAMES.slice(70, 85), { tokenizer, name: "others" }),
    test: new Texts(NAMES.slice(85), { tokenizer, name: "other names", split: "test" }),
  },
  classify: {
    model: () => new Model(new Bag(), { task: new Classify(new TextInput(tokenizer), classes), seed: 1 }),
    train: new LabeledTexts(labeled.slice(0, 70), { tokenizer, classes, name: "sides" }),
    validation: new LabeledTexts(labeled.slice(70, 85), { tokenizer, classes, name: "others" }),
    test: new LabeledTexts(labeled.slice(85), { tokenizer, classes, name: "other sides", split: "test" }),
  },
  transcribe: {
    model: () =>
      new Model(new Columns(), { task: new Transcribe(new NumbersInput({ shape: [8, 16, 1] }), "abc"), seed: 1 }),
    train: lines(60, 1, "lines"),
    validation: lines(15, 2, "others"),
    test: lines(15, 3, "other lines", "test"),
  },
};
const KINDS = Object.keys(CASES) as TaskKind[];
const how = { epochs: 2, lr: 0.01, batchSize: 16, threads: 1 } as const;

let cwd: string;
beforeAll(async () => {
  ensureBuilt();
  setPlatform(nodePlatform);
  cwd = await mkdtemp(join(tmpdir(), "ductus-tasks-"));
  for (const kind of KINDS) {
    const { model, train, validation, test } = CASES[kind];
    const folder = join(cwd, "runs", kind);
    await mkdir(folder, { recursive: true });
    const args = { model: kind, dataset: { name: train.name } };
    const records = new RunRecords({ folder, args, environment: {}, test, note: () => {} });
    const keeper = runFolder({ path: folder, args, environment: {} });
    const run = await trainModel(model(), train, { ...how, validation, callbacks: [keeper, ...records.callbacks] });
    await records.write(run, await records.measure(run.model));
  }
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

const read = (...path: readonly string[]): Promise<string> => readFile(join(cwd, "runs", ...path), "utf8");

describe("a run folder", () => {
  it.each([
    ["generate", "perplexity", "validation_perplexity"],
    ["classify", "accuracy", "validation_accuracy"],
    ["transcribe", "accuracy", "validation_symbolErrorRate"],
  ])("of a model to %s says what it is judged by, and has the measures of its task", async (kind, name, column) => {
    const args = JSON.parse(await read(kind, "args.json"));
    expect(args.task).toMatchObject({ kind, primary: { name } });
    const [first] = (await read(kind, "metrics.jsonl")).split("\n");
    expect(JSON.parse(first).validation[name]).toBeTypeOf("number");
    expect((await read(kind, "results.csv")).split("\n")[0].split(",")).toContain(column);
    expect(JSON.parse(await read(kind, "results.json")).test[name]).toBeTypeOf("number");
  });

  it.each([
    ["generate", ["perplexity on", "What it writes", "Perplexity"]],
    ["classify", ["Confusion matrix", "Reliability", "Samples by class"]],
    ["transcribe", ["right as a whole", "Worst lines", "symbol error rate"]],
  ])("of a model to %s has a report about that", async (kind, texts) => {
    const page = await read(kind, "report.html");
    for (const text of texts) expect(page).toContain(text);
  });

  it.each(KINDS)(
    "of a model to %s is one to go on from: the weights become the same",
    async (kind) => {
      const { model, train, validation } = CASES[kind];
      const path = join(cwd, "runs", kind, "last.safetensors");
      const weights = async (options: object): Promise<number[][]> => {
        const run = await trainModel(model(), train, { ...how, validation, ...options });
        return [...run.model.network.namedParameters()].map(([, { data }]) => [...data]);
      };
      expect(await weights({ resume: await loadCheckpoint(path) })).toEqual(await weights({}));
    },
    60_000,
  );
});

describe("commands", () => {
  it("list and compare runs of different tasks, each by its own measure", async () => {
    const runs = await ductus(cwd, "runs");
    expect(runs.out).toMatch(/runs\/generate +done .* perplexity \d/);
    expect(runs.out).toMatch(/runs\/transcribe +done .* accuracy [\d.]+ %/);
    const one = await ductus(cwd, "compare", "runs/generate", "runs/generate");
    expect(one.out).toContain("test perplexity");
    expect(one.out).toContain("it is no classifier, which McNemar's test is for");
    const finished = await ductus(cwd, "runs", "--best", "--json");
    expect(JSON.parse(finished.out).runs.map(({ measure }: { measure: string }) => measure)).toEqual([
      ...["accuracy", "accuracy", "perplexity"],
    ]);
  }, 60_000);

  it.each([
    ["generate", "tokens", /text, in characters \(\d+ different ones\)/],
    ["classify", "classes", /2: early late/],
    ["transcribe", "symbols", /3: a b c/],
  ])(
    "show what a model to %s is made of",
    async (kind, names, text) => {
      const { out, status } = await ductus(cwd, "info", `runs/${kind}`);
      expect(status).toBe(0);
      expect(out).toContain(`task           ${kind}`);
      expect(out).toContain(names);
      expect(out).toMatch(text);
    },
    60_000,
  );

  it("read texts that are typed, and those of files line by line", async () => {
    await writeFile(join(cwd, "texts.txt"), "anna\n\nquark\njan\n");
    const typed = await ductus(cwd, "predict", "runs/classify", "--text", "anna");
    expect(typed.out).toMatch(/^anna: (early|late)\n/);
    const { out, err, status } = await ductus(cwd, "predict", "runs/classify", "texts.txt", "--json");
    const { predictions } = JSON.parse(out);
    expect(predictions.map(({ row }: { row: string }) => row)).toEqual(["1", "3", "4"]);
    expect(predictions[0]).toMatchObject({ file: "texts.txt", label: expect.stringMatching(/early|late/) });
    expect(predictions[1].error).toContain('the character "q"');
    expect(err).toContain('the character "q"');
    expect(status).toBe(1);
    const next = await ductus(cwd, "predict", "runs/generate", "--text", "an", "--top", "2", "--json");
    const [guess] = JSON.parse(next.out).predictions;
    expect(guess.top).toHaveLength(2);
    // Tokens as they are, as over HTTP; quotes are for people.
    expect(guess.label).toBe(guess.ranking[0].label);
    for (const { label } of guess.ranking) expect(tokenizer.tokens).toContain(label);
    const none = await ductus(cwd, "predict", "runs/classify");
    expect(none).toMatchObject({ status: 2, err: expect.stringContaining('--text "…"') });
  }, 60_000);

  it("write texts: the same from the same seed", async () => {
    const words = ["generate", "runs/generate", "--prompt", "an", "--length", "5", "--count", "2", "--json"];
    const [one, again] = [await ductus(cwd, ...words), await ductus(cwd, ...words)];
    const { texts } = JSON.parse(one.out);
    expect(texts.map((text: string) => text.length)).toEqual([5, 5]);
    expect(again.out).toBe(one.out);
    const wrong = await ductus(cwd, "generate", "runs/classify", "--prompt", "an");
    expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining("does not go on with texts") });
  }, 60_000);

  it("say in one line what is for models of another task, and what data a model needs", async () => {
    for (const [words, message] of [
      [["explain", "runs/generate", "one.png"], /this is for models that (read|classify).*see predict/],
      [["evaluate", "runs/generate", "--data", "none.txt"], /none\.txt: no text files there/],
      [["evaluate", "runs/generate", "--data", "mnist"], /needs plain text; mnist holds pictures with classes/],
      [["evaluate", "runs/transcribe", "--data", "mnist"], /to transcribe from numbers, for which no data can be read/],
    ] as const) {
      const { err, status } = await ductus(cwd, ...words);
      expect(status).toBeGreaterThan(0);
      expect(err.trim().split("\n").at(-1)).toMatch(message);
    }
  }, 60_000);
});
