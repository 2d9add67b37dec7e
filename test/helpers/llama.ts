/**
 * The network of Llama in plain loops and double precision, over weights by the names of Hugging Face's: what `llama-s` and what brings
 * such models in are compared with.
 */

export interface LlamaSizes {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly groups: number;
}

const [THETA, EPS] = [10_000, 1e-5];

/** Which features of a head are turned together: those half a head apart, as Hugging Face has it, or neighbors, as llama2.c. */
export type Turning = "half" | "pairs";

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

/** Pairs of features of a head, by an angle that grows with the position. */
function turned(row: readonly number[], position: number, size: number, turning: Turning): number[] {
  const apart = turning === "half" ? size / 2 : 1;
  return row.map((value, i) => {
    const d = i % size;
    const isFirst = turning === "half" ? d < apart : d % 2 === 0;
    const pair = turning === "half" ? d % apart : Math.floor(d / 2);
    const angle = position * THETA ** ((-2 * pair) / size);
    return value * Math.cos(angle) + (isFirst ? -row[i + apart] : row[i - apart]) * Math.sin(angle);
  });
}

function attended(query: Rows, key: Rows, value: Rows, { width, heads, groups }: LlamaSizes): Rows {
  const size = width / heads;
  return query.map((row, t) =>
    Array.from({ length: heads }, (_, h) => {
      const g = Math.floor((h * groups) / heads);
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
export function llamaPlainly(
  sizes: LlamaSizes,
  weights: ReadonlyMap<string, ArrayLike<number>>,
  tokens: readonly number[],
  turning: Turning = "half",
): number[] {
  const weight = (name: string): ArrayLike<number> => weights.get(name) as ArrayLike<number>;
  const { width, heads } = sizes;
  const table = weight("model.embed_tokens.weight");
  let x: Rows = tokens.map((token) => Array.from({ length: width }, (_, i) => table[token * width + i]));
  for (let layer = 0; layer < sizes.layers; layer++) {
    const of = (name: string): ArrayLike<number> => weight(`model.layers.${layer}.${name}.weight`);
    const seen = normed(x, of("input_layernorm"));
    const [query, key] = ["q_proj", "k_proj"].map((name) =>
      product(seen, of(`self_attn.${name}`)).map((row, t) => turned(row, t, width / heads, turning)),
    );
    const mixed = attended(query, key, product(seen, of("self_attn.v_proj")), sizes);
    x = added(x, product(mixed, of("self_attn.o_proj")));
    const wide = normed(x, of("post_attention_layernorm"));
    const [gate, up] = ["gate_proj", "up_proj"].map((name) => product(wide, of(`mlp.${name}`)));
    const gated = gate.map((row, t) => row.map((value, i) => (value / (1 + Math.exp(-value))) * up[t][i]));
    x = added(x, product(gated, of("mlp.down_proj")));
  }
  return product(normed(x, weight("model.norm.weight")), weights.get("lm_head.weight") ?? table).flat();
}
