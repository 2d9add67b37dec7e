/**
 * The public API on Node.
 *
 *     const { train, test } = await data.mnist();
 *     const run = await fit(models.create("cnn-3x3"), train, { epochs: 5, validation: 0.1, seed: 7 });
 *     console.log(await evaluate(run.model, test));
 *     await run.model.save("digits.safetensors");
 */
import { nodePlatform } from "./platform/node/platform.ts";
import { setPlatform } from "./platform/platform.ts";

// Everything that this entry point exports asks for the platform when it is called, never when it is imported.
setPlatform(nodePlatform);

export * from "./api/common.ts";
export * as data from "./api/data.ts";
export { type RunFolderOptions, runFolder } from "./train/run-folder.ts";
export { saveWeights } from "./train/transfer/weights.ts";
