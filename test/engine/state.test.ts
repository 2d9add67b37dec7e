/**
 * State that is carried from run to run beside training: hidden states and caches. A small transformer, whose keys and values
 * are kept in one, writes token by token what it gives for the whole text at once.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend, Program } from "../../src/engine/backends/backend.ts";
import type { Plan } from "../../src/engine/backends/cpu/plan.ts";
import { planForWasm } from "../../src/engine/backends/wasm/wasm.ts";
import { gelu } from "../../src/engine/ops/activation.ts";
import { attention } from "../../src/engine/ops/attention.ts";
import { add, mul } from "../../src/engine/ops/elementwise.ts";
import { embedding, writeRows } from "../../src/engine/ops/gather.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { slice } from "../../src/engine/ops/movement.ts";
import { layerNorm } from "../../src/engine/ops/norm.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { type Graph, trace } from "../../src/engine/trace.ts";
import { familyBackends } from "../helpers/backends.ts";
import { integerNoise, uniformNoise } from "../helpers/noise.ts";
import { expectClose } from "../helpers/run.ts";

const [VOCABULARY, WIDTH, HEADS, GROUPS, SIZE, LAYERS] = [11, 48, 4, 2, 12, 2] as const;
const TIME = 12;

let seed = 0;
const weight = (...shape: number[]): Parameter => {
  const count = shape.reduce((size, dim) => size * dim);
  return new Parameter(shape, uniformNoise(++seed, count, -0.5, 0.5));
};
const layer = () => ({
  scale: weight(WIDTH),
  shift: weight(WIDTH),
  query: weight(HEADS * SIZE, WIDTH),
  keysAndValues: weight(2 * GROUPS * SIZE, WIDTH),
  out: weight(WIDTH, HEADS * SIZE),
  up: weight(4 * WIDTH, WIDTH),
  down: weight(WIDTH, 4 * WIDTH),
});
const network = {
  tokens: weight(VOCABULARY, WIDTH),
  layers: Array.from({ length: LAYERS }, layer),
};

/** Keeps what it is given, and gives all that can be seen. */
type Remember = (layer: number, rows: Tensor) => Tensor;

/** Logits of tokens [B, T] from `position` on. */
function forward(tokens: Tensor, position: Tensor | undefined, remember: Remember): Tensor {
  const [B, T] = tokens.shape;
  let x = embedding(tokens, network.tokens);
  network.layers.forEach(({ scale, shift, query, keysAndValues, out, up, down }, l) => {
    const normed = layerNorm(x, scale, shift);
    const q = linear(normed, query).reshape([B, T, HEADS, SIZE]);
    const seen = remember(l, linear(normed, keysAndValues).reshape([B, T, 2 * GROUPS, SIZE]));
    const [k, v] = [0, GROUPS].map((start) => slice(seen, [{}, {}, { start, end: start + GROUPS }]));
    const mixed = attention(q, k, v, position === undefined ? { causal: true } : { position });
    x = add(x, linear(mixed.reshape([B, T, HEADS * SIZE]), out));
    x = add(x, linear(gelu(linear(x, up)), down));
  });
  return linear(x, network.tokens);
}

const whole = (): Graph =>
  trace((t) => ({ logits: forward(t.input("tokens", [1, TIME], "int32", true), undefined, (_, rows) => rows) }));

type Caches = readonly Parameter[];
const cachesOf = (room: number): Caches =>
  network.layers.map(() => {
    const shape = [1, room, 2 * GROUPS, SIZE];
    return new Parameter(shape, new Float32Array(room * 2 * GROUPS * SIZE), false);
  });

/** Takes `time` tokens at a time. */
const decoder = (time: number, caches: Caches): Graph =>
  trace((t) => {
    const position = t.input("position", [], "int32");
    const logits = forward(t.input("tokens", [1, time], "int32", true), position, (l, rows) => {
      const written = writeRows(caches[l], rows, position);
      t.carry(caches[l], written);
      return written;
    });
    return { logits };
  });

const TOKENS = Array.from(integerNoise(5, TIME, 0, VOCABULARY));

