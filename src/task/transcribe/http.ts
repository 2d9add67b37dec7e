/** Models that read strings over HTTP: the likeliest string as `label`, its `probability`, and the next ones in `ranking`. */
import { FIELDS, type HttpView } from "../http.ts";
import type { Transcription } from "./transcribe.ts";

export const http: HttpView<Transcription> = {
  title: "the string in a picture",
  outputs: {
    text: { datatype: "BYTES", shape: () => [], of: ({ text }) => text },
    probability: { datatype: "FP32", shape: () => [], of: ({ probability }) => [probability] },
  },
  usual: ["text", "probability"],
  // There is no end of strings, so they are not counted one by one.
  verdict: ({ probability }) => ({ probability }),
  shown: ({ text, probability, alternatives }, { top, isRefused }) => ({
    label: isRefused ? null : text,
    probability,
    ranking: [{ text, probability }, ...alternatives]
      .slice(0, top)
      .map((reading) => ({ label: reading.text, probability: reading.probability })),
  }),
  fields: {
    label: { type: ["string", "null"], description: "the likeliest string; null where the answer is refused" },
    probability: FIELDS.probability,
    ranking: FIELDS.ranking,
  },
};
