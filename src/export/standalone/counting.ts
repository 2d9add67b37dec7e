/**
 * How many characters a picture shows, beside what a recogniser reads in it: for exported scripts and pages and
 * `ductus/runtime`.
 */
import { examinePicture } from "../../picture/preprocess.ts";
import { type Pixels, type Recogniser, withChannels } from "./recogniser.ts";

/** A {@link Recogniser} that also notices what it cannot read. */
export interface CountingRecogniser extends Recogniser {
  /** How many characters a picture shows; the network reads one, and takes several for one. @throws when it is blank */
  characters(picture: Pixels): number;
}

export function counting(recogniser: Recogniser): CountingRecogniser {
  const { preprocessing, labels } = recogniser;
  return {
    ...recogniser,
    characters: (picture) => examinePicture(preprocessing, withChannels(picture), labels).characters,
  };
}
