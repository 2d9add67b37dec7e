/** Strings of digits, each of one writer whom no training saw, read from pictures of lines: beside Tesseract.js. */
import { availableParallelism } from "node:os";
import { UsageError } from "../../dist/engine/errors.js";
import { encodePng } from "../../dist/formats/png.js";
import { resize } from "../../dist/picture/resize.js";
import { decodeImage } from "../../dist/platform/node/images.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { openStrings } from "../../dist/platform/node/strings-data.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { loadPackaged } from "../../dist/use/packaged.js";
import { LineReader } from "../../dist/use/read-line.js";
import { load } from "../../dist/use/trained-model.js";
import { figure, percent, table } from "../lib/table.mjs";
import { median } from "../lib/timing.mjs";
import { names, number } from "../lib/usage.mjs";
import { Unavailable } from "../peers/child.mjs";
import { openTesseract } from "../peers/tesseract.mjs";

const STYLES = ["spaced", "touching", "boxed"];
/** Pixels of a picture for one of a sample: Tesseract wants characters of some twenty pixels at least. */
const ZOOM = 3;
/** White around the line, in pixels of a sample. */
const MARGIN = 6;

export const subject = {
  summary: "strings of digits beside Tesseract.js",
  about: `Strings of 4 to 8 digits of MNIST's test writers as dark ink on white, ${28 * ZOOM} pixels high and some white around. Both
read the same PNG files, one after the other; a string is right when all of it is. Needs MNIST in the folder that DUCTUS_DATA names.`,
  options: {
    model: {
      value: "FILE",
      default: "reader",
      read: (_, text) => text,
      about: "model file; reader: the one that comes with Ductus",
    },
    strings: { value: "N", default: "1000", read: number(1, true), about: "strings of each style" },
    styles: {
      value: "a,b",
      default: STYLES.join(","),
      read: names("style", STYLES),
      about: `of: ${STYLES.join(", ")}`,
    },
    peers: { value: "a,b", default: "tesseract", read: names("peer", ["tesseract"]), about: "tesseract, or none" },
    seed: { value: "N", default: "0", read: number(0, true), about: "of the strings" },
  },
  examples: ["--strings 200 --styles spaced", "--peers none --model runs/strings-mnist-reader-1/best.safetensors"],

  async measure({ model, strings, styles, peers, seed }, say) {
    if (process.env.DUCTUS_DATA === undefined) throw new UsageError("DUCTUS_DATA names no folder with MNIST");
    setPlatform(nodePlatform);
    const notes = [];
    const own = await openOwn(model);
    const readers = [own];
    if (peers.includes("tesseract")) {
      try {
        readers.push(await openTesseract());
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        notes.push(`Tesseract.js: left out, ${error.message}`);
      }
    }
    const rows = [];
    for (const style of styles) {
      say(`${style} …`);
      const { test } = await openStrings(`strings:mnist:${style}`, { testLength: strings, seed });
      const results = readers.map(({ title }) => ({ style, title, wrong: 0, empty: 0, milliseconds: [] }));
      for (let index = 0; index < strings; index++) {
        const { png, truth } = await pictureOf(test, index);
        for (const [i, { read }] of readers.entries()) {
          const started = performance.now();
          const text = await read(png);
          results[i].milliseconds.push(performance.now() - started);
          if (text === "") results[i].empty++;
          if (text !== truth) results[i].wrong++;
        }
      }
      rows.push(...results);
    }
    for (const { close } of readers) await close();
    return { strings, rows, notes };
  },

  format({ strings, rows, notes }) {
    const body = rows.map(({ style, title, wrong, empty, milliseconds }) => [
      style,
      title,
      percent((strings - wrong) / strings),
      String(wrong),
      String(empty),
      figure(median(milliseconds)),
    ]);
    const heads = ["strings", "reader", "right", "wrong", "of these empty", "ms a line"];
    return [
      `${strings} strings of each style, ${availableParallelism()} cores`,
      "",
      table([heads, ...body]),
      ...notes,
    ].join("\n");
  },
};

async function openOwn(file) {
  const reader = await LineReader.open(file === "reader" ? await loadPackaged("reader") : await load(file));
  return {
    title: "Ductus",
    read: async (png) => (await reader.read(await decodeImage(png, undefined, {}))).text,
    close: () => reader.close(),
  };
}

/** A string as a PNG file, and what it says. */
async function pictureOf(dataset, index) {
  const sizes = dataset.sizes(index);
  const [height] = dataset.inputs.x.shape.slice(1);
  const x = new Uint8Array(sizes.columns * height);
  const [y, length] = [new Int32Array(sizes.symbols), new Int32Array(1)];
  dataset.read([index], 0, 1, { x, y, length }, sizes);
  const [width, tall] = [length[0] + 2 * MARGIN, height + 2 * MARGIN];
  const paper = new Float32Array(width * tall).fill(255);
  for (let column = 0; column < length[0]; column++) {
    for (let row = 0; row < height; row++) {
      paper[(row + MARGIN) * width + column + MARGIN] = 255 - x[column * height + row];
    }
  }
  const data = Uint8Array.from(resize(paper, tall, width, 1, ZOOM * tall, ZOOM * width), Math.round);
  const truth = [...y]
    .filter((symbol) => symbol >= 0)
    .map((symbol) => dataset.alphabet[symbol])
    .join("");
  return { png: await encodePng({ width: ZOOM * width, height: ZOOM * tall, channels: 1, data }), truth };
}
