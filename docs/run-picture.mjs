/** Draws the terminal output given on standard input as docs/run.svg: `npm start --silent 2>&1 | node docs/run-picture.mjs`. */
import { readFileSync, writeFileSync } from "node:fs";

const lines = readFileSync(0, "utf8").trimEnd().split("\n");
const [line, top, left, glyph] = [18, 46, 20, 7.85];
const width = Math.ceil(Math.max(...lines.map((text) => text.length)) * glyph) + 2 * left;
const height = top + lines.length * line + 10;
const xml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const rows = lines.map((text, i) => `<text x="${left}" y="${top + i * line}">${xml(text)}</text>`);
const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
  (fill, i) => `<circle cx="${20 + 18 * i}" cy="18" r="5.5" fill="${fill}"/>`,
);
writeFileSync(
  new URL("run.svg", import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="A training run in a terminal">
<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9;white-space:pre}</style>
<rect width="100%" height="100%" rx="8" fill="#1d2129"/>
${dots.join("")}
${rows.join("\n")}
</svg>
`,
);
