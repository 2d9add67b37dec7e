/**
 * Bundles what exported recognizers consist of at run time (src/export/standalone) into src/export/bundle.ts, as texts
 * that the exporters write out. Part of `npm run build`; the result is not under version control.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const folder = new URL("../src/export/standalone/", import.meta.url);
const target = new URL("../src/export/bundle.ts", import.meta.url);

async function script(file, format = "esm") {
  const bundle = await rolldown({ input: fileURLToPath(new URL(file, folder)), platform: "neutral" });
  const { output } = await bundle.generate({ format, minify: true });
  return output[0].code;
}

const text = (file) => readFile(new URL(file, folder), "utf8");
const style = async (file) =>
  `${await text("common.css")}${await text(file)}`.replace(/\/\*.*?\*\//gs, "").replace(/\s*\n\s*/g, " ");

const parts = {
  LOADER: await script("load.ts"),
  LINE_LOADER: await script("load-lines.ts"),
  PAGE_SCRIPT: await script("page.ts"),
  PAGE_STYLE: await style("page.css"),
  PAGE_HTML: await text("page.html"),
  READING_SCRIPT: await script("reading-page.ts"),
  // Workers of pages from a file are no modules.
  READING_WORKER: await script("reading-worker.ts", "iife"),
  READING_STYLE: await style("reading-page.css"),
  READING_HTML: await text("reading-page.html"),
};
const lines = Object.entries(parts).map(([name, text]) => `export const ${name}: string = ${JSON.stringify(text)};`);
const source = `/** Written by scripts/bundle.mjs; run \`npm run bundle\`. */\n${lines.join("\n")}\n`;
if (source !== (await readFile(target, "utf8").catch(() => ""))) await writeFile(target, source);
