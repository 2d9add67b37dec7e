/**
 * `ductus/serve` where there is nothing of Node: service workers and edge workers. It is what serve-node.ts exports;
 * pictures are decoded by what the platform has (`createImageBitmap`), where it has it.
 */
import { DuctusError } from "./engine/errors.ts";
import { browserPlatform } from "./platform/browser/platform.ts";
import { setPlatform } from "./platform/platform.ts";

async function refuse(): Promise<never> {
  throw new DuctusError("this platform cannot decode pictures; give createHandler a decodePicture, or send numbers");
}

const canDecode = typeof createImageBitmap !== "undefined" && typeof OffscreenCanvas !== "undefined";
setPlatform(canDecode ? browserPlatform : { ...browserPlatform, decodePicture: refuse });

export * from "./api/serve.ts";
