/** Files that a model's file names as parts of itself: beside it or in folders below, and nowhere else. */
import { realpath } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { DataError } from "../engine/errors.ts";
import { quote } from "../formats/text.ts";
import { platform } from "../platform/platform.ts";

/**
 * Reads files below the folder of `path` by a path relative to it.
 * @throws DataError where a link leads out of the folder, DuctusError where there is no such file
 */
export function filesBelow(path: string): (location: string) => Promise<Uint8Array> {
  const folder = dirname(path);
  return async (location) => {
    const wanted = join(folder, location);
    const [root, real] = await Promise.all([folder, wanted].map((place) => realpath(place).catch(() => undefined)));
    // What is not there is named by the reader.
    if (root !== undefined && real !== undefined) {
      const way = relative(root, real);
      if (way === ".." || way.startsWith(`..${sep}`) || way === real) {
        throw new DataError(`${quote(location)} is a link out of the model's folder; put the file itself there`);
      }
    }
    return platform().readFile(real ?? wanted);
  };
}
