/** The benchmarks run what users run, the built package; this says so when it is not there. */
import { existsSync } from "node:fs";

/** Ends the process with one line when `dist/` is missing. */
export function requireBuild() {
  if (existsSync(new URL("../../dist/index.js", import.meta.url))) return;
  console.error("error: dist/ is missing; run npm run build first (npm run bench does)");
  process.exit(1);
}
