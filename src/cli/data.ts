/** `ductus data`: which data sets there are, getting one, and looking at one before training. */
import { basename, join } from "node:path";
import { Command } from "commander";
import { type MosaicOptions, mosaic } from "../augment/mosaic.ts";
import { type AugmentOption, augmentedSize, resolveAugmentations } from "../augment/presets.ts";
import type { Dataset, ImageDataset } from "../data/dataset.ts";
import { type DataDescription, describeData, firstOfEachClass, previewRows } from "../data/inspect.ts";
import { findSource, listSources, type SourceRecord } from "../data/sources.ts";
import { networksFor } from "../models/networks.ts";
import { writeFileAtomic } from "../platform/node/atomic.ts";
import { pathKind } from "../platform/node/files.ts";
import { readIdxFolder } from "../platform/node/idx-folder.ts";
import { encodePng } from "../platform/node/images.ts";
import { defaultCacheDir, defaultDataDir } from "../platform/node/paths.ts";
import { canFetch } from "../platform/node/sources.ts";
import { columns, grouped, percent } from "../task/text.ts";
import { augmentOption, readAugmentOption } from "./augment.ts";
import { type DataOptions, dataOptions, describe, openToMeasure } from "./cli-data.ts";
import type { OpenedData } from "./kinds/kind.ts";
import { type DataKind, KINDS, kindFor, openKind, refuseOptions } from "./kinds/kinds.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { pictureRow, shellWord } from "./shown.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

type Options = CommonOptions & DataOptions;
type InspectOptions = Options & {
  readonly augment?: string | undefined;
  readonly mosaic?: string | undefined;
  readonly seed: number;
};

const EXAMPLES = `
Examples:
  $ ductus data list
  $ ductus data fetch fashion-mnist
  $ ductus data inspect mnist
  $ ductus data inspect my-letters/ --json
  $ ductus data inspect mnist --augment digits --mosaic digits.png`;

export function command(): Command {
  const all = new Command().description("Lists, fetches and inspects data sets.").addHelpText("after", EXAMPLES);
  const [dataDir, ...ofPictures] = dataOptions();
  const add = (name: string, about: string): Command =>
    all.command(name).description(about).addOption(dataDir).addOption(jsonOption());
  add("list", "the data sets known by name, and which are on this machine").action(list);
  add("fetch", "gets a data set into the cache, unless it is on this machine already")
    .argument("<name>", "data set")
    .action(fetchOne);
  const look = add("inspect", "counts, sizes and some pictures of a data set; of texts and lines what they are for")
    .argument("<name|path>", "data set, folder or CSV file")
    .addOption(augmentOption())
    .option(
      "--mosaic <file.png>",
      "where to draw samples: in each row one as it is, then as training would see it (default with --augment: DATA-PRESET.png)",
    )
    .addOption(integerOption("--seed <n>", "of the augmentation", {}).default(0))
    .action(inspect);
  for (const option of ofPictures) look.addOption(option);
  return all;
}

/** Where the files of a data set lie, or undefined. */
export async function whereIs(source: SourceRecord, dataDir?: string): Promise<string | undefined> {
  const folders = [dataDir ?? defaultDataDir(), defaultCacheDir()].filter((folder) => folder !== undefined);
  for (const folder of folders) {
    const path = join(folder, source.name);
    if ((await pathKind(path)) !== "folder") continue;
    const { name, classes } = source;
    const parts = await readIdxFolder(path, { name, classes, origin: path }).catch(() => undefined);
    if (parts?.train !== undefined && parts.test !== undefined) return path;
  }
  return undefined;
}

const MOSAIC_ROWS = 26;

