/**
 * Samples of models that read lines of writing: pictures of one line each, as a body, in a form or in JSON. Each is filled up with
 * paper to the width of a bucket (engine/programs.ts), so that lines of about one width run together.
 */
import { bucket } from "../engine/programs.ts";
import { PICTURE_FORMATS, PICTURE_KINDS } from "../formats/picture-formats.ts";
import type { LineInput } from "../task/line-input.ts";
import { completed, filledUp, grouped, type Samples } from "./batch.ts";
import type { InputView, Intaking, PictureSample } from "./inputs.ts";
import { checkCount, type Intake, rangeOf } from "./intake.ts";
import { answerTo, RequestError } from "./request-error.ts";
import { base64File, unwrapped } from "./samples.ts";

/** Columns of a line at most. */
const MOST_COLUMNS = 4096;

export const lines: InputView = {
  takes: `a ${PICTURE_KINDS} file of one line`,
  mediaTypes: PICTURE_FORMATS.map(({ mediaType }) => mediaType),
  isJson: ([first]) => first === "{".charCodeAt(0),
  field: "x",
  describe: ({ input }) => {
    const { ports, preprocessing } = input as LineInput;
    const length = { least: 0, most: MOST_COLUMNS, isWhole: true };
    return {
      ports,
      preprocessing: { ...preprocessing },
      ranges: { x: rangeOf(ports.x), length },
      maxLength: MOST_COLUMNS,
    };
  },
  rows: (intake, rows) => {
    checkCount(intake, rows.length);
    const pictures = rows.map((row, index): PictureSample => {
      const bytes = base64File(unwrapped(row, "x"));
      if (bytes !== undefined) return { index, bytes };
      throw new RequestError(400, `sample ${index} is no picture; "${intake.name}" takes files, { "b64": "…" }`);
    });
    return { count: rows.length, pictures };
  },
  file: async (intaking, bytes) => ({ samples: await sampleOf(intaking, bytes) }),
  gather: async (intaking, { pictures }) => {
    const all: Samples[] = [];
    for (const { index, bytes } of pictures) {
      try {
        all.push(await sampleOf(intaking, bytes));
      } catch (error) {
        const { status, message } = answerTo(error);
        throw status === 500 ? error : new RequestError(status, `sample ${index}: ${message}`);
      }
    }
    return grouped(all);
  },
  complete: (intake, given) => completed(intake, given, ["columns", "line"]),
};

async function sampleOf({ intake, input, readPicture }: Intaking, bytes: Uint8Array<ArrayBuffer>): Promise<Samples> {
  const { sample } = await readPicture(bytes);
  return ofLine(intake, input as LineInput, sample as Uint8Array);
}

/** A line as a sample: with as much paper behind it as makes its width that of a bucket. */
export function ofLine(
  { ports }: Intake,
  { preprocessing: { height, margin } }: LineInput,
  pixels: Uint8Array,
): Samples {
  const columns = pixels.length / height;
  const width = bucket(columns + margin);
  const x = new Uint8Array(width * height);
  x.set(pixels);
  return filledUp(
    { count: 1, sizes: { columns: width }, arrays: { x, length: Int32Array.of(columns) } },
    ports,
    MOST_COLUMNS,
  );
}
