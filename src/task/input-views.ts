/** What the inputs of models say of themselves: shapes and ranges of numbers, tokens of texts, height of lines. */

import type { NumbersInput } from "./input.ts";
import type { LineInput } from "./line-input.ts";
import { grouped } from "./text.ts";
import type { TextInput } from "./text-input.ts";
import type { InputViews } from "./views.ts";

export const numbers: InputViews = {
  facts: ({ shape, dtype, normalization }: NumbersInput) => {
    const range = dtype === "uint8" ? "bytes" : "numbers";
    const scaling =
      normalization === null ? "as they are" : `mean ${String(normalization.mean)}, std ${String(normalization.std)}`;
    return `${shape.join("×")} ${range}, normalized: ${scaling}`;
  },
  plain: ({ shape: inputShape, dtype: inputType, normalization, preprocessing }: NumbersInput) => ({
    inputShape,
    inputType,
    normalization,
    preprocessing,
  }),
};

export const text: InputViews = {
  facts: ({ tokenizer, maxLength }: TextInput) => {
    const most = maxLength === undefined ? "" : `, at most ${grouped(maxLength)} of them`;
    return `text, in ${tokenizer.kind} (${grouped(tokenizer.tokens.length)} different ones)${most}`;
  },
  plain: ({ tokenizer, maxLength }: TextInput) => ({
    tokenizer: tokenizer.kind,
    tokens: tokenizer.tokens.length,
    maxLength,
  }),
};

export const line: InputViews = {
  facts: ({ preprocessing: { height, ink } }: LineInput) =>
    `pictures of lines, ${height} pixels high and as wide as they are; their ink is ${ink} high`,
  plain: ({ preprocessing }: LineInput) => ({ preprocessing }),
};