async function list({ json = false, dataDir }: Options): Promise<void> {
  const terminal = openTerminal(json);
  const found = await Promise.all(
    listSources().map(async (source) => ({ source, place: await whereIs(source, dataDir) })),
  );
  const rows = found.map(({ source, place }) => [
    source.name,
    grouped(source.train),
    grouped(source.test),
    `${source.width}×${source.height}`,
    String(source.classes.length),
    place === undefined ? (canFetch(source) ? "can be fetched" : "no") : "yes",
  ]);
  const [head, ...lines] = columns(["name", "train", "test", "pixels", "classes", "here"], rows);
  terminal.print(terminal.style.dim(head));
  for (const [i, line] of lines.entries()) terminal.print(`${line}   ${terminal.style.dim(found[i].source.title)}`);
  terminal.emit({
    datasets: found.map(({ source, place }) => {
      const { name, title, license, train, test, height, width, classes } = source;
      return {
        name,
        title,
        license,
        licence: license,
        train,
        test,
        height,
        width,
        classes: classes.length,
        place,
        canFetch: canFetch(source),
      };
    }),
  });
}

async function fetchOne(name: string, { json = false, dataDir }: Options): Promise<void> {
  const terminal = openTerminal(json);
  const source = findSource(name);
  const data = await openToMeasure(name, { dataDir }, terminal);
  describe(data, terminal);
  const { train, test, origin, fingerprint } = data;
  terminal.print(`${name}: ${grouped(train.length)} + ${grouped(test.length)} samples; ${origin}`);
  terminal.print(terminal.style.dim(`license: ${source.license}`));
  terminal.emit({
    name,
    train: train.length,
    test: test.length,
    origin,
    fingerprint,
    license: source.license,
    licence: source.license,
  });
}

type Inspect = (spec: string, options: InspectOptions) => Promise<void>;

const inspect: Inspect = async (spec, options) => INSPECT[await kindFor({ data: spec })](spec, options);

/** Says what was found, how much of it, and what it is for. */
const inspectOther =
  (kind: DataKind): Inspect =>
  async (spec, options) => {
    refuseOptions(kind, options, spec);
    const terminal = openTerminal(options.json === true);
    const { title, task, input } = KINDS[kind];
    const data = await openKind(kind, spec, { ...options, toMeasure: true }, terminal);
    describe(data, terminal);
    const { name, origin, fingerprint, notes, counts, noun } = data;
    terminal.print(terminal.style.bold(`${name}: ${title}`));
    terminal.print(`a model learns to ${task}: ductus train --data ${shellWord(spec)}`);
    const models = networksFor(task, input);
    terminal.print(`networks for it: ${models.join(", ")}`);
    const drawn = await drawLines(data, KINDS[kind].model, options, terminal);
    terminal.emit({ name, kind, task, models, origin, fingerprint, notes, counts, noun: noun || "samples", ...drawn });
  };

async function inspectPictures(spec: string, options: InspectOptions): Promise<void> {
  const { json = false, dataDir, skipUnreadable } = options;
  const terminal = openTerminal(json);
  const asked = await readAugmentOption(options.augment);
  // A look at data shows what is wrong with them beside what is not.
  const data = await openToMeasure(spec, { dataDir, skipUnreadable: true }, terminal);
  describe(data, terminal);
  if (skipUnreadable !== true && data.skipped !== undefined) {
    terminal.note("note     to train on the others, give --skip-unreadable: without it, those are refused");
  }
  const { train, origin, fingerprint, preprocessing, notes } = data;
  const parts = (["train", "validation", "test"] as const).flatMap((split) => {
    const dataset = data[split];
    return dataset === undefined || dataset.length === 0 ? [] : [{ split, dataset }];
  });
  const splits = Object.fromEntries(parts.map(({ split, dataset }) => [split, describeData(dataset)]));
  show(terminal, splits);
  // What there is of it: a set to measure by may have no part to train on.
  const [{ dataset: shown }] = parts;
  preview(terminal, shown);
  const samples = firstOfEachClass(shown, shown.classes.length > 10 ? 1 : 2).slice(0, MOSAIC_ROWS);
  const drawn = await drawMosaic(shown, { asked, samples }, options, terminal);
  terminal.emit({ name: train.name, origin, fingerprint, preprocessing, notes, ...splits, ...drawn });
}

