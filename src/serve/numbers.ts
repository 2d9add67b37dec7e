/** Samples of models that read numbers of one shape: lists in JSON, or pictures where the model carries a preprocessing. */
import { PICTURE_FORMATS, PICTURE_KINDS } from "../formats/picture-formats.ts";
import type { NumbersInput } from "../task/input.ts";
import { oneGroup, type Samples } from "./batch.ts";
import type { InputView, PictureSample } from "./inputs.ts";
import { allocate, type Intake, rangeOf, sampleSize } from "./intake.ts";
import { answerTo, RequestError } from "./request-error.ts";
import { unwrapped, writeSample } from "./samples.ts";

const samplesOf = (count: number, x: Samples["arrays"][string]): Samples => ({ count, sizes: {}, arrays: { x } });

export const numbers: InputView = {
  takes: `a ${PICTURE_KINDS} file`,
  mediaTypes: PICTURE_FORMATS.map(({ mediaType }) => mediaType),
  // No picture begins so.
  isJson: ([first]) => first === "{".charCodeAt(0),
  field: "x",
  describe: ({ input }) => {
    const { ports, preprocessing } = input as NumbersInput;
    return { ports, preprocessing, ranges: { x: rangeOf(ports.x) }, maxLength: 1 };
  },
  rows: (intake: Intake, rows) => {
    const numbers = allocate(intake, rows.length);
    const pictures: PictureSample[] = [];
    for (const [index, row] of rows.entries()) {
      const bytes = writeSample(intake, unwrapped(row, "x"), numbers, index);
      if (bytes !== undefined) pictures.push({ index, bytes });
    }
    return { count: rows.length, numbers, pictures };
  },
  file: async ({ readPicture }, bytes) => {
    const { sample, characters } = await readPicture(bytes);
    return { samples: samplesOf(1, sample), characters };
  },
  gather: async ({ intake, readPicture }, { count, numbers: x = allocate(intake, 0), pictures }) => {
    for (const { index, bytes } of pictures) {
      try {
        x.set((await readPicture(bytes)).sample, index * sampleSize(intake));
      } catch (error) {
        const { status, message } = answerTo(error);
        throw status === 500 ? error : new RequestError(status, `sample ${index}: ${message}`);
      }
    }
    return [oneGroup(samplesOf(count, x))];
  },
  complete: (_, given) => given,
};
