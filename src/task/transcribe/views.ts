/** Measuring a model that reads strings: each is decoded as it would be in use, and compared as a whole and symbol by symbol. */
import { IGNORED } from "../../data/port.ts";
import { listed } from "../text.ts";
import type { TaskViews } from "../views.ts";
import { framesNeeded } from "./ctc-frames.ts";
import { type ImpossibleString, type ReadString, TranscribeEvaluation } from "./evaluation.ts";
import { fitStringTemperature, type KnownString } from "./temperature.ts";
import type { Transcribe, Transcription } from "./transcribe.ts";

/** Strings whose outputs are kept, to fit a temperature by. */
const FITTED = 1000;

export const views: TaskViews = {
  measure: ({ task, temperature }, dataset) => {
    const transcribe = task as Transcribe;
    const strings: ReadString[] = [];
    const known: KnownString[] = [];
    const tooLong: ImpossibleString[] = [];
    const classes = transcribe.alphabet.length + 1;
    return {
      add: ({ count, sizes, inputs: { y }, outputs }) => {
        const longest = y.length / count;
        for (let i = 0; i < count; i++) {
          const symbols = [...y.subarray(i * longest, (i + 1) * longest)].filter((symbol) => symbol !== IGNORED);
          const truth = symbols.map((symbol) => transcribe.alphabet[symbol]).join("");
          const { text, probability } = transcribe.decode({ outputs, sizes, count }, i, temperature);
          const index = strings.length;
          const writer = dataset.writer?.(index) ?? -1;
          const [needed, frames] = [framesNeeded(symbols), outputs.frames[i]];
          if (needed > frames) tooLong.push({ index, truth, needed, frames });
          strings.push({ index, truth, text, probability, ...(writer >= 0 && { writer }) });
          if (known.length < FITTED) {
            const size = outputs.logits.length / count;
            const scores = outputs.logits.slice(i * size, i * size + outputs.frames[i] * classes) as Float32Array;
            const labels = [...transcribe.encode(text)].map((symbol) => symbol + 1);
            known.push({ scores, classes, labels, isRight: text === truth });
          }
        }
      },
      finish: (fields) =>
        new TranscribeEvaluation({ ...fields, strings, tooLong, fitTemperature: () => fitStringTemperature(known) }),
    };
  },
  facts: ({ alphabet }: Transcribe) => ["symbols", listed(alphabet)],
  plain: ({ alphabet }: Transcribe) => ({ alphabet }),
  ranking: ({ text, probability, alternatives }: Transcription) =>
    [{ text, probability }, ...alternatives].map((read) => ({
      label: read.text,
      name: read.text,
      probability: read.probability,
    })),
};
