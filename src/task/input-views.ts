/** What the inputs of models say of themselves: shapes and ranges of numbers, tokens of texts, height of lines. */

import type { Normalization, NumbersInput, NumbersType } from "./input.ts";
import type { LineInput } from "./line-input.ts";
import type { SequenceInput } from "./sequence-input.ts";
import { grouped } from "./text.ts";
import type { TextInput } from "./text-input.ts";
import type { InputViews } from "./views.ts";

/** What numbers of a type are called. */
const WORDS: Readonly<Record<NumbersType, string>> = { uint8: "bytes", float32: "numbers", int32: "whole numbers" };

const scaling = (normalization: Normalization | null): string =>
  normalization === null ? "as they are" : `mean ${String(normalization.mean)}, std ${String(normalization.std)}`;

export const numbers: InputViews = {
  facts: ({ shape, dtype, normalization }: NumbersInput) =>
    `${shape.join("×")} ${WORDS[dtype]}, normalized: ${scaling(normalization)}`,
  plain: ({ shape: inputShape, dtype: inputType, normalization, preprocessing }: NumbersInput) => ({
    inputShape,
    inputType,
    normalization,
    preprocessing,
  }),
};

export const sequence: InputViews = {
  facts: ({ axis, step, dtype, normalization }: SequenceInput) => {
    const each = step.length === 0 ? "1" : step.join("×");
    return `sequences of any length (${axis}), ${each} ${WORDS[dtype]} a step, normalized: ${scaling(normalization)}`;
  },
  plain: ({ shape: inputShape, dtype: inputType, normalization }: SequenceInput) => ({
    inputShape,
    inputType,
    normalization,
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
