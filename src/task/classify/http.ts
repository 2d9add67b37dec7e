/** Classifiers over HTTP: the likeliest class as `label`, its `probability`, all classes as `ranking`. */
import { FIELDS, type HttpView, probabilitiesByIndex, shownRanking } from "../http.ts";
import type { Ranked } from "./classify.ts";
import { noneOfThese } from "./novelty.ts";

export const http: HttpView<Ranked> = {
  title: "the class of a picture or text",
  outputs: {
    probabilities: {
      datatype: "FP32",
      shape: ({ names }) => [names.length],
      of: ({ ranking }) => probabilitiesByIndex(ranking),
    },
  },
  usual: ["probabilities"],
  verdict: ({ name, probability }) => ({ label: name, probability }),
  shown: ({ name, probability, ranking, noClass }, { top, isRefused, characters }) => ({
    label: isRefused || noClass !== undefined ? null : name,
    probability,
    ...(noClass !== undefined && { reason: noneOfThese(noClass) }),
    ...(characters !== undefined && { characters }),
    ranking: shownRanking(ranking, top),
  }),
  fields: {
    label: {
      type: ["string", "null"],
      description: "the likeliest class; null where the answer is refused, or the picture none of the classes",
    },
    reason: { type: "string", description: "why a picture is none of the classes; only where it is none" },
    probability: FIELDS.probability,
    characters: { type: "integer", description: "of pictures, how many each shows; the model reads one at a time" },
    ranking: FIELDS.ranking,
  },
  scores: ({ ranking }) =>
    [...ranking].sort((a, b) => a.index - b.index).map(({ name, probability }) => [name, probability]),
};
