/** Known answers of Threefry-2x32-20, from the file kat_vectors of the authors' library Random123. */
import { expect, it } from "vitest";
import { uniform } from "../../src/engine/ops/constant.ts";
import { threefry2x32 } from "../../src/engine/random.ts";
import { nodeWasmBackend } from "../../src/platform/node/threads.ts";
import { runGraph } from "../helpers/run.ts";

const VECTORS = [
  { key: [0, 0], counter: [0, 0], words: [0x6b200159, 0x99ba4efe] },
  { key: [0xffffffff, 0xffffffff], counter: [0xffffffff, 0xffffffff], words: [0x1cb996fc, 0xbb002be7] },
  { key: [0x13198a2e, 0x03707344], counter: [0x243f6a88, 0x85a308d3], words: [0xc4923a9c, 0x483df7a0] },
];

it.each(VECTORS)("threefry2x32 with key $key and counter $counter", ({ key, counter, words }) => {
  const out = new Uint32Array(2);
  threefry2x32(key[0], key[1], counter[0], counter[1], out);
  expect([...out]).toEqual(words);
});

it("the kernel draws the first of them", async () => {
  const backend = nodeWasmBackend({ threads: 1 });
  const attrs = { shape: [5], stream: 0, batched: false };
  const { u } = await runGraph(backend, (t) => ({ u: uniform(t.input("key", [2], "int32"), attrs) }), { key: [0, 0] });
  await backend.close();
  expect(u[0]).toBe((0x6b200159 >>> 8) * 2 ** -24);
});
