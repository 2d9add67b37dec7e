/**
 * Room for decoded pictures while a folder is read (folder.ts): several small ones at a time, huge ones one after the other,
 * so that a few files of some kilobytes never hold gigabytes together. What a picture takes is known from its first bytes.
 */
import { DuctusError } from "../../engine/errors.ts";
import { pictureSize } from "../../formats/picture-size.ts";
import { MAX_PIXELS } from "./images.ts";

/** Pixels that may be held at a time: 256 MiB of RGBA. */
const ROOM = 2 ** 26;

export class PixelRoom {
  #held = 0;
  /** The last one in the line; those behind it come after it. */
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => {};
  #isClosed = false;

  /**
   * Waits until there is room for a picture, or nothing is held. First come, first served: what is asked for in the order in
   * which it is given back never waits for something behind it.
   * @returns pixels, to be given back
   * @throws what reading the file throws; DuctusError when the room was closed meanwhile
   */
  take(file: Promise<Uint8Array>): Promise<number> {
    // Looked at when its turn comes; until then, nobody else would.
    file.catch(() => undefined);
    const taken = this.#last.then(async () => {
      const pixels = pixelsOf(await file);
      while (!this.#isClosed && this.#held > 0 && this.#held + pixels > ROOM) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#isClosed) throw new DuctusError("reading pictures was stopped");
      this.#held += pixels;
      return pixels;
    });
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  give(pixels: number): void {
    this.#held -= pixels;
    this.#wake();
  }

  /** Whoever waits is turned away: nobody will look at the pictures. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }
}

/** A file that does not say its size counts as the largest; a larger one will be refused by the decoder. */
function pixelsOf(file: Uint8Array): number {
  const size = pictureSize(file);
  return Math.min(MAX_PIXELS, size === undefined ? MAX_PIXELS : size.width * size.height);
}
