/** Weights and a tokenizer from elsewhere as a model of `llama-s`: what all that brings such models in ends with. */
import { DataError, DuctusError } from "../engine/errors.ts";
import { llamaS } from "../models/llama-s.ts";
import { modelOf } from "../models/network.ts";
import { Generate } from "../task/generate/generate.ts";
import { TextInput } from "../task/text-input.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { TrainedModel } from "../use/trained-model.ts";

/** Weights by the names of Hugging Face's `LlamaForCausalLM`. */
export type LlamaWeights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/**
 * @param name starts the message  @param options of `llama-s`
 * @throws DataError where sizes make no sense, or weights are missing, left over or of another shape
 */
export function llamaOf(
  name: string,
  options: Readonly<Record<string, number>>,
  weights: LlamaWeights,
  tokenizer: Tokenizer,
): TrainedModel<Generate> {
  try {
    const task = new Generate(new TextInput(tokenizer, { maxLength: options.context }));
    const model = modelOf(llamaS, task, options);
    model.network.load(weights);
    return TrainedModel.of(model);
  } catch (cause) {
    if (cause instanceof DuctusError) throw new DataError(`${name}: ${cause.message}`, { cause });
    throw cause;
  }
}
