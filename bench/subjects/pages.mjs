/** Photographed pages that nobody has seen: forms, tables, sudokus, cheques and lists, printed in real fonts, filled in by writers of MNIST. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../dist/engine/errors.js";
import { Random } from "../../dist/engine/random.js";
import { findNumbers } from "../../dist/page/find-numbers.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { openWriters } from "../lib/hand-writing.mjs";
import { CAMERAS, filledPage, mapsOf, openPrinter, photographed } from "../lib/page-camera.mjs";
import { judge } from "../lib/page-truth.mjs";
import { KINDS } from "../lib/printed-pages.mjs";
import { table } from "../lib/table.mjs";
import { names, number } from "../lib/usage.mjs";

const FATES = ["whole", "dirty", "cut", "divided", "joined", "lost"];
const EXTRAS = ["words", "print", "nothing"];

export const subject = {
  summary: "which numbers are found on photographed pages",
  about: `Pages are printed by Chromium, filled in by writers of MNIST's test part and photographed; what stands where is known. Each number is found
whole, with foreign ink (dirty), without some characters (cut), divided, joined with another, or lost; other places show printed
words, printed numbers, or nothing. DUCTUS_DATA names a folder with mnist and mnist-writers.`,
  options: {
    kinds: {
      value: "a,b",
      default: "all",
      read: names("kind", Object.keys(KINDS)),
      about: `of: ${Object.keys(KINDS).join(", ")}`,
    },
    cameras: {
      value: "a,b",
      default: "scan,plain,hard",
      read: names("camera", Object.keys(CAMERAS)),
      about: `of: ${Object.keys(CAMERAS).join(", ")}`,
    },
    rounds: { value: "N", default: "1", read: number(1, true), about: "pages of each kind for each camera" },
    seed: { value: "N", default: "1", read: number(0, true), about: "of all that varies" },
    keep: { value: "FOLDER", read: (_, text) => text, about: "write the photographs there" },
  },
  examples: ["--kinds combs,sudoku --cameras hard --rounds 3", "--keep pictures/"],

  async measure({ kinds, cameras, rounds, seed, keep }, say) {
    const folder = process.env.DUCTUS_DATA;
    if (folder === undefined) throw new UsageError("DUCTUS_DATA names the folder with mnist and mnist-writers");
    const writers = openWriters(folder);
    if (keep !== undefined) await mkdir(keep, { recursive: true });
    const printer = await openPrinter();
    const pages = [];
    try {
      for (const kind of kinds) {
        for (const camera of cameras) {
          for (let round = 0; round < rounds; round++) {
            const place = Object.keys(KINDS).indexOf(kind) * 1000 + Object.keys(CAMERAS).indexOf(camera) * 100 + round;
            const sheet = await filledPage(printer, kind, writers, new Random(seed, "user", place));
            const { bytes, geometry } = await photographed(sheet, camera, new Random(seed + 1, "user", place));
            if (keep !== undefined) await writeFile(join(keep, `${kind}-${camera}-${round}.jpg`), bytes);
            const picture = await nodePlatform.decodePicture(bytes);
            const before = process.cpuUsage();
            const { regions } = findNumbers(picture);
            const { user, system } = process.cpuUsage(before);
            const { numbers, extra } = judge(sheet, regions, mapsOf(geometry).toPage);
            const counts = Object.fromEntries([
              ...FATES.map((fate) => [fate, numbers.filter((each) => each.fate === fate).length]),
              ...EXTRAS.map((what) => [what, extra[what].length]),
            ]);
            pages.push({ kind, camera, numbers: numbers.length, ms: (user + system) / 1000, ...counts });
          }
        }
        const own = pages.filter((page) => page.kind === kind);
        say(`${kind}: ${sum(own, "whole")} of ${sum(own, "numbers")} whole`);
      }
    } finally {
      await printer.close();
    }
    return { pages };
  },

  format({ options, pages }) {
    const row = (name, own) => [
      name,
      ...["numbers", ...FATES, ...EXTRAS].map((what) => String(sum(own, what))),
      String(Math.round(sum(own, "ms") / own.length)),
    ];
    const rows = [
      ...options.kinds.map((kind) =>
        row(
          kind,
          pages.filter((page) => page.kind === kind),
        ),
      ),
      ...options.cameras.map((camera) =>
        row(
          `(${camera})`,
          pages.filter((page) => page.camera === camera),
        ),
      ),
      row("together", pages),
    ];
    return table([["", "numbers", ...FATES, ...EXTRAS, "ms"], ...rows]);
  },
};

const sum = (pages, what) => pages.reduce((total, page) => total + page[what], 0);
