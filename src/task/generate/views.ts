/** Measuring a model that goes on with texts: the loss by token, as texts have different lengths, and how many were foreseen. */
import { IGNORED } from "../../data/port.ts";
import { quote } from "../../engine/quote.ts";
import { listed } from "../text.ts";
import type { TaskViews } from "../views.ts";
import { GenerateEvaluation } from "./evaluation.ts";
import type { Generate, NextTokens } from "./generate.ts";

export const views: TaskViews = {
  measure: () => {
    let tokens = 0;
    let hits = 0;
    let loss = 0;
    return {
      add: ({ inputs, outputs, loss: mean }) => {
        const width = outputs.logits.length / inputs.y.length;
        let counted = 0;
        for (let i = 0; i < inputs.y.length; i++) {
          const target = inputs.y[i];
          if (target === IGNORED) continue;
          counted++;
          const own = outputs.logits[i * width + target];
          let isTop = true;
          for (let k = 0; k < width && isTop; k++) isTop = outputs.logits[i * width + k] <= own;
          if (isTop) hits++;
        }
        tokens += counted;
        loss += mean * counted;
      },
      finish: (fields) => new GenerateEvaluation({ ...fields, loss: loss / tokens, tokens, hits }),
    };
  },
  facts: ({ tokenizer }: Generate) => ["tokens", listed(tokenizer.tokens.map((token) => quote(token)))],
  plain: () => ({}),
  ranking: (answer: NextTokens) => answer.map(({ label, probability }) => ({ label, name: quote(label), probability })),
};
