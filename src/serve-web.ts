/**
 * `ductus/serve` where there is nothing of Node: service workers and edge workers. It is what serve-node.ts exports;
 * pictures are decoded by what the platform has (`createImageBitmap`), where it has it.
 */
import { browserPlatform } from "./platform/browser/platform.ts";
import { setPlatform } from "./platform/platform.ts";

setPlatform(browserPlatform);

export * from "./api/serve.ts";
