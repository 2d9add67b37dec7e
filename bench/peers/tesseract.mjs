/** Tesseract.js as a reader of one line of digits, as its documentation sets it up for that: a whitelist, and a single line to a picture. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { packagesOf } from "./packages.mjs";

/** Its mode of pages for a picture that is one line of text. */
const SINGLE_LINE = "7";

/** @throws Unavailable when it cannot be installed */
export async function openTesseract() {
  const folder = await packagesOf("tesseract");
  const require = createRequire(join(folder, "package.json"));
  const { createWorker } = require("tesseract.js");
  const { version } = require("tesseract.js/package.json");
  const langPath = join(folder, "node_modules/@tesseract.js-data/eng/4.0.0_best_int");
  const worker = await createWorker("eng", 1, { langPath, cacheMethod: "none" });
  await worker.setParameters({ tessedit_char_whitelist: "0123456789", tessedit_pageseg_mode: SINGLE_LINE });
  return {
    title: `Tesseract.js ${version}`,
    /** @param png bytes of the picture */
    read: async (png) => (await worker.recognize(Buffer.from(png))).data.text.replace(/\s/g, ""),
    close: () => worker.terminate(),
  };
}
