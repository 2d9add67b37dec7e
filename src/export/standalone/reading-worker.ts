/**
 * The worker of an exported page that reads photographs: decodes a picture, finds the places where numbers stand, reads each, and sends both
 * back as soon as it has them, so that the page never waits. What it does is what `ductus read` does, with the module in place of the engine.
 */
import { DuctusError } from "../../engine/errors.ts";
import type { Quad } from "../../page/geometry.ts";
import { decodePicture } from "../../platform/browser/pictures.ts";
import { answersFor, RuleBook } from "../../read/answering.ts";
import type { PageAnswer } from "../../read/answers.ts";
import { linesAt, placesOn } from "../../read/places.ts";
import { openLineRecognizer } from "./line-recognizer.ts";

/** What the page asks for: a picture to be read. */
export interface ReadRequest {
  /** Counts what is asked for; answers bear it. */
  readonly id: number;
  readonly picture: Blob;
}

/** What comes back for a picture: where numbers may stand, then what does; or in one line why not. */
export type ReadReply = { readonly id: number } & (
  | { readonly kind: "found"; readonly width: number; readonly height: number; readonly quads: readonly Quad[] }
  | { readonly kind: "read"; readonly answer: PageAnswer; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly message: string }
);

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(reply: ReadReply): void;
};

/** First comes the module, then pictures. */
scope.onmessage = ({ data: module }: MessageEvent<Uint8Array>) => {
  const opened = openLineRecognizer(module);
  scope.onmessage = async ({ data: { id, picture } }: MessageEvent<ReadRequest>) => {
    try {
      const { alphabet, preprocessing, scores } = await opened;
      const decoded = await decodePicture(picture);
      const started = performance.now();
      const { places, ...page } = placesOn(decoded);
      scope.postMessage({ id, kind: "found", ...page, quads: places.map(({ quad }) => quad) });
      const lines = linesAt(preprocessing, places);
      const read = lines.map((line) => line && scores(line));
      const numbers = answersFor(places, read, new RuleBook(alphabet), {});
      scope.postMessage({ id, kind: "read", answer: { ...page, numbers }, milliseconds: performance.now() - started });
    } catch (error) {
      const isSaid = error instanceof DuctusError;
      scope.postMessage({ id, kind: "failed", message: isSaid ? error.message : `the page failed: ${error}` });
    }
  };
};
