/**
 * A recognizer of lines of writing that stands alone, at run time: from the bytes of an exported module (export/line-module.ts) to a
 * function that reads the picture of a line, such as one number. Bundled, with the very code that prepares lines for training and decodes
 * what the network gives, into every exported `.js` and page for lines; what belongs to one model is all in the module.
 */
import { viewOf } from "../../engine/dtype.ts";
import { type Line, type LineFrame, lineOf } from "../../picture/line.ts";
import type { LineScores } from "../../read/answering.ts";
import { type LineReading, lineReading } from "../../read/line-reading.ts";
import { framesOf } from "../../task/transcribe/ctc-frames.ts";
import { openModule } from "./module.ts";
import { type Pixels, withChannels } from "./pixels.ts";

/** A width for which a module has a function, `run` and the columns: what it takes, and the frames that it gives. */
export interface LineWidth {
  readonly columns: number;
  readonly frames: number;
}

/** What a module for lines says about its model, as JSON. */
export interface LineCard {
  readonly version: string;
  readonly reads: "lines";
  /** The symbols of the outputs after the first, which is for nothing. */
  readonly alphabet: readonly string[];
  readonly preprocessing: LineFrame;
  /** From the narrowest; the last holds any line. */
  readonly widths: readonly LineWidth[];
  /** What outputs are divided by before the softmax; absent where none was fitted. */
  readonly temperature?: number | undefined;
}

/** A finished model, ready to read lines. */
export interface LineRecognizer {
  /** The symbols that strings consist of. */
  readonly alphabet: readonly string[];
  /** How a line is prepared. */
  readonly preprocessing: LineFrame;
  /** Reads a line, of any size, dark on light or light on dark. @throws DuctusError when the network gives no finite numbers for it */
  recognize(picture: Pixels): LineReading;
  /** What the network sees of a picture; of a blank one nothing but paper. */
  see(picture: Pixels): Line;
  /** What the network gives for each frame of what {@link see} returned, divided by the temperature. @throws as {@link recognize} */
  scores(line: Line): LineScores;
}

/** What the module exports, beside a function for each width. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly x: WebAssembly.Global<"i32">;
  readonly x_length: WebAssembly.Global<"i32">;
  readonly length: WebAssembly.Global<"i32">;
  readonly logits: WebAssembly.Global<"i32">;
  readonly logits_length: WebAssembly.Global<"i32">;
  readonly frames: WebAssembly.Global<"i32">;
}

/** The name of the function for a width. */
export const runOf = (columns: number): string => `run${columns}`;

/**
 * Makes a recognizer of its module.
 * @param source the bytes, or compiled already, which is all that edge workers allow
 * @throws DataError when it is damaged or something else
 */
export function openLineRecognizer(source: Uint8Array | WebAssembly.Module): Promise<LineRecognizer> {
  return openModule(source, "lines", (found, exports) => {
    const { alphabet, preprocessing, widths, temperature } = found as LineCard;
    const { memory, x, x_length, length, logits, logits_length, frames } = exports as unknown as Exports;
    const classes = alphabet.length + 1;
    const runs = widths.map(({ columns }) => exports[runOf(columns)] as () => void);
    const input = viewOf("uint8", memory.buffer, x.value, x_length.value);
    const count = viewOf("int32", memory.buffer, length.value, 1);
    const output = viewOf("float32", memory.buffer, logits.value, logits_length.value) as Float32Array;
    const framesThatCount = viewOf("int32", memory.buffer, frames.value, 1);
    const widest = widths[widths.length - 1];
    const fits = input.length === widest.columns * preprocessing.height && output.length === widest.frames * classes;
    if (!fits || !alphabet.every((symbol) => typeof symbol === "string")) throw found;

    const see = (picture: Pixels): Line => lineOf(preprocessing, withChannels(picture));
    const scoresOf = (line: Line): LineScores => {
      const { pixels, columns } = line;
      const needed = columns + preprocessing.margin;
      const w = Math.max(
        0,
        widths.findIndex((width) => width.columns >= needed),
      );
      const width = widths[w];
      input.fill(0, 0, width.columns * preprocessing.height);
      input.set(pixels);
      count[0] = columns;
      runs[w]();
      // A copy: the next line is written to the same place.
      const all = output.slice(0, width.frames * classes);
      const columnsOfFrame = width.columns / width.frames;
      return { ...framesOf(all, framesThatCount[0], classes, temperature), line, columnsOfFrame };
    };
    const recognize = (picture: Pixels): LineReading => lineReading(scoresOf(see(picture)), alphabet, picture.width);
    return { alphabet, preprocessing, recognize, see, scores: scoresOf };
  });
}
