/**
 * `ductus/serve` in Node, Bun and Deno: models behind HTTP as one function `Request → Response`, for a server of one's own.
 * What `ductus serve` adds (a socket, folders that are watched, threads) stands in platform/node.
 *
 *     const handler = await createHandler({ digits: await readFile("digits.safetensors") });
 *     Deno.serve(handler.fetch);
 */
import { nodePlatform } from "./platform/node/platform.ts";
import { setPlatform } from "./platform/platform.ts";

setPlatform(nodePlatform);

export * from "./api/serve.ts";
