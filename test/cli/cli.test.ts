import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../src/platform/version.ts";
import { barsCsv, NAMES } from "./bars-csv.ts";
import { ductus, ensureBuilt, finish, start } from "./run-cli.ts";

let cwd: string;
beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-cli-"));
  await writeFile(join(cwd, "bars.csv"), barsCsv(60));
  const trained = await ductus(cwd, ...train("--epochs", "2", "--batch-size", "16", "--out", "trained"));
  expect(trained.err + trained.out).toContain("model file");
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

const MODEL = "trained/best.safetensors";
const train = (...more: readonly string[]): string[] => ["train", "--data", "bars.csv", "--model", "mlp", ...more];

const readArgs = async (run: string): Promise<unknown> =>
  JSON.parse(await readFile(join(cwd, run, "args.json"), "utf8"));

describe("help", () => {
  it("lists the verbs and examples, without a verb too", async () => {
    const [bare, asked] = [await ductus(cwd), await ductus(cwd, "--help")];
    expect(bare).toEqual(asked);
    expect(asked.status).toBe(0);
    for (const verb of ["train", "evaluate", "predict", "info", "data", "doctor"]) expect(asked.out).toContain(verb);
    expect(asked.out).toContain("$ ductus train");
  });

  it.each(["train", "evaluate", "predict", "info", "data", "doctor"])("of %s has examples", async (verb) => {
    const { status, out, err } = await ductus(cwd, verb, "--help");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toContain(`Usage: ductus ${verb}`);
    expect(out).toContain(`$ ductus ${verb}`);
  });

  it("tells the version, which is the package's", async () => {
    const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
    expect(manifest.version).toBe(VERSION);
    expect((await ductus(cwd, "--version")).out.trim()).toBe(VERSION);
  });
});

describe("wrong usage: one line, exit 2", () => {
  it.each([
    ["trian", /unknown verb "trian"; did you mean "train"\?/],
    ["train --epoch 3", /unknown option '--epoch' \(Did you mean --epochs\?\)/],
    ["train --epochs 0", /--epochs must be a whole number of at least 1, not "0"/],
    ["train --epochs 2.5", /--epochs must be a whole number/],
    ["train --lr 0", /--lr must be a number above 0/],
    ["train --optimizer sgd --momentum 1", /--momentum must be a number of at least 0 and below 1, not "1"/],
    ["train --ema 1", /--ema must be a number between 0 and 1/],
    ["train --label-smoothing 1", /--label-smoothing must be a number of at least 0 and below 1/],
    ["train --teacher-share 0", /--teacher-share must be a number above 0 and of at most 1/],
    ["train --val 1", /--val must be a number from 0 to 0.9/],
    ["train --threads 0", /--threads must be/],
    ["train --model cnn-3x33", /unknown model "cnn-3x33"; did you mean "cnn-3x3"\?/],
    ["train --recipe fats", /unknown recipe "fats"; did you mean "fast"\?/],
    ["train --recipe fast --model cnn-stride", /unknown model "cnn-stride"; did you mean "cnn-strided"\?/],
    ["train --recipe fast --momentum 0.9", /adam takes no --momentum/],
    ["train --data mnits", /unknown data set "mnits"; did you mean "mnist"\?/],
    ["train --optimizer adm", /unknown optimizer "adm"; did you mean "adam"\?/],
    ["train --momentum 0.9", /adam takes no --momentum; add --optimizer sgd/],
    ["info cnn3x3", /unknown model "cnn3x3"; did you mean "cnn-3x3"\?/],
    ["data lsit", /unknown command 'lsit' \(Did you mean list\?\)/],
    ["data fetch mnits", /did you mean "mnist"/],
    ["predict", /missing required argument 'model'; see ductus predict --help/],
    ["data inspect", /missing required argument 'name\|path'; see ductus data inspect --help/],
    [`evaluate ${MODEL} --split tset`, /Allowed choices are train, validation, test, all/],
    ["--json train", /the verb comes first/],
  ])("ductus %s", async (line, message) => {
    const { status, out, err } = await ductus(cwd, ...line.split(" "));
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(err).toMatch(message);
    expect(err).not.toContain("    at ");
    expect(status).toBe(2);
    if (line.includes("--json")) expect(JSON.parse(out)).toMatchObject({ format: 1, status: 2 });
    else expect(out).toBe("");
  });
});