/** How a look at data is shown, by their kind. */
const INSPECT: Readonly<Record<DataKind, Inspect>> = {
  pictures: inspectPictures,
  labeledTexts: inspectOther("labeledTexts"),
  texts: inspectOther("texts"),
  lines: inspectOther("lines"),
};

/** Lines of a mosaic, and changed copies of each: they are long. */
const [LINE_ROWS, LINE_VARIANTS] = [12, 3];

/** As {@link drawMosaic}, where samples are lines; a model says how a line becomes a sample. */
async function drawLines(
  data: OpenedData,
  network: string,
  options: InspectOptions,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  if (options.mosaic === undefined && options.augment === undefined) return {};
  const asked = await readAugmentOption(options.augment);
  const model = await data.newModel({ name: network, options: {}, recipe: undefined, seed: 0 });
  const part = (["train", "test"] as const).find((each) => data.counts[each] > 0) ?? "validation";
  const dataset = await data.samples(part, model);
  const samples = Array.from({ length: Math.min(LINE_ROWS, dataset.length) }, (_, i) => i);
  return drawMosaic(dataset, { asked, samples, variants: LINE_VARIANTS }, options, terminal);
}

/** Some samples, and what training would make of them, in a file; nothing where neither it nor an augmentation was asked for. */
async function drawMosaic(
  dataset: Dataset,
  { asked, samples, variants }: Pick<MosaicOptions, "samples" | "variants"> & { readonly asked: AugmentOption },
  { augment: name, mosaic: given, seed }: InspectOptions,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  if (given === undefined && name === undefined) return {};
  // Called after a preset, or the file of a list.
  const file =
    given ?? `${basename(dataset.name).replace(/:/g, "-")}-${basename(name ?? "").replace(/\.json$/i, "")}.png`;
  const augment = resolveAugmentations(asked, augmentedSize(dataset.inputs));
  await writeFileAtomic(file, await encodePng(mosaic(dataset, { augment, samples, variants, seed })));
  terminal.print();
  terminal.print(`mosaic         ${file}: ${samples.length} samples, one per row`);
  return { mosaic: file, augment };
}

function show(terminal: Terminal, splits: Readonly<Record<string, DataDescription>>): void {
  const { bold, dim } = terminal.style;
  const parts = Object.values(splits);
  const [first] = parts;
  const size = `${first.width}×${first.height}${first.channels === 1 ? "" : `×${first.channels}`}`;
  terminal.print(bold(`${first.name}: ${parts.map(({ count }) => grouped(count)).join(" + ")} pictures of ${size}`));
  terminal.print(`ink            ${first.polarity.replaceAll("-", " ")}`);
  terminal.print(`pixels         mean ${first.mean.toFixed(4)}, standard deviation ${first.std.toFixed(4)} (of 0 … 1)`);
  terminal.print();
  const rows = first.classes.map(({ name, count }, i) => [
    name,
    grouped(count),
    percent(count / Math.max(1, first.count)),
    ...parts.slice(1).map(({ classes }) => grouped(classes[i]?.count ?? 0)),
  ]);
  const [one, ...others] = Object.keys(splits);
  const [head, ...lines] = columns(["class", one, "share", ...others], rows);
  terminal.print(dim(head));
  for (const line of lines) terminal.print(line);
}

/** A row of pictures, as many as fit, where there is a terminal wide enough for one. */
function preview(terminal: Terminal, dataset: ImageDataset): void {
  const columns = process.stdout.isTTY ? process.stdout.columns : 100;
  const fit = Math.floor((columns + 1) / (dataset.inputShape[1] + 1));
  if (terminal.json || fit < 1) return;
  const indices = firstOfEachClass(dataset);
  terminal.print();
  for (let i = 0; i < Math.min(indices.length, 2 * fit); i += fit) {
    const rows = previewRows(dataset, indices.slice(i, i + fit), { color: terminal.style.bold("") !== "" });
    for (const row of rows) terminal.print(pictureRow(row));
  }
}
