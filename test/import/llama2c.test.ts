/** Files of llama2.c: the layouts of both versions, the order of rotary features, the tokenizer, and what is damaged. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { looksLikeLlama2c, parseLlama2c, parseTokenizer } from "../../src/formats/llama2c.ts";
import { importLlama2c } from "../../src/import/llama2c.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { platform, setPlatform } from "../../src/platform/platform.ts";
import { generate } from "../../src/use/generate.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { ductus, ensureBuilt } from "../cli/run-cli.ts";
import { llamaPlainly } from "../helpers/llama.ts";
import { uniformNoise } from "../helpers/noise.ts";
import { expectClose } from "../helpers/run.ts";

beforeAll(() => setPlatform(nodePlatform));

const SIZES = { width: 24, hidden: 20, layers: 2, heads: 6, groups: 2, context: 16 };
/** What is not known, where a text begins and ends, the bytes, and pieces with their scores. */
const PIECES: readonly (readonly [text: string, score: number])[] = [
  ["<unk>", 0],
  ["\n<s>\n", 0],
  ["\n</s>\n", 0],
  ...Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, 0] as const),
  ...[" t", "he", " the", "at", " c", " cat"].map((text, i) => [text, -1 - i] as const),
  ...[" ", "t", "h", "e", "a", "c"].map((text, i) => [text, -100 - i] as const),
];
const TOKENS = PIECES.length;

interface Made {
  readonly bytes: Uint8Array;
  /** In the order of the file's features, by Hugging Face's names. */
  readonly weights: Map<string, Float32Array>;
}

/** Writes a file as llama2.c's export.py does. */
function made(version: 0 | 1, isTied: boolean): Made {
  const { width, hidden, layers, heads, groups, context } = SIZES;
  const size = width / heads;
  const weights = new Map<string, Float32Array>();
  const numbers: Float32Array[] = [];
  let seed = 0;
  const put = (name: string, count: number, low = -0.5, high = 0.5): void => {
    const data = uniformNoise(++seed, count, low, high);
    if (name !== "") weights.set(name, data);
    numbers.push(data);
  };
  const all = (name: string, count: number, low?: number, high?: number): void => {
    for (let layer = 0; layer < layers; layer++) put(`model.layers.${layer}.${name}.weight`, count, low, high);
  };
  const table = (): void => put("model.embed_tokens.weight", TOKENS * width);
  const before = (): void => all("input_layernorm", width, 0.5, 1.5);
  const behind = (): void => all("post_attention_layernorm", width, 0.5, 1.5);
  const last = (): void => put("model.norm.weight", width, 0.5, 1.5);
  const attention = (): void => {
    all("self_attn.q_proj", width * width);
    all("self_attn.k_proj", groups * size * width);
    all("self_attn.v_proj", groups * size * width);
    all("self_attn.o_proj", width * width);
  };
  const dense = (): void => {
    all("mlp.gate_proj", hidden * width);
    all("mlp.down_proj", width * hidden);
    all("mlp.up_proj", hidden * width);
  };
  const parts =
    version === 0
      ? [table, before, attention, behind, dense, last, () => put("", context * size)]
      : [before, behind, last, table, attention, dense];
  for (const part of parts) part();
  if (!isTied) put("lm_head.weight", TOKENS * width);

  const header = new Uint8Array(version === 0 ? 28 : 256);
  const view = new DataView(header.buffer);
  const marked = version === 0 && !isTied ? -TOKENS : TOKENS;
  const fields = [width, hidden, layers, heads, groups, marked, context];
  if (version === 1) {
    view.setUint32(0, 0x616b3432, true);
    view.setInt32(4, 1, true);
    view.setUint8(36, isTied ? 1 : 0);
  }
  for (const [i, field] of fields.entries()) view.setInt32((version === 1 ? 8 : 0) + 4 * i, field, true);
  const body = numbers.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return { bytes: Buffer.concat([header, ...body]), weights };
}

function tokenizerBytes(pieces = PIECES): Uint8Array {
  const parts = pieces.map(([text, score]) => {
    const bytes = new TextEncoder().encode(text);
    const head = new DataView(new ArrayBuffer(8));
    head.setFloat32(0, score, true);
    head.setInt32(4, bytes.length, true);
    return Buffer.concat([new Uint8Array(head.buffer), bytes]);
  });
  return Buffer.concat([Uint8Array.of(8, 0, 0, 0), ...parts]);
}

const TOKENIZER = { name: "t.bin", bytes: tokenizerBytes() };

