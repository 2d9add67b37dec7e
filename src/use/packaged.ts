/** Models that come with Ductus, in its folder `models`: found by name, in Node and in a page, before anybody has trained one. */
import { DataError, DuctusError } from "../engine/errors.ts";
import { platform } from "../platform/platform.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import { load, type TrainedModel } from "./trained-model.ts";

/** Where each lies. Bundlers for pages find the file by this form of an address, and take it along. */
const PACKAGED = {
  reader: () => new URL("../../models/reader.safetensors", import.meta.url),
} as const;

/** The name of a model that comes with Ductus. */
export type PackagedName = keyof typeof PACKAGED;

/** Whether a model of this name comes with Ductus. */
export const isPackaged = (name: string): name is PackagedName => Object.hasOwn(PACKAGED, name);

/** What each is for. */
interface Tasks {
  reader: Transcribe;
}

/** What servers of single pages send for every address at which there is nothing. */
const isPage = (bytes: Uint8Array): boolean =>
  /^\s*<(?:!doctype|html)/i.test(new TextDecoder().decode(bytes.subarray(0, 64)));

/** The bytes of its model file. @throws DataError when it is not where it was installed, with what to do */
export async function readPackaged(name: PackagedName): Promise<Uint8Array> {
  const address = PACKAGED[name]();
  const missing = (why: string, cause?: unknown): DataError =>
    new DataError(
      `${name}: the model that comes with Ductus is not at ${address} (${why}); install ductus again, or in a page let the bundler take it along (Vite: optimizeDeps: { exclude: ["ductus"] }), or load ductus/models/${name}.safetensors yourself: docs/browser.md`,
      { cause },
    );
  let bytes: Uint8Array;
  try {
    bytes = await platform().readFile(address);
  } catch (error) {
    if (!(error instanceof DuctusError)) throw error;
    throw missing(error.message, error);
  }
  if (isPage(bytes)) throw missing("a web page is there");
  return bytes;
}

/**
 * A model that comes with Ductus: `reader` reads numbers from pictures of lines (models/README.md).
 * @throws DuctusError when its file is not where it was installed
 */
export async function loadPackaged<N extends PackagedName>(name: N): Promise<TrainedModel<Tasks[N]>> {
  return load<Tasks[N]>(await readPackaged(name), { name });
}
