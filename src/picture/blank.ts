/**
 * Classes of blank pictures: boxes of a form that nobody filled in. Who trains on such a class wants its model to know blank pictures by
 * it, so its preprocessing keeps them (`keepBlank`) instead of refusing what has no ink.
 */
import type { ImageDataset } from "../data/dataset.ts";
import { LEAST_CONTRAST } from "./ink.ts";

/** From this part of a class on, its blank pictures are what it is about, and no mistakes. */
export const BLANK_CLASS = 0.5;

/** What is said of a class of blank pictures. @param count how many are blank, as in `12 of 12` */
export function blankClassNote(name: string, count: string): string {
  return `class "${name}" is one of blank pictures: ${count}; a model trained on it knows blank pictures by it`;
}

/** The notes on classes most of whose pictures are blank: of one shade, so far as ink goes. */
export function blankClassNotes(dataset: ImageDataset): string[] {
  const counts = dataset.classes.map(() => ({ all: 0, blank: 0 }));
  for (let i = 0; i < dataset.length; i++) {
    const count = counts[dataset.label(i)];
    count.all++;
    if (isBlank(dataset.image(i))) count.blank++;
  }
  return counts.flatMap(({ all, blank }, label) =>
    blank > BLANK_CLASS * all ? [blankClassNote(dataset.classes[label], `${blank} of ${all}`)] : [],
  );
}

function isBlank(pixels: Uint8Array): boolean {
  let [least, most] = [255, 0];
  for (const value of pixels) {
    if (value < least) least = value;
    if (value > most) most = value;
    if (most - least >= LEAST_CONTRAST) return false;
  }
  return true;
}
