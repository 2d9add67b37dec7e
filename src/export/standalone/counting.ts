/**
 * How many characters a picture shows, beside what a recognizer reads in it: for exported scripts and pages and
 * `ductus/runtime`.
 */
import { examinePicture } from "../../picture/preprocess.ts";
import { type Pixels, withChannels } from "./pixels.ts";
import type { Recognizer } from "./recognizer.ts";

/** A {@link Recognizer} that also notices what it cannot read. */
export interface CountingRecognizer extends Recognizer {
  /** How many characters a picture shows; the network reads one, and takes several for one. @throws when it is blank */
  characters(picture: Pixels): number;
}

export function counting(recognizer: Recognizer): CountingRecognizer {
  const { preprocessing, labels } = recognizer;
  return {
    ...recognizer,
    characters: (picture) => examinePicture(preprocessing, withChannels(picture), labels).characters,
  };
}
