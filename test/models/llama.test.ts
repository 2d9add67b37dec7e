/** llama-s computes what Hugging Face's `LlamaForCausalLM` does: beside plain loops over its weights, by their names. */
import { beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/engine/errors.ts";
import type { Model } from "../../src/models/model.ts";
import { createFor } from "../../src/models/networks.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { platform, setPlatform } from "../../src/platform/platform.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { llamaPlainly } from "../helpers/llama.ts";
import { uniformNoise } from "../helpers/noise.ts";
import { expectClose } from "../helpers/run.ts";

beforeAll(() => setPlatform(nodePlatform));

const SIZES = { width: 24, layers: 2, heads: 6, groups: 2, hidden: 20, context: 32 };
const VOCABULARY = 11;
const TOKENS = [3, 0, 10, 7, 7, 1, 4, 9, 2, 5];

async function logitsOf(model: Model<Generate>, tokens: readonly number[]): Promise<Float32Array> {
  const backend = await platform().createBackend({ threads: 1 });
  const program = await backend.compile(inferenceGraph(model, 1, { time: tokens.length }));
  program.inputs.x.set(tokens);
  program.inputs.length?.fill(tokens.length);
  program.run();
  const logits = (await program.read()).logits.slice() as Float32Array;
  await backend.close();
  return logits;
}

const task = (): Generate => new Generate(new CharacterTokenizer([..."abcdefghijk"]));

describe.each([
  ["the table of tokens as its last layer", 1],
  ["a last layer of its own", 0],
])("with %s", (_, tied) => {
  it("computes what its weights say", async () => {
    const model = await createFor("llama-s", task(), { options: { ...SIZES, tied } });
    const weights = new Map<string, Float32Array>();
    let seed = 0;
    for (const [name, parameter] of model.network.namedParameters()) {
      parameter.data.set(uniformNoise(++seed, parameter.size, -0.6, 0.6));
      weights.set(name, Float32Array.from(parameter.data));
    }
    expect(weights.has("lm_head.weight")).toBe(tied === 0);
    expect([...weights.keys()].filter((name) => name.startsWith("model.layers.1."))).toEqual(
      [
        ...["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`),
        ...["gate_proj", "up_proj", "down_proj"].map((name) => `mlp.${name}`),
        ...["input_layernorm", "post_attention_layernorm"],
      ].map((name) => `model.layers.1.${name}.weight`),
    );
    expect(weights.get("model.embed_tokens.weight")).toHaveLength(VOCABULARY * SIZES.width);
    expectClose(await logitsOf(model, TOKENS), Float64Array.from(llamaPlainly(SIZES, weights, TOKENS)), 2e-6, "logits");
  });
});

it("says in one line which sizes do not go together", async () => {
  for (const [options, message] of [
    [{ width: 20, heads: 3 }, "llama-s: width 20 must be an even number of times the heads, 3"],
    [{ width: 12, heads: 4 }, "llama-s: width 12 must be an even number of times the heads, 4"],
    [{ heads: 4, groups: 3 }, "llama-s: the 4 heads are no multiple of the groups, 3"],
    [{ tied: 2 }, "llama-s: tied is 2; expected 0 or 1"],
  ] as const) {
    await expect(createFor("llama-s", task(), { options })).rejects.toThrow(new UsageError(message));
  }
});
