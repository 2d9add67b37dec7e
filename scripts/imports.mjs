/**
 * Who may import whom: holds the sources against the table in docs/architecture.md, and finds files that import each other in a
 * circle when they run (types, which are erased, and imports on demand do not count). Part of `npm run lint`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
/** The table's words for files directly in src/ and for all folders. */
const ENTRIES = "entry points";
const EVERYTHING = "everything";
const NODE = "node";

const files = readdirSync(src, { recursive: true })
  .map((file) => join(src, String(file)))
  .filter((file) => file.endsWith(".ts"));

/** `import … from "…"`, `export … from "…"` and `import("…")`, with what is imported. */
const STATEMENT =
  /^(?:import|export)\s+(type\s)?([^"';]*?)\s*from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** The imports of a file: where to, and whether they are there when it runs. */
function importsOf(file) {
  return [...readFileSync(file, "utf8").matchAll(STATEMENT)].map(([, type, names = "", from, bare, onDemand]) => {
    const inner =
      names
        .match(/\{([^}]*)\}/)?.[1]
        .split(",")
        .map((name) => name.trim()) ?? [];
    const isErased =
      type !== undefined || (inner.length > 0 && inner.every((name) => name === "" || name.startsWith("type ")));
    return { to: from ?? bare ?? onDemand, runs: !isErased && onDemand === undefined };
  });
}

/** The row of the table that a file belongs to: its folder, or one inside that has a row of its own. */
const folderOf = (file) => {
  const [first, second, ...rest] = relative(src, file).split(sep);
  if (second === undefined) return ENTRIES;
  return rest.length > 0 && table.has(`${first}/${second}`) ? `${first}/${second}` : first;
};

/** The rows of the table: folder → folders that it may import. */
function readTable() {
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const rows = text.split("\n").filter((line) => /^\| `?[a-z /]+`?\s*\|/.test(line) && line.split("|").length === 5);
  const names = (cell) =>
    cell
      .replaceAll("`", "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
  return new Map(rows.map((row) => row.split("|").slice(1, 3)).map(([folder, may]) => [names(folder)[0], names(may)]));
}

const table = readTable();
const problems = [];
/** By file: what it imports when it runs. */
const graph = new Map();
for (const file of files) {
  const folder = folderOf(file);
  const may = table.get(folder);
  const name = relative(root, file);
  if (may === undefined) problems.push(`${name}: the folder ${folder} is not in the table of docs/architecture.md`);
  const targets = [];
  for (const { to, runs } of importsOf(file)) {
    const isOwn = to.startsWith(".");
    const target = isOwn ? folderOf(resolve(dirname(file), to)) : to.startsWith("node:") ? NODE : undefined;
    if (isOwn && runs) targets.push(resolve(dirname(file), to));
    if (target === undefined || target === folder || may === undefined) continue;
    if (!may.includes(target) && !may.includes(EVERYTHING)) {
      problems.push(`${name}: ${folder} may not import ${target}; see the table in docs/architecture.md`);
    }
  }
  graph.set(file, targets);
}

/** Walks along imports and reports the first circle through each file. */
const state = new Map();
function visit(file, path) {
  state.set(file, "open");
  for (const next of graph.get(file) ?? []) {
    if (state.get(next) === "open") {
      const circle = [...path.slice(path.indexOf(next)), next].map((one) => relative(src, one));
      problems.push(`circle of imports: ${circle.join(" → ")}`);
    } else if (!state.has(next)) visit(next, [...path, next]);
  }
  state.set(file, "done");
}
for (const file of files) if (!state.has(file)) visit(file, [file]);

for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`${problems.length} problems with imports`);
  process.exitCode = 1;
}
