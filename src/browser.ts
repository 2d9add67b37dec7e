/**
 * The public API in a web page or worker: what `import … from "ductus"` means to a bundler for browsers.
 *
 *     const { train, test } = await data.mnist({ dataDir: "/data" });
 *     const run = await fit(models.create("cnn-3x3"), train, { epochs: 5, callbacks: [{ onEpoch: (e) => postMessage(e) }] });
 *     postMessage(await encodeModel(run.model));
 */
import { browserPlatform } from "./platform/browser/platform.ts";
import { setPlatform } from "./platform/platform.ts";

setPlatform(browserPlatform);

export * from "./api/common.ts";
export * as data from "./api/data-browser.ts";
export type { Source } from "./platform/browser/bytes.ts";
export { encodeCheckpoint } from "./train/checkpoint.ts";
