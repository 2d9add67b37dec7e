/** Folders of Hugging Face's with language models: weights of all kinds, what does not belong together, and the command. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../../src/index.ts";
import { DataError } from "../../src/engine/errors.ts";
import type { JsonRecord } from "../../src/formats/model-file.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import type { StoredTensor } from "../../src/formats/tensor-data.ts";
import { importHuggingFace, type ModelFolder } from "../../src/import/hugging-face.ts";
import { createFor } from "../../src/models/networks.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { learnBytePairs } from "../../src/text/byte-pairs.ts";
import { JsonTokenizer } from "../../src/text/json-tokenizer.ts";
import { readTokenizer } from "../../src/text/tokenizer.ts";
import { generate, goOn } from "../../src/use/generate.ts";
import { load } from "../../src/use/trained-model.ts";
import { ductus, ensureBuilt } from "../cli/run-cli.ts";
import { uniformNoise } from "../helpers/noise.ts";

const SIZES = { width: 16, layers: 2, heads: 4, groups: 2, hidden: 12, context: 20, tied: 0 };
const VOCABULARY = 270;
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: VOCABULARY,
  max_position_embeddings: 20,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  rope_scaling: null,
  hidden_act: "silu",
  tie_word_embeddings: false,
  bos_token_id: 1,
};
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
/** 264 tokens and one that a text begins with, as Llama's have it. */
const TOKENIZER: JsonRecord = {
  ...learnBytePairs(["once upon a time there was a time upon a time"], 264),
  added_tokens: [
    { id: 264, content: "<s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  ],
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [264], tokens: ["<s>"] } },
  },
};

type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Weights that float16 and bfloat16 hold exactly: multiples of 1/64 below 1. */
async function weightsOf(tied: number): Promise<Map<string, { shape: readonly number[]; data: Float32Array }>> {
  const tokenizer = new JsonTokenizer(TOKENIZER, "t", { size: VOCABULARY });
  const model = await createFor("llama-s", new Generate(tokenizer), { options: { ...SIZES, tied } });
  let seed = 0;
  return new Map(
    [...model.network.namedParameters()].map(([name, { shape, size }]) => [
      name,
      { shape, data: uniformNoise(++seed, size, -0.9, 0.9).map((value) => Math.round(value * 64) / 64 + 0) },
    ]),
  );
}

const BITS: Readonly<Record<"F32" | "BF16" | "F16", (data: Float32Array) => StoredTensor["data"]>> = {
  F32: (data) => data,
  BF16: (data) => Uint16Array.from(new Uint32Array(data.buffer), (bits) => bits >>> 16),
  F16: (data) =>
    Uint16Array.from(data, (value) => {
      if (value === 0) return 0;
      const exponent = Math.floor(Math.log2(Math.abs(value)));
      const fraction = Math.round((Math.abs(value) / 2 ** exponent - 1) * 1024);
      return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
    }),
};

const stored = (weights: Weights, dtype: keyof typeof BITS): Uint8Array =>
  serializeSafetensors(
    new Map(
      [...weights].map(([name, { shape, data }]) => [name, { dtype, shape, data: BITS[dtype](data) } as StoredTensor]),
    ),
  );

function folder(files: Readonly<Record<string, Uint8Array>>): ModelFolder {
  return { name: "tales", files: Object.keys(files), read: async (file) => files[file] };
}

const plain = { "config.json": json(CONFIG), "tokenizer.json": json(TOKENIZER) };
let weights: Awaited<ReturnType<typeof weightsOf>>;
beforeAll(async () => {
  weights = await weightsOf(0);
});

