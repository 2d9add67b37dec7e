/**
 * Makes the reader that comes with Ductus of one that was trained: `node scripts/package-reader.mjs RUN`, after `npm run build`. Its
 * weights are rounded to float16, so that a model file holds them in half the room, and are written to models/reader.safetensors.
 */
import { fileURLToPath } from "node:url";
import { halved, load } from "../dist/index.js";

const [run] = process.argv.slice(2);
if (run === undefined) {
  console.error("usage: node scripts/package-reader.mjs RUN    the folder of a run, or a model file");
  process.exit(2);
}
await halved(await load(run)).save(fileURLToPath(new URL("../models/reader.safetensors", import.meta.url)));