describe("train", () => {
  it("leaves a run folder, and a table of test results", async () => {
    expect((await readdir(join(cwd, "trained"))).sort()).toEqual([
      "args.json",
      "best.safetensors",
      "environment.json",
      expect.stringMatching(/^events\.out\.tfevents\.\d+\.ductus$/),
      "last.safetensors",
      "metrics.jsonl",
      "previous.safetensors",
      "report.html",
      "results.csv",
      "results.json",
      "status.json",
      "test-predictions.safetensors",
    ]);
    expect(await readArgs("trained")).toMatchObject({
      verb: "train",
      model: "mlp",
      seed: 0,
      run: { epochs: 2, batchSize: 16 },
    });
  });

  it("with --json prints one object, and numbers its run folders", async () => {
    const runs = await Promise.all([1, 2].map(() => ductus(cwd, ...train("--epochs", "1", "--json"))));
    const results = runs.map(({ out }) => JSON.parse(out));
    expect(results.map(({ run }) => run).sort()).toEqual(["runs/bars-mlp-1", "runs/bars-mlp-2"]);
    expect(results[0]).toMatchObject({ ended: "finished", test: { count: 12 }, epochs: [{ epoch: 1 }] });
    // Same seed, same everything but the clock.
    expect(results[0].test.loss).toBe(results[1].test.loss);
    expect(runs[0].err).toContain("epoch 1/1");
  });

  it("gives the same weights for any number of threads", async () => {
    const [one, two] = await Promise.all(
      ["1", "2"].map((threads) => ductus(cwd, ...train("--epochs", "1", "--threads", threads, "--json"))),
    );
    expect(JSON.parse(one.out).epochs[0].trainingLoss).toBe(JSON.parse(two.out).epochs[0].trainingLoss);
    expect(JSON.parse(one.out).test.loss).toBe(JSON.parse(two.out).test.loss);
  });

  it("starts from other weights with --init", async () => {
    const { out } = await ductus(cwd, ...train("--epochs", "1", "--init", MODEL, "--json"));
    expect(JSON.parse(out).epochs[0].trainingLoss).toBeLessThan(0.1);
    const wrong = await ductus(cwd, "train", "--data", "bars.csv", "--model", "lenet5", "--init", MODEL);
    expect(wrong).toMatchObject({ status: 1, err: expect.stringMatching(/best\.safetensors: load: .*does not fit/) });
  });

  it("takes from --recipe what is not given", async () => {
    const fast = await ductus(cwd, "train", "--recipe", "fast", "--data", "bars.csv", "--out", "fast", "--json");
    const { epochs, seconds, totalSeconds, test } = JSON.parse(fast.out);
    expect(test.count).toBe(12);
    expect(totalSeconds).toBeGreaterThan(seconds);
    // One cycle ends at 1/250,000 of its rate; nothing is validated.
    expect(epochs.map(({ validation }: { validation?: object }) => validation)).toEqual([undefined, undefined]);
    expect(epochs[1].lr).toBeCloseTo(0.01 / 250_000, 12);
    expect(await readArgs("fast")).toMatchObject({
      model: "cnn-strided",
      recipe: { name: "fast", betas: [0.7, 0.9], labelSmoothing: 0.1 },
      run: { epochs: 2, batchSize: 256, samples: 48, validationSamples: 0 },
    });

    const given = "--epochs 1 --batch-size 12 --lr 0.002 --optimizer adamw --val 0.25".split(" ");
    const { status } = await ductus(cwd, ...train("--recipe", "fast", ...given, "--out", "fast-mlp"));
    expect(status).toBe(0);
    expect(await readArgs("fast-mlp")).toMatchObject({
      model: "mlp",
      optimizer: { name: "adamw" },
      lr: 0.002,
      run: { epochs: 1, batchSize: 12, samples: 36, validationSamples: 12 },
    });
    const info = JSON.parse((await ductus(cwd, "info", "fast-mlp/best.safetensors", "--json")).out);
    expect(info).toMatchObject({ architecture: { name: "mlp" }, recipe: { schedule: { name: "oneCycle" } } });
  });

  it("trains on a folder of pictures, one folder per class", async () => {
    for (const [c, name] of ["slash", "dash"].entries()) {
      await mkdir(join(cwd, "pictures", name), { recursive: true });
      for (let i = 0; i < 8; i++) await picture(join(cwd, "pictures", name, `${i}.png`), c === 0, 20 + i);
    }
    const { status, out } = await ductus(
      cwd,
      "train",
      "--data",
      "pictures",
      "--model",
      "mlp",
      "--epochs",
      "3",
      "--json",
    );
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ test: { accuracy: 1, classes: [{ name: "dash" }, { name: "slash" }] } });
  });

  it("stops at numbers that are no numbers, and leaves no such checkpoint", async () => {
    const options = ["--optimizer", "sgd", "--lr", "1e30", "--batch-size", "16", "--out", "diverged"];
    const { status, err } = await ductus(cwd, ...train(...options));
    expect(status).toBe(1);
    expect(err).toMatch(/ductus: the (loss|weights) .* at step \d+ \(epoch 1\).*no epoch was completed/);
    expect(await readdir(join(cwd, "diverged"))).not.toContain("last.safetensors");
  });

  it("finishes the step on Ctrl-C, writes the last checkpoint and exits 130", async () => {
    const child = start(cwd, train("--epochs", "100000", "--out", "stopped"));
    child.stderr?.on("data", (chunk: Buffer) => {
      if (String(chunk).includes("epoch 1/")) child.kill("SIGINT");
    });
    const { status, err } = await finish(child);
    expect(status).toBe(130);
    expect(err).toMatch(/stopped at step \d+; last checkpoint: stopped\/last\.safetensors/);
    const info = await ductus(cwd, "info", "stopped/last.safetensors", "--json");
    expect(JSON.parse(info.out)).toMatchObject({ classes: NAMES, architecture: { name: "mlp" } });
  });

  it("refuses a folder that has files already", async () => {
    const { status, err } = await ductus(cwd, ...train("--out", "trained"));
    expect(status).toBe(2);
    expect(err).toContain("--out trained is not empty");
  });

  it("says in one line where it cannot write", async () => {
    const { status, err } = await ductus(cwd, ...train("--out", "bars.csv/run"));
    expect(status).toBe(1);
    expect(err.trim().split("\n").at(-1)).toMatch(/^ductus: cannot write .*bars\.csv.run: .*not a folder$/);
  });

  it("says in one line that the disk is full, and leaves nothing half-written", async ({ skip }) => {
    const disk = join(cwd, "disk");
    await mkdir(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      skip("needs the right to mount a small file system");
    }
    try {
      const { status, err } = await ductus(cwd, ...train("--epochs", "1", "--out", "disk/run"));
      expect(status).toBe(1);
      expect(err.trim().split("\n").at(-1)).toMatch(/^ductus: disk full: cannot write disk.run.last\.safetensors/);
      expect((await readdir(join(disk, "run"))).sort()).toEqual([
        "args.json",
        "best.safetensors",
        "environment.json",
        expect.stringMatching(/^events\./),
        "metrics.jsonl",
        "results.csv",
        "status.json",
      ]);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

describe("evaluate", () => {
  it("prints tables, or one object with --json", async () => {
    const plain = await ductus(cwd, "evaluate", MODEL, "--data", "bars.csv");
    expect(plain.out).toMatch(/accuracy 100\.00 %/);
    expect(plain.out).toContain("predicted");
    expect(plain.out).not.toContain("\u001b");
    const { out } = await ductus(cwd, "evaluate", MODEL, "--data", "bars.csv", "--json");
    expect(JSON.parse(out)).toMatchObject({
      accuracy: 1,
      count: 12,
      confusion: [
        [4, 0, 0],
        [0, 4, 0],
        [0, 0, 4],
      ],
    });
  });

  it("finds classes by name: some of the model's are enough, others are refused", async () => {
    const rows = barsCsv(60).split("\n");
    await writeFile(join(cwd, "two-of-three.csv"), rows.filter((row) => !row.startsWith(NAMES[0])).join("\n"));
    const { out } = await ductus(cwd, "evaluate", MODEL, "--data", "two-of-three.csv", "--json");
    expect(JSON.parse(out)).toMatchObject({
      accuracy: 1,
      count: 8,
      confusion: [
        [0, 0, 0],
        [0, 4, 0],
        [0, 0, 4],
      ],
    });
    await writeFile(join(cwd, "letters.csv"), barsCsv(60, ["a", "b", NAMES[2]]));
    const other = await ductus(cwd, "evaluate", MODEL, "--data", "letters.csv");
    expect(other.status).toBe(1);
    expect(other.err).toMatch(/classes that the model does not know \(a, b\); it tells left, middle, right apart/);
  });

  it("measures several models as one", async () => {
    const { out } = await ductus(cwd, "evaluate", MODEL, MODEL, "--data", "bars.csv");
    expect(out).toContain("an ensemble of 2 models");
    expect(out).toMatch(/accuracy 100\.00 %/);
    const alone = JSON.parse((await ductus(cwd, "evaluate", MODEL, "--data", "bars.csv", "--json")).out);
    const both = JSON.parse((await ductus(cwd, "evaluate", MODEL, MODEL, "--data", "bars.csv", "--json")).out);
    expect(both.loss).toBeCloseTo(alone.loss, 6);
  });

  it("never calls it accuracy on the training samples", async () => {
    const words = ["evaluate", MODEL, "--data", "bars.csv", "--split", "train"];
    const { out } = await ductus(cwd, ...words);
    expect(out).toContain("of its own training samples recognized");
    expect(out).not.toMatch(/accuracy/i);
    const json = JSON.parse((await ductus(cwd, ...words, "--json")).out);
    expect(json).toMatchObject({ isTrainingData: true, trainingAccuracy: 1 });
    expect(json).not.toHaveProperty("accuracy");
  });

  it("refuses files that are no models", async () => {
    const damaged = await readFile(join(cwd, MODEL));
    damaged[damaged.length >> 1] ^= 1;
    await writeFile(join(cwd, "flipped.safetensors"), damaged);
    await writeFile(join(cwd, "short.safetensors"), damaged);
    await truncate(join(cwd, "short.safetensors"), 5000);
    for (const name of ["flipped.safetensors", "short.safetensors", "bars.csv", "nothing.safetensors"]) {
      const { status, out, err } = await ductus(cwd, "evaluate", name, "--data", "bars.csv");
      expect({ status, out, lines: err.trim().split("\n").length }).toEqual({ status: 1, out: "", lines: 1 });
      expect(err).toContain(name);
    }
  });
});

describe("predict", () => {
  it("reads pictures, and goes on after one that it cannot read", async () => {
    await picture(join(cwd, "dash.png"), false, 40);
    await writeFile(join(cwd, "broken.png"), "no picture");
    const { status, out, err } = await ductus(cwd, "predict", MODEL, "broken.png", "dash.png", "--top", "2");
    expect(status).toBe(1);
    expect(err).toMatch(/^ductus: broken\.png is not a picture: /);
    expect(out).toMatch(/^dash\.png: \w+\n {2}\S+ +[█░]{24} +\d+\.\d\d %\n.*%\n$/);
    const json = JSON.parse((await ductus(cwd, "predict", MODEL, "dash.png", "--json")).out);
    const [{ name: label, probability }] = json.predictions[0].top;
    const said = { label, probability, ranking: [{ label, probability }, {}, {}], class: label };
    expect(json).toMatchObject({ format: 1, predictions: [{ picture: "dash.png", top: [{}, {}, {}], ...said }] });
  });
});

describe("info, data and doctor", () => {
  it("info shows layers, costs and what was corrected", async () => {
    const { out } = await ductus(cwd, "info", "cnn-3x3");
    expect(out).toContain("225,034");
    expect(out).toMatch(/multiply-adds/);
    expect(out).toMatch(/memory\s+[\d.]+ MB/);
    expect(out).toMatch(/corrected\s+\S/);
    expect(JSON.parse((await ductus(cwd, "info", "cnn-5x5", "--json")).out)).toMatchObject({
      name: "cnn-5x5",
      recipe: { optimizer: "sgd", momentum: 0.9, batchSize: 100 },
      memory: { training: { arena: expect.any(Number) } },
    });
  });

  it("info --plan shows stages, kernels, memory and which parameter is which", async () => {
    const { out } = await ductus(cwd, "info", "mlp", "--plan");
    expect(out).toMatch(/^plan of a training step, batch 64: \d+ groups, \d+ stages, \d+ kernels$/m);
    expect(out).toMatch(/^memory +parameters [\d.]+ MB, arena \d+ kB, \d+ kB more for each thread$/m);
    expect(out).toMatch(/^%2 +\d+ +ranges +2 +64×128 +matmul \(%1, fc1\.weight\) → arena 32\.8 kB$/m);
    expect(out).toMatch(/^fc1\.weight\.exp_avg_sq +128×784 +401 kB +(%\d+) → \1$/m);
    const { plan } = JSON.parse((await ductus(cwd, "info", "cnn-3x3", "--plan", "read", "--json")).out);
    expect(plan).toMatchObject({ of: "read", batch: 1, memory: { arena: expect.any(Number) } });
    const stored = plan.groups.flatMap(({ stores }: { stores: { name: string }[] }) => stores.map(({ name }) => name));
    expect(stored).toContain("logits");
    // Everything that is read is there: a weight, an input, or what an earlier group stored.
    const weights = plan.parameters.map(({ name }: { name: string }) => name);
    for (const { number, reads } of plan.groups) {
      for (const name of reads) {
        if (name.startsWith("%")) expect(Number.parseInt(name.slice(1), 10)).toBeLessThan(number);
        else expect([...weights, "x", "constant"]).toContain(name);
      }
    }
    expect(new Set(plan.parameters.flatMap(({ readBy }: { readBy: number[] }) => readBy)).size).toBeGreaterThan(3);
    expect((await ductus(cwd, "info", "mlp", "--plan", "everything")).err).toMatch(/Allowed choices are train, read/);
  });

  it("info shows a recipe, with the network that it trains", async () => {
    const { out } = await ductus(cwd, "info", "fast");
    expect(out).toMatch(/^recipe fast: /);
    expect(out).toContain("Crop2d(2)");
    expect(out).toMatch(/recipe +adam, learning rate 0\.01 \(oneCycle\), betas 0\.7 and 0\.9, label smoothing 0\.1/);
    const json = JSON.parse((await ductus(cwd, "info", "fast", "--json")).out);
    expect(json).toMatchObject({ architecture: { name: "cnn-strided" }, recipe: { batchSize: 256, epochs: 2 } });
  });

  it("lr-find suggests a rate and writes the curve as a page that needs no network", async () => {
    const words = ["lr-find", "--data", "bars.csv", "--model", "mlp", "--steps", "40", "--out", "curve.html", "--json"];
    const { suggestion, points, page } = JSON.parse((await ductus(cwd, ...words)).out);
    expect(points.length).toBeGreaterThan(20);
    expect(page).toBe("curve.html");
    const text = await readFile(join(cwd, "curve.html"), "utf8");
    expect(text).toContain(`<b>${Number(suggestion.toPrecision(2))}</b>`);
    expect(text).toMatch(/mlp on bars.*: \d+ steps/);
    expect(text).toContain("Training loss by learning rate");
    expect(text).not.toMatch(/<script|(src|href)="http/);
  });

  it("data lists what there is and inspects a file", async () => {
    const { out } = await ductus(cwd, "data", "list", "--json");
    const names = JSON.parse(out).datasets.map(({ name }: { name: string }) => name);
    expect(names).toContain("mnist");
    const inspected = JSON.parse((await ductus(cwd, "data", "inspect", "bars.csv", "--json")).out);
    expect(inspected).toMatchObject({ train: { count: 48 }, test: { count: 12 } });
  });

  it("data says how to get what it cannot fetch", async () => {
    const { status, err } = await ductus(cwd, "data", "fetch", "usps");
    expect(status).toBe(1);
    expect(err).toMatch(/usps is not on this machine: .*--data-dir/);
  });

  it("doctor says whether one can train here", async () => {
    const { status, out } = await ductus(cwd, "doctor", "--json");
    const { ready, checks } = JSON.parse(out);
    expect({ status, ready }).toEqual({ status: 0, ready: true });
    expect(checks.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(["node", "simd", "threads", "pictures", "cache", "data", "network"]),
    );
  });
});

/** Ink on paper: a diagonal or a level stroke. */
async function picture(path: string, isSlash: boolean, size: number): Promise<void> {
  const [y1, y2] = isSlash ? [size - 4, 4] : [size / 2, size / 2];
  const line = `<line x1="4" y1="${y1}" x2="${size - 4}" y2="${y2}" stroke="black" stroke-width="3"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="white"/>${line}</svg>`;
  await sharp(Buffer.from(svg)).png().toFile(path);
}

it("looks at the file of weights before it reads data", async () => {
  const { status, err } = await ductus(cwd, "train", "--data", "no/where.csv", "--init", "nothing.pt");
  expect(err).toBe("ductus: cannot read nothing.pt: there is no such file\n");
  expect(status).toBe(1);
});
