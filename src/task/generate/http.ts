/** Models that go on with texts over HTTP: the likeliest next token as `label`, all of them as `ranking`. */
import { FIELDS, type HttpView, probabilitiesByIndex, shownRanking } from "../http.ts";
import type { NextTokens } from "./generate.ts";

export const http: HttpView<NextTokens> = {
  title: "what comes next in a text",
  outputs: {
    probabilities: {
      datatype: "FP32",
      shape: ({ names }) => [names.length],
      of: probabilitiesByIndex,
    },
  },
  usual: ["probabilities"],
  // Tokens are too many to be counted one by one.
  verdict: ([{ probability }]) => ({ probability }),
  shown: (candidates, { top, isRefused }) => ({
    label: isRefused ? null : candidates[0].name,
    probability: candidates[0].probability,
    ranking: shownRanking(candidates, top),
  }),
  fields: {
    label: { type: ["string", "null"], description: "the likeliest next token; null where the answer is refused" },
    probability: FIELDS.probability,
    ranking: FIELDS.ranking,
  },
  next: (candidates) => candidates,
};
