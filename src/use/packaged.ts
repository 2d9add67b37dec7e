/** Models that come with Ductus, in its folder `models`: found by name, in Node and in a page, before anybody has trained one. */
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

/**
 * A model that comes with Ductus: `reader` reads numbers from pictures of lines (models/README.md).
 * @throws DuctusError when its file is not where it was installed
 */
export async function loadPackaged<N extends PackagedName>(name: N): Promise<TrainedModel<Tasks[N]>> {
  return load<Tasks[N]>(await platform().readFile(PACKAGED[name]()), { name });
}
