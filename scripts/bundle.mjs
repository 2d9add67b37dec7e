/**
 * Bundles what exported recognizers consist of at run time (src/export/standalone) into src/export/bundle.ts, as texts
 * that the exporters write out. Part of `npm run build`; the result is not under version control.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const folder = new URL("../src/export/standalone/", import.meta.url);
const target = new URL("../src/export/bundle.ts", import.meta.url);

async function script(file) {
  const bundle = await rolldown({ input: fileURLToPath(new URL(file, folder)), platform: "neutral" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  return output[0].code;
}

const parts = {
  LOADER: await script("load.ts"),
  LINE_LOADER: await script("load-lines.ts"),
  PAGE_SCRIPT: await script("page.ts"),
  PAGE_STYLE: (await readFile(new URL("page.css", folder), "utf8")).replace(/\s*\n\s*/g, " "),
  PAGE_HTML: await readFile(new URL("page.html", folder), "utf8"),
};
const lines = Object.entries(parts).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`);
const source = `/** Written by scripts/bundle.mjs; run \`npm run bundle\`. */\n${lines.join("\n")}\n`;
if (source !== (await readFile(target, "utf8").catch(() => ""))) await writeFile(target, source);
