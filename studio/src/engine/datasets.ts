/** Data sets of the studio: the digits that come with it, and a user's own pictures. */
import { data } from "ductus";
import type { Sample } from "./protocol.ts";

type Digits = Awaited<ReturnType<typeof data.mnist>>;

let loaded: Promise<Digits> | undefined;

/** MNIST's digits that the site carries, 8,000 to train on and 2,000 for testing; fetched once. */
export function digits(site: string): Promise<Digits> {
  loaded ??= data.mnist({ dataDir: new URL("data/", site) });
  // What failed once may work later.
  loaded.catch(() => {
    loaded = undefined;
  });
  return loaded;
}

/** A user's samples as a data set, prepared as the model wants them. @throws DataError for a class without samples, or a blank one */
export function datasetOf(
  samples: readonly Sample[],
  classes: readonly string[],
  preprocessing: unknown,
): ReturnType<typeof data.readPictures> {
  const byClass = Object.fromEntries(
    classes.map((name) => [name, samples.filter(({ label }) => label === name).map(({ png }) => png)]),
  );
  return data.readPictures(byClass, { name: "samples", preprocessing: preprocessing as data.Preprocessing });
}
