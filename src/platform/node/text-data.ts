/** Reads what text-layout.ts found: texts, texts with classes, pictures with strings, as they stand in their files. */
import { basename, join } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { asPlainText } from "../../data/formats/csv-lines.ts";
import { parseTextLines, parseTextTable, type TextRow } from "../../data/formats/text-table.ts";
import { DataError } from "../../engine/errors.ts";
import { decodeUtf8, parseStrictJson } from "../../formats/text.ts";
import { listEntries, readUnzipped } from "./files.ts";
import { type PictureString, readStringTable } from "./picture-table.ts";
import { type LabeledSource, type LineSource, type PartPaths, STRING_NAMES } from "./text-layout.ts";

/** A text file as text: UTF-8, or UTF-16 that says so; lines end in line feeds. @throws DataError for anything else */
export async function readText(path: string): Promise<string> {
  const text = decodeUtf8(asPlainText(await readUnzipped(path)), path);
  return text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
}

/** What each part of a data set consists of. */
export type RawParts<Item> = Readonly<Partial<Record<SplitName, readonly Item[]>>>;

async function eachPart<Source, Item>(
  parts: PartPaths<Source>,
  read: (source: Source) => Promise<readonly Item[]>,
): Promise<RawParts<Item>> {
  const all: [SplitName, readonly Item[]][] = [];
  for (const [split, source] of parts) all.push([split, await read(source)]);
  return Object.fromEntries(all);
}

/** Texts, one for each file that is not empty. @throws DataError where all of a part are */
export function readTexts(parts: PartPaths<readonly string[]>): Promise<RawParts<string>> {
  return eachPart(parts, async (paths) => {
    const texts: string[] = [];
    for (const path of paths) texts.push(await readText(path));
    const some = texts.filter((text) => text.trim() !== "");
    if (some.length > 0) return some;
    throw new DataError(`${paths[0]}${paths.length > 1 ? " and the others beside it" : ""}: the text is empty`);
  });
}

type LabeledReaders = {
  readonly [K in LabeledSource["kind"]]: (source: LabeledSource & { kind: K }) => Promise<TextRow[]>;
};

const LABELED: LabeledReaders = {
  table: async ({ path }) => parseTextTable(await readText(path), path),
  records: async ({ path }) => parseTextLines(await readText(path), path, parseStrictJson),
  folder: async ({ path, classes }) => {
    const rows: TextRow[] = [];
    for (const label of classes) {
      for (const { name, isFolder } of await listEntries(join(path, label))) {
        if (isFolder || !/\.(txt|text|md)(\.gz)?$/i.test(name)) continue;
        const file = join(path, label, name);
        const text = (await readText(file)).trim();
        if (text === "") throw new DataError(`${file}: the text is empty; leave the file out`);
        rows.push({ text, label });
      }
    }
    return rows;
  },
};

/** Texts with the names of their classes. */
export function readLabeledTexts(parts: PartPaths<LabeledSource>): Promise<RawParts<TextRow>> {
  return eachPart(parts, (source) => LABELED[source.kind](source as never));
}

type LineReaders = {
  readonly [K in LineSource["kind"]]: (source: LineSource & { kind: K }) => Promise<readonly PictureString[]>;
};

const LINES: LineReaders = {
  table: ({ path }) => readStringTable(path, STRING_NAMES),
  beside: async ({ pairs, lone }) => {
    if (lone.length > 0) {
      const many = lone.length === 1 ? "" : ` (and ${lone.length - 1} others)`;
      throw new DataError(
        `${lone[0]}${many}: no text beside it; write a .txt of the same name, empty where nothing stands there, or take the picture out`,
      );
    }
    const lines: PictureString[] = [];
    for (const [path, file] of pairs) lines.push({ path, text: oneLine(await readText(file), file), where: file });
    return lines;
  },
};

function oneLine(text: string, file: string): string {
  const line = text.trim();
  if (!line.includes("\n")) return line;
  throw new DataError(
    `${file}: several lines of text for one picture; ${basename(file)} is to have the one that it shows`,
  );
}

/** Pictures with their strings. */
export function readLines(parts: PartPaths<LineSource>): Promise<RawParts<PictureString>> {
  return eachPart(parts, (source) => LINES[source.kind](source as never));
}
