/** The records of a run by the API: what is in the folder in the end, and that the report is one page for everybody. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { renderReport } from "../../src/report/report.ts";
import { RunRecords } from "../../src/report/run-records.ts";
import { decodePredictions } from "../../src/task/classify/saved-predictions.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { bars, smallModel } from "../train/synthetic.ts";

let folder: string;
beforeAll(async () => {
  setPlatform(nodePlatform);
  folder = await mkdtemp(join(tmpdir(), "ductus-records-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("writes results, predictions, events and a page without script or network", async () => {
  const heard: [string, boolean][] = [];
  const test = bars(30, 2, 'bars <of> "iron" & wood');
  const records = new RunRecords({
    folder,
    args: { lr: 0.01, nested: { name: "<script>alert(1)</script>" } },
    environment: { node: "some" },
    test,
    note: (message, isBad) => heard.push([message, isBad]),
  });
  const run = await trainModel(smallModel(), bars(90), {
    epochs: 2,
    batchSize: 10,
    validation: 0.2,
    threads: 1,
    callbacks: records.callbacks,
  });
  const evaluation = await records.measure(run.model);
  const comparison = { title: "Beside others", head: ["accuracy", "bars"], rows: [["itself", "1"]] };
  const path = await records.write(run, evaluation, { comparison, kept: "somebody's" });

  expect(heard).toEqual([["leakage  no sample is in two parts of the data, exactly or nearly", false]]);
  const files = (await readdir(folder)).map((name) => name.replace(/\d{10}/, "TIME")).sort();
  expect(files).toEqual([
    "events.out.tfevents.TIME.ductus",
    "report.html",
    "results.csv",
    "results.json",
    "test-predictions.safetensors",
  ]);
  const results = JSON.parse(await readFile(join(folder, "results.json"), "utf8"));
  expect(results).toMatchObject({ ended: "finished", steps: 16, test: { count: 30, accuracy: evaluation.accuracy } });
  const { predictions } = decodePredictions(await readFile(join(folder, "test-predictions.safetensors")), "p");
  expect(predictions.logits).toEqual(evaluation.predictions?.logits);
  const [head, ...rows] = (await readFile(join(folder, "results.csv"), "utf8")).trim().split("\n");
  expect(head).toMatch(/^epoch,step,trainingLoss,.*validation_accuracy/);
  expect(rows).toHaveLength(2);

  const page = await readFile(path, "utf8");
  for (const text of ["Confusion matrix", "Reliability", "Beside others", "somebody&#39;s", "First training batches"]) {
    expect(page).toContain(text);
  }
  expect(page).toContain("bars &#60;of&#62; &#34;iron&#34; &#38; wood");
  expect(page).not.toMatch(/<script|<link|<iframe|@import|\son[a-z]+=/);
  // Namespaces are names, not addresses that are fetched.
  expect([...page.matchAll(/(?:src|href|url\()="?(?!data:|#)[^">)]+/g)].map(([text]) => text)).toEqual([]);
}, 60_000);

it("names what was trained on and tested too", async () => {
  const heard: [string, boolean][] = [];
  const train = bars(60);
  const images = bars(30, 2).images.slice();
  images.set(train.image(6), 0);
  const test = bars(30, 2).with({ images });
  const note = (message: string, isBad: boolean): void => void heard.push([message, isBad]);
  const records = new RunRecords({ folder, args: {}, environment: {}, test, note });
  const run = await trainModel(smallModel(), train, { epochs: 1, threads: 1, callbacks: records.callbacks });
  expect(heard).toEqual([["leakage  1 of 30 test samples is in training too (1 exactly)", true]]);
  const evaluation = await records.measure(run.model);
  expect(evaluation.accuracyWithoutOverlap).toBeDefined();
  expect(await readFile(await records.write(run, evaluation), "utf8")).toContain("1 of 30 test samples is in training");
}, 60_000);

it("leaves out what is not known", async () => {
  const nothing = { facts: [], history: [], steps: [], parts: [], overlaps: [], records: [] };
  const page = await renderReport({ title: "t", subtitle: "s", created: "now", model: smallModel(), ...nothing });
  expect(page).toContain("<h1>t</h1>");
  expect(page).not.toContain("<h2>");
});
