/**
 * Reads folders in which Hugging Face's transformers keeps a language model of Llama's shape: `config.json`, weights in safetensors
 * (float32, float16 or bfloat16, in one file or several) and `tokenizer.json`. What comes out is a model of `llama-s`.
 */
import { DataError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import {
  anything,
  check,
  dictionary,
  either,
  list,
  Mismatch,
  number,
  record,
  text,
  truth,
  whole,
} from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { parseSafetensors } from "../formats/safetensors.ts";
import { toFloat32 } from "../formats/tensor-data.ts";
import { decodeUtf8, parseStrictJson } from "../formats/text.ts";
import type { Generate } from "../task/generate/generate.ts";
import { JsonTokenizer } from "../text/json-tokenizer.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { llamaOf } from "./llama.ts";

/** A folder, wherever it is. */
export interface ModelFolder {
  /** Starts every message. */
  readonly name: string;
  readonly files: readonly string[];
  read(file: string): Promise<Uint8Array>;
}

const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";
const WEIGHTS = "model.safetensors";
const INDEX = `${WEIGHTS}.index.json`;

/** Whether a folder is one of these. */
export const isHuggingFace = (files: readonly string[]): boolean => files.includes(CONFIG);

const configSchema = record(
  {
    model_type: text,
    hidden_size: whole(1),
    intermediate_size: whole(1),
    num_hidden_layers: whole(1),
    num_attention_heads: whole(1),
    vocab_size: whole(1),
  },
  {
    num_key_value_heads: whole(1),
    max_position_embeddings: whole(2),
    head_dim: whole(1),
    rms_norm_eps: number(0, 1),
    rope_theta: number(1),
    rope_parameters: record({}, { rope_type: text, rope_theta: number(1) }, "ignored"),
    rope_scaling: anything,
    tie_word_embeddings: truth,
    eos_token_id: either(whole(0), list(whole(0))),
    attention_bias: truth,
    mlp_bias: truth,
    hidden_act: text,
  },
  "ignored",
);

const indexSchema = record({ weight_map: dictionary(text) }, {}, "ignored");

/** What transformers keeps beside weights, or kept once, and computes anew. */
const COMPUTED = /\.rotary_emb\.inv_freq$/;
const TABLE = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/**
 * @throws DataError in one line where a file is missing or damaged, weights are missing or left over, or the network has what
 * `llama-s` has not
 */
export async function importHuggingFace(folder: ModelFolder): Promise<TrainedModel<Generate>> {
  const json = async (file: string): Promise<unknown> => {
    const what = `${folder.name}/${file}`;
    if (!folder.files.includes(file)) throw new DataError(`${folder.name}: ${file} is missing`);
    return parseStrictJson(decodeUtf8(await folder.read(file), what), what);
  };
  const options = optionsOf(await json(CONFIG), `${folder.name}/${CONFIG}`);
  const { tokens: size, ends, ...sizes } = options;
  const stored = (await json(TOKENIZER)) as JsonRecord;
  const tokenizer = new JsonTokenizer(stored, `${folder.name}/${TOKENIZER}`, { size, ends });
  const weights = await weightsOf(folder, json);
  if (sizes.tied === 1) dropHead(weights, folder.name);
  return llamaOf(folder.name, sizes, weights, tokenizer);
}

/** The options of `llama-s` that a configuration stands for. */
function optionsOf(config: unknown, name: string) {
  const found = check(configSchema, config);
  if (found instanceof Mismatch) throw new DataError(`${name}: ${found.path} ${found.message}`);
  const { hidden_size: width, num_attention_heads: heads, rope_parameters: rope, rope_scaling: scaling } = found;
  const theta = rope?.rope_theta ?? found.rope_theta ?? 10_000;
  const scaled = (rope?.rope_type ?? "default") !== "default" || (scaling !== undefined && scaling !== null);
  const problems: readonly (readonly [wrong: boolean, what: string])[] = [
    [found.model_type !== "llama", `model_type is ${quote(found.model_type)}; "llama" alone can be brought in`],
    [(found.hidden_act ?? "silu") !== "silu", `hidden_act is ${quote(found.hidden_act ?? "")}; expected "silu"`],
    [found.attention_bias === true || found.mlp_bias === true, "its linear layers have biases, which llama-s has not"],
    [scaled, "its rotary positions are scaled, which llama-s does not do"],
    [!Number.isSafeInteger(theta), `rope_theta is ${theta}; expected a whole number`],
    [
      found.head_dim !== undefined && found.head_dim * heads !== width,
      `head_dim ${found.head_dim} times ${heads} heads is not hidden_size, ${width}`,
    ],
  ];
  const problem = problems.find(([wrong]) => wrong);
  if (problem !== undefined) throw new DataError(`${name}: ${problem[1]}`);
  return {
    tokens: found.vocab_size,
    ends: typeof found.eos_token_id === "number" ? [found.eos_token_id] : found.eos_token_id,
    width,
    layers: found.num_hidden_layers,
    heads,
    groups: found.num_key_value_heads ?? heads,
    hidden: found.intermediate_size,
    context: found.max_position_embeddings ?? 2048,
    theta,
    eps: found.rms_norm_eps ?? 1e-6,
    tied: found.tie_word_embeddings === true ? 1 : 0,
  };
}

type Weights = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** All weights of a folder, widened to float32. */
async function weightsOf(folder: ModelFolder, json: (file: string) => Promise<unknown>): Promise<Weights> {
  const weights: Weights = new Map();
  for (const file of await weightFiles(folder, json)) {
    const what = `${folder.name}/${file}`;
    if (!folder.files.includes(file)) throw new DataError(`${folder.name}: ${file} is missing`);
    for (const [key, tensor] of parseSafetensors(await folder.read(file), what).tensors) {
      if (COMPUTED.test(key)) continue;
      if (weights.has(key)) throw new DataError(`${what}: ${quote(key)} stands in another file, too`);
      weights.set(key, { shape: tensor.shape, data: toFloat32(tensor) });
    }
  }
  return weights;
}

async function weightFiles(folder: ModelFolder, json: (file: string) => Promise<unknown>): Promise<readonly string[]> {
  if (!folder.files.includes(INDEX)) {
    if (folder.files.includes(WEIGHTS)) return [WEIGHTS];
    throw new DataError(`${folder.name}: neither ${WEIGHTS} nor ${INDEX} is there; save the model as safetensors`);
  }
  const found = check(indexSchema, await json(INDEX));
  if (found instanceof Mismatch) throw new DataError(`${folder.name}/${INDEX}: ${found.path} ${found.message}`);
  const files = [...new Set(Object.values(found.weight_map))].sort();
  const outside = files.find((file) => /[\\/]/.test(file));
  if (outside !== undefined) throw new DataError(`${folder.name}/${INDEX}: ${quote(outside)} is no file beside it`);
  return files;
}

/** Leaves out a last layer that is the table of tokens. */
function dropHead(weights: Weights, name: string): void {
  const [head, table] = [weights.get(HEAD), weights.get(TABLE)];
  if (head === undefined) return;
  if (head.data.length !== table?.data.length || !head.data.every((value, i) => value === table.data[i])) {
    throw new DataError(`${name}: ${CONFIG} ties the last layer to the table of tokens, but ${HEAD} is another one`);
  }
  weights.delete(HEAD);
}
