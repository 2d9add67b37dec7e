/**
 * How the studio is built: static files for any address (all paths are relative), with `ductus` as pages get it, from dist,
 * and a service worker that knows every file by name.
 */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
/** In the service worker, stands for the files to keep. */
const PLACE = "__FILES__";

/** All files below a folder, with slashes. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));

/** Writes sw.js from src/offline/service-worker.ts with the names of all files; a new build has another list, or another hash. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle(_, bundle) {
      const entry = Object.values(bundle).find((part) => part.type === "chunk" && part.fileName === "sw.js");
      if (entry?.type !== "chunk") return this.error("there is no sw.js among the files");
      const files = [...Object.keys(bundle), ...filesIn(here("public"))].filter((name) => name !== "sw.js");
      entry.code = entry.code.replaceAll(PLACE, JSON.stringify(["./", ...files.sort()]));
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
      // What an export needs at once is fetched with it; elsewhere the same is fetched when it is needed.
      checks: { ineffectiveDynamicImport: false },
      input: { index: here("index.html"), sw: here("src/offline/service-worker.ts") },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  worker: { format: "es" },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
  plugins: [serviceWorker()],
});
