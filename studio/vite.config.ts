/**
 * How the studio is built: static files for any address (all paths are relative), with `ductus` as pages get it, from dist,
 * and a service worker that knows every file by name.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { licenses } from "./licenses.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
/** In the service worker, stand for the files to keep, and for what tells this build from others. */
const FILES = "__FILES__";
const BUILD = "__BUILD__";

// The digits come from a package of their own.
const { page, worker } = licenses([createRequire(import.meta.url).resolve("mnist/package.json")]);

/** All files below a folder, with slashes. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));

/** Writes sw.js from src/offline/service-worker.ts with the names of all files, and a hash of what is in them. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const entry = Object.values(bundle).find((part) => part.type === "chunk" && part.fileName === "sw.js");
      if (entry?.type !== "chunk") return this.error("there is no sw.js among the files");
      const hash = createHash("sha256");
      const built = Object.values(bundle).filter((part) => part !== entry);
      for (const part of built) hash.update(part.type === "chunk" ? part.code : part.source);
      const copied = filesIn(here("public"));
      for (const name of copied) hash.update(readFileSync(here(`public/${name}`)));
      const names = [...built.map(({ fileName }) => fileName), ...copied].filter((name) => name !== "index.html");
      entry.code = entry.code
        .replaceAll(FILES, JSON.stringify(["./", ...names.sort()]))
        .replaceAll(BUILD, JSON.stringify(hash.digest("hex").slice(0, 12)));
    },
  };
}

// Vite reads the configuration from the default export.
export default defineConfig({
  root: here("."),
  base: "./",
  resolve: {
    alias: [
      { find: /^ductus\/runtime$/, replacement: here("../dist/runtime.js") },
      { find: /^ductus$/, replacement: here("../dist/browser.js") },
    ],
  },
  build: {
    outDir: here("../dist/studio"),
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: {
      onLog: (level, log, print) => {
        // What an export needs at once is fetched with it; elsewhere the same is fetched when it is needed.
        if (log.code !== "INEFFECTIVE_DYNAMIC_IMPORT") print(level, log);
      },
      input: { index: here("index.html"), sw: here("src/offline/service-worker.ts") },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  worker: { format: "es", plugins: () => [worker] },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
  plugins: [page, serviceWorker()],
});
