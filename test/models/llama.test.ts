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
import { uniformNoise } from "../helpers/noise.ts";
import { expectClose } from "../helpers/run.ts";

beforeAll(() => setPlatform(nodePlatform));

const SIZES = { width: 24, layers: 2, heads: 6, groups: 2, hidden: 20, context: 32 };
const [VOCABULARY, THETA, EPS] = [11, 10_000, 1e-5];
const TOKENS = [3, 0, 10, 7, 7, 1, 4, 9, 2, 5];

type Rows = number[][];

/** x Wᵀ, of rows. */
const product = (x: Rows, weight: ArrayLike<number>): Rows =>
  x.map((row) =>
    Array.from({ length: weight.length / row.length }, (_, o) =>
      row.reduce((sum, value, i) => sum + value * weight[o * row.length + i], 0),
    ),
  );

const normed = (x: Rows, weight: ArrayLike<number>): Rows =>
  x.map((row) => {
    const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length + EPS);
    return row.map((value, i) => value * scale * weight[i]);
  });

/** Feature i and feature i + size / 2 of a head are turned together, by an angle that grows with the position. */
function turned(row: readonly number[], position: number, size: number): number[] {
  const half = size / 2;
  return row.map((value, i) => {
    const d = i % size;
    const angle = position * THETA ** ((-2 * (d % half)) / size);
    const other = d < half ? -row[i + half] : row[i - half];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

function attended(query: Rows, key: Rows, value: Rows): Rows {
  const size = SIZES.width / SIZES.heads;
  return query.map((row, t) =>
    Array.from({ length: SIZES.heads }, (_, h) => {
      const g = Math.floor((h * SIZES.groups) / SIZES.heads);
      const part = (of: readonly number[], head: number): number[] => of.slice(head * size, (head + 1) * size);
      const q = part(row, h);
      const scores = key
        .slice(0, t + 1)
        .map((k) => Math.exp(part(k, g).reduce((sum, x, i) => sum + x * q[i], 0) / Math.sqrt(size)));
      const all = scores.reduce((a, b) => a + b);
      return q.map((_, i) => scores.reduce((sum, score, s) => sum + (score / all) * part(value[s], g)[i], 0));
    }).flat(),
  );
}

const added = (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((value, i) => value + b[t][i]));

/** Logits of all tokens, in double precision. */
function plainly(weights: ReadonlyMap<string, ArrayLike<number>>, tokens: readonly number[]): number[] {
  const weight = (name: string): ArrayLike<number> => weights.get(name) as ArrayLike<number>;
  const { width, heads } = SIZES;
  const table = weight("model.embed_tokens.weight");
  let x: Rows = tokens.map((token) => Array.from({ length: width }, (_, i) => table[token * width + i]));
  for (let layer = 0; layer < SIZES.layers; layer++) {
    const of = (name: string): ArrayLike<number> => weight(`model.layers.${layer}.${name}.weight`);
    const seen = normed(x, of("input_layernorm"));
    const [query, key] = ["q_proj", "k_proj"].map((name) =>
      product(seen, of(`self_attn.${name}`)).map((row, t) => turned(row, t, width / heads)),
    );
    const mixed = attended(query, key, product(seen, of("self_attn.v_proj")));
    x = added(x, product(mixed, of("self_attn.o_proj")));
    const wide = normed(x, of("post_attention_layernorm"));
    const [gate, up] = ["gate_proj", "up_proj"].map((name) => product(wide, of(`mlp.${name}`)));
    const gated = gate.map((row, t) => row.map((value, i) => (value / (1 + Math.exp(-value))) * up[t][i]));
    x = added(x, product(gated, of("mlp.down_proj")));
  }
  return product(normed(x, weight("model.norm.weight")), weights.get("lm_head.weight") ?? table).flat();
}

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
    expectClose(await logitsOf(model, TOKENS), Float64Array.from(plainly(weights, TOKENS)), 2e-6, "logits");
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
