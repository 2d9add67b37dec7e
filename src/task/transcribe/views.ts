/** Measuring a model that reads strings: each is decoded as it would be in use, and compared as a whole and symbol by symbol. */
import { IGNORED } from "../../data/port.ts";
import { listed } from "../text.ts";
import type { TaskViews } from "../views.ts";
import { type ReadString, TranscribeEvaluation } from "./evaluation.ts";
import type { Transcribe, Transcription } from "./transcribe.ts";

export const views: TaskViews = {
  measure: ({ task, temperature }) => {
    const transcribe = task as Transcribe;
    const strings: ReadString[] = [];
    return {
      add: ({ count, sizes, inputs: { y }, outputs }) => {
        const longest = y.length / count;
        for (let i = 0; i < count; i++) {
          const symbols = [...y.subarray(i * longest, (i + 1) * longest)].filter((symbol) => symbol !== IGNORED);
          const truth = symbols.map((symbol) => transcribe.alphabet[symbol]).join("");
          const { text, probability } = transcribe.decode({ outputs, sizes, count }, i, temperature);
          strings.push({ index: strings.length, truth, text, probability });
        }
      },
      finish: (fields) => new TranscribeEvaluation({ ...fields, strings }),
    };
  },
  facts: ({ alphabet }: Transcribe) => ["symbols", listed(alphabet)],
  plain: ({ alphabet }: Transcribe) => ({ alphabet }),
  ranking: ({ text, probability, alternatives }: Transcription) =>
    [{ text, probability }, ...alternatives].map((read) => ({ name: read.text, probability: read.probability })),
};
