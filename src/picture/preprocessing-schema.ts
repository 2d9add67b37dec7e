/**
 * Checks a {@link Preprocessing} that comes from a file. Apart from preprocessing.ts, so that exported recognizers, which
 * trust what they carry, do not carry the checks.
 */
import { anyRecord, number, oneOf, record, refined, type Schema, truth, whole } from "../engine/schema.ts";
import type { InkPreprocessing, Preprocessing, ResizePreprocessing } from "./preprocessing.ts";

const side = whole(1, 4096);

const ink: Schema<InkPreprocessing> = refined(
  record(
    {
      kind: oneOf("ink"),
      height: side,
      width: side,
      box: side,
      polarity: oneOf("auto", "light-on-dark", "dark-on-light"),
      centre: oneOf("mass", "box"),
      minStroke: number(0, 64),
    },
    { keepBlank: truth },
  ),
  ({ box, height, width }) => (box <= Math.min(height, width) ? undefined : "box is larger than the picture"),
);

const stretch: Schema<ResizePreprocessing> = record({
  kind: oneOf("resize"),
  height: side,
  width: side,
  channels: oneOf(1, 3),
  invert: truth,
});

/** Checks a {@link Preprocessing} that comes from a file. */
export const preprocessingSchema: Schema<Preprocessing> = (value, path) =>
  (anyRecord(value, path)["kind"] === "ink" ? ink : stretch)(value, path);