describe("a folder", () => {
  it.each(["F32", "BF16", "F16"] as const)("in %s has exactly its weights", async (dtype) => {
    const model = await importHuggingFace(folder({ ...plain, "model.safetensors": stored(weights, dtype) }));
    const read = new Map(model.network.namedParameters());
    expect([...read.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, { data }] of weights) expect(read.get(name)?.data, name).toEqual(data);
    expect(model.architecture).toMatchObject({ name: "llama-s", options: { ...SIZES, theta: 10_000, eps: 1e-5 } });
    expect(model.task.tokenizer.tokens).toHaveLength(VOCABULARY);
  });

  it("may be of several files, with what is computed anew", async () => {
    const names = [...weights.keys()];
    const [first, second] = [new Map(weights), new Map(weights)];
    for (const [i, name] of names.entries()) (i % 2 === 0 ? second : first).delete(name);
    first.set("model.layers.0.self_attn.rotary_emb.inv_freq", { shape: [2], data: Float32Array.of(1, 0.5) });
    const [a, b] = ["model-1-of-2.safetensors", "model-2-of-2.safetensors"];
    const index = { weight_map: Object.fromEntries(names.map((name, i) => [name, i % 2 === 0 ? a : b])) };
    const files = {
      ...plain,
      "model.safetensors.index.json": json(index),
      [a]: stored(first, "F32"),
      [b]: stored(second, "F32"),
    };
    const model = await importHuggingFace(folder(files));
    for (const [name, parameter] of model.network.namedParameters()) {
      expect(parameter.data, name).toEqual(weights.get(name)?.data);
    }
    const without = Object.fromEntries(Object.entries(files).filter(([name]) => name !== b));
    await expect(importHuggingFace(folder(without))).rejects.toThrow(new DataError(`tales: ${b} is missing`));
    const elsewhere = {
      ...files,
      "model.safetensors.index.json": json({ weight_map: { a: "../secret.safetensors" } }),
    };
    await expect(importHuggingFace(folder(elsewhere))).rejects.toThrow(/is no file beside it$/);
  });

  it("whose last layer is the table of tokens may have it twice, if it is the same", async () => {
    const tied = await weightsOf(1);
    const table = tied.get("model.embed_tokens.weight") as { shape: readonly number[]; data: Float32Array };
    const config = { ...CONFIG, tie_word_embeddings: true };
    const files = (all: Weights) =>
      folder({ ...plain, "config.json": json(config), "model.safetensors": stored(all, "F32") });
    const once = await importHuggingFace(files(tied));
    const twice = await importHuggingFace(files(new Map([...tied, ["lm_head.weight", table]])));
    expect(await generate(twice, "once", { length: 8 })).toBe(await generate(once, "once", { length: 8 }));
    const other = { shape: table.shape, data: table.data.map((value) => -value) };
    await expect(importHuggingFace(files(new Map([...tied, ["lm_head.weight", other]])))).rejects.toThrow(
      /^tales: config\.json ties the last layer to the table of tokens, but lm_head\.weight is another one$/,
    );
  });

  it.each([
    [{ model_type: "mistral" }, /config\.json: model_type is "mistral"; "llama" alone can be brought in$/],
    [{ hidden_act: "gelu" }, /hidden_act is "gelu"; expected "silu"$/],
    [{ attention_bias: true }, /its linear layers have biases, which llama-s has not$/],
    [
      { rope_scaling: { rope_type: "llama3", factor: 8 } },
      /its rotary positions are scaled, which llama-s does not do$/,
    ],
    [{ rope_parameters: { rope_type: "yarn", rope_theta: 10000 } }, /its rotary positions are scaled/],
    [{ head_dim: 8 }, /head_dim 8 times 4 heads is not hidden_size, 16$/],
    [{ vocab_size: 100 }, /tokenizer\.json: it has 265 tokens, but the network 100$/],
    [{ hidden_size: "wide" }, /config\.json: hidden_size must be /],
    [
      { intermediate_size: 13 },
      /^tales: load: .*gate_proj\.weight is \[12, 16\] in the file but \[13, 16\] in this network$/,
    ],
    [{ num_hidden_layers: 3 }, /^tales: load: .*missing .*model\.layers\.2\./],
    [{ num_hidden_layers: 1 }, /^tales: load: .*unexpected .*model\.layers\.1\./],
  ])("with %j is refused in one line", async (change, message) => {
    const files = {
      ...plain,
      "config.json": json({ ...CONFIG, ...change }),
      "model.safetensors": stored(weights, "F32"),
    };
    const importing = importHuggingFace(folder(files));
    await expect(importing).rejects.toThrow(DataError);
    await expect(importing).rejects.toThrow(message);
  });

  it("without its files says which is missing", async () => {
    const whole = { ...plain, "model.safetensors": stored(weights, "F32") };
    for (const [file, message] of [
      ["tokenizer.json", "tales: tokenizer.json is missing"],
      [
        "model.safetensors",
        "tales: neither model.safetensors nor model.safetensors.index.json is there; save the model as safetensors",
      ],
    ] as const) {
      const { [file]: _, ...others } = whole;
      await expect(importHuggingFace(folder(others))).rejects.toThrow(new DataError(message));
    }
  });
});