async function logitsOf(program: Program, tokens: readonly number[], position?: number): Promise<Float32Array> {
  program.inputs["tokens"].set(tokens);
  program.inputs["position"]?.fill(position ?? 0);
  program.run();
  const { logits } = await program.read("logits");
  return (logits as Float32Array).slice();
}

describe.each(familyBackends)("$name", ({ make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  /** All logits, where the first tokens come at once, with room for some more, and the others one by one. */
  const decoded = async (room: number, first: number, bucket: number): Promise<Float32Array> => {
    const caches = cachesOf(room);
    const [fill, next] = [await backend.compile(decoder(bucket, caches)), await backend.compile(decoder(1, caches))];
    const all = new Float32Array(TIME * VOCABULARY);
    const padding = new Array(bucket - first).fill(0);
    all.set((await logitsOf(fill, [...TOKENS.slice(0, first), ...padding], 0)).subarray(0, first * VOCABULARY));
    for (let t = first; t < TIME; t++) all.set(await logitsOf(next, TOKENS.slice(t, t + 1), t), t * VOCABULARY);
    for (const program of [fill, next]) program.dispose();
    return all;
  };

  it("token by token with a cache, as for all at once", async () => {
    const program = await backend.compile(whole());
    const want = await logitsOf(program, TOKENS);
    program.dispose();
    expectClose(await decoded(TIME, 1, 1), want, 1e-5, "one by one");
    expectClose(await decoded(TIME, 7, 7), want, 1e-5, "seven at once, then one by one");
  });

  it("room in the cache and padding behind the text change no bit", async () => {
    const bits = await decoded(TIME, 5, 5);
    expect(await decoded(40, 5, 5)).toEqual(bits);
    expect(await decoded(64, 5, 8)).toEqual(bits);
  });

  it("carries any value; the run still reads the old one", async () => {
    const hidden = new Parameter([2], Float32Array.of(1, 2), false);
    const program = await backend.compile(
      trace((t) => {
        t.carry(hidden, add(mul(hidden, 2), t.input("x", [2])));
        return { y: add(hidden, 0.5) };
      }),
    );
    program.inputs["x"].set([1, 1]);
    program.run();
    expect([...(await program.read("y"))["y"]]).toEqual([1.5, 2.5]);
    program.run();
    await backend.pull([hidden]);
    expect([...hidden.data]).toEqual([7, 11]);
    program.dispose();
  });

  it("what others carry may be a weight here, and is laid out anew", async () => {
    const carried = weight(WIDTH, WIDTH);
    const change = await backend.compile(
      trace((t) => {
        t.carry(carried, mul(carried, 2));
        return {};
      }),
    );
    const use = await backend.compile(
      trace((t) => ({ y: linear(t.input("x", [1, 30, WIDTH], "float32", true), carried) })),
    );
    const run = async (): Promise<number[]> => {
      use.inputs["x"].fill(1);
      use.run();
      return [...(await use.read("y"))["y"]];
    };
    const before = await run();
    change.run();
    expect(await run()).toEqual(before.map((value) => 2 * value));
    for (const program of [change, use]) program.dispose();
  });
});

describe("plans", () => {
  const namesIn = (stages: Plan["stages"]): string[] =>
    stages.flatMap(({ ranges }) => ranges).flatMap(({ nodes }) => nodes.map(({ op }) => op.name));

  it("state does not keep weights from being laid out ahead", async () => {
    const plan = await planForWasm(decoder(8, cachesOf(16)));
    expect(namesIn(plan.setup)).toContain("permute");
    expect(namesIn(plan.stages)).not.toContain("permute");
  });

  it("rows are written in place: the cache is neither copied nor kept twice", async () => {
    const caches = cachesOf(64);
    const plan = await planForWasm(decoder(1, caches));
    const written = plan.stages.flatMap(({ ranges }) => ranges).filter(({ root }) => root?.op.name === "writeRows");
    expect(written.map(({ root }) => plan.places.get(root as Tensor))).toEqual(
      caches.map((parameter) => ({ kind: "parameter", parameter })),
    );
  });
});