describe.each([
  [0, true],
  [0, false],
  [1, true],
  [1, false],
] as const)("version %j, with the table of tokens as last layer: %j", (version, isTied) => {
  it("computes what llama2.c does, which turns neighboring features", async () => {
    const { bytes, weights } = made(version, isTied);
    expect(looksLikeLlama2c(bytes)).toBe(true);
    const model = importLlama2c({ name: "m.bin", bytes }, TOKENIZER);
    const tokens = [1, 260, 5, 270, 266, 0, 261];
    const backend = await platform().createBackend({ threads: 1 });
    const program = await backend.compile(inferenceGraph(model, 1, { time: tokens.length }));
    program.inputs.x.set(tokens);
    program.inputs.length?.fill(tokens.length);
    program.run();
    const logits = (await program.read()).logits.slice();
    await backend.close();
    expectClose(logits, Float64Array.from(llamaPlainly(SIZES, weights, tokens, "pairs")), 1e-5, "logits");
  });

  it("is refused where bytes are missing, or too many", () => {
    const { bytes } = made(version, isTied);
    for (const wrong of [bytes.subarray(0, bytes.length - 4), Buffer.concat([bytes, new Uint8Array(8)])]) {
      expect(looksLikeLlama2c(wrong)).toBe(false);
      expect(() => parseLlama2c(wrong, "m.bin")).toThrow(DataError);
      expect(() => parseLlama2c(wrong, "m.bin")).toThrow(
        /^m\.bin: \d+ bytes, but a network of its sizes has \d+; it is cut off or damaged$/,
      );
    }
  });
});

it("other versions and other files are told apart", () => {
  const { bytes } = made(1, true);
  const second = Uint8Array.from(bytes);
  second[4] = 2;
  expect(() => parseLlama2c(second, "m.bin")).toThrow(
    "m.bin: version 2 of llama2.c's files; 0 and 1, in float32, can be read",
  );
  for (const other of [new Uint8Array(0), new Uint8Array(300), new TextEncoder().encode("hello ".repeat(60))]) {
    expect(looksLikeLlama2c(other)).toBe(false);
    expect(() => parseLlama2c(other, "m.bin")).toThrow("m.bin is no file of llama2.c");
  }
});

describe("its tokenizer", () => {
  const { bytes } = made(0, true);
  const { tokenizer } = importLlama2c({ name: "m.bin", bytes }, TOKENIZER).task;
  const named = (text: string): string[] => Array.from(tokenizer.encode(text), (id) => tokenizer.tokens[id]);

  it("puts a space in front, joins the best pieces first, and falls back to bytes", () => {
    expect(named("the cat")).toEqual([" the", " cat"]);
    // "he" is better than " c" and "at", and these are better than nothing.
    expect(named("cheat")).toEqual([" c", "he", "at"]);
    expect(named("t語")).toEqual([" t", "<0xE8>", "<0xAA>", "<0x9E>"]);
    for (const text of ["the cat", "cheat\nt  e", "語 the"])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect([...(tokenizer.begin ?? [])]).toEqual([1]);
  });

  it("is refused where it is damaged, or another model's", () => {
    const whole = tokenizerBytes();
    for (const wrong of [
      whole.subarray(0, whole.length - 1),
      whole.subarray(0, 9),
      new Uint8Array(4),
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xff),
    ]) {
      expect(() => parseTokenizer(wrong, "t.bin")).toThrow("t.bin is no tokenizer of llama2.c, or is damaged");
    }
    const few = { name: "t.bin", bytes: tokenizerBytes(PIECES.slice(0, 260)) };
    expect(() => importLlama2c({ name: "m.bin", bytes }, few)).toThrow(
      `t.bin has 260 tokens, but m.bin ${TOKENS}; give its own`,
    );
  });
});

describe("ductus import", () => {
  let cwd: string;
  beforeAll(() => {
    ensureBuilt();
    cwd = mkdtempSync(join(tmpdir(), "ductus-llama2c-"));
    writeFileSync(join(cwd, "tales.bin"), made(0, true).bytes);
    writeFileSync(join(cwd, "tok.bin"), TOKENIZER.bytes);
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  it("takes the tokenizer that is given, or the one beside the file", async () => {
    const without = await ductus(cwd, "import", "tales.bin");
    expect(without.status).toBe(1);
    expect(without.err).toContain("tokenizer.bin: there is no such file; give the model's tokenizer: --tokenizer FILE");
    const { out, err, status } = await ductus(cwd, "import", "tales.bin", "--tokenizer", "tok.bin");
    expect(status, err).toBe(0);
    expect(out).toContain("tales.bin: a language model of Llama's shape, as llama-s");
    const text = await generate(importLlama2c({ name: "m", bytes: made(0, true).bytes }, TOKENIZER), "the", {
      length: 5,
    });
    const written = await ductus(cwd, "generate", "tales.safetensors", "the", "--tokens", "5", "--json");
    expect(JSON.parse(written.out).texts).toEqual([text]);
    writeFileSync(join(cwd, "tokenizer.bin"), TOKENIZER.bytes);
    expect((await ductus(cwd, "import", "tales.bin", "--out", "again.safetensors")).status).toBe(0);
    for (const source of ["tales.bin", "tok.bin"]) {
      const over = await ductus(cwd, "import", "tales.bin", "--tokenizer", "tok.bin", "--out", source);
      expect([over.status, over.err]).toEqual([
        2,
        expect.stringContaining(`${source} would be overwritten; give another`),
      ]);
    }
    const refused = await ductus(cwd, "import", "tales.bin", "--mean", "0.5");
    expect(refused.err).toContain("ductus: --mean is for ONNX files of pictures; leave it out");
  });
});