it("a text begins with what its tokenizer says, once", async () => {
  const input = new Generate(new JsonTokenizer(TOKENIZER)).input;
  expect([...(input.tokenizer.begin ?? [])]).toEqual([264]);
  for (const prompt of ["once", "<s>once"]) {
    const seen: number[][] = [];
    await goOn(input, prompt, { length: 1 }, async (tokens) => {
      seen.push([...tokens]);
      return [1];
    });
    expect(seen).toEqual([[264, ...input.tokenizer.encode("once")]]);
  }
});

it("a text ends where the folder's model says so, and the model file keeps that", async () => {
  const config = { ...CONFIG, eos_token_id: [264, 3] };
  const model = await importHuggingFace(
    folder({ ...plain, "config.json": json(config), "model.safetensors": stored(weights, "F32") }),
  );
  const read = await readTokenizer(JSON.parse(JSON.stringify(model.task.tokenizer.record())), "a");
  expect([read.ends, read.tokens.length]).toEqual([[264, 3], VOCABULARY]);
  let left = 3;
  const text = await goOn(model.task.input, "once", { length: 10 }, async () => {
    const chosen = left-- > 0 ? 5 : 3;
    return Array.from({ length: VOCABULARY }, (_, i) => Number(i === chosen));
  });
  expect(text).toBe(read.decode([5, 5, 5]));
});

describe("ductus import", () => {
  let cwd: string;
  beforeAll(() => {
    ensureBuilt();
    cwd = mkdtempSync(join(tmpdir(), "ductus-hugging-face-"));
    mkdirSync(join(cwd, "tales"));
    const files = { ...plain, "model.safetensors": stored(weights, "BF16") };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(cwd, "tales", name), bytes);
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  it("makes a model file that writes what the folder's model does", async () => {
    const { out, err, status } = await ductus(cwd, "import", "tales/");
    expect(status, err).toBe(0);
    expect(out).toContain("tales: a language model of Llama's shape, as llama-s");
    expect(out).toContain("input: text, in subwords (270 different ones), at most 20 of them");
    expect(out).toContain("written to tales.safetensors");
    const model = await load<Generate>(join(cwd, "tales.safetensors"));
    const text = await generate(model, "once", { length: 6, seed: 3 });
    const written = await ductus(
      cwd,
      "generate",
      "tales.safetensors",
      "once",
      "--tokens",
      "6",
      "--seed",
      "3",
      "--json",
    );
    expect(JSON.parse(written.out).texts).toEqual([text]);
    const over = await ductus(cwd, "import", "tales", "--out", "tales/model.safetensors");
    expect([over.status, over.err]).toEqual([
      2,
      expect.stringContaining("tales/model.safetensors would be overwritten"),
    ]);
    const refused = await ductus(cwd, "import", "tales", "--classes", "a,b");
    expect(refused.status).toBe(2);
    expect(refused.err).toContain("ductus: --classes is for ONNX files of pictures; leave it out");
  });
});
