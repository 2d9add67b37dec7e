/** The allocator of the shared memory, under random orders of taking and giving back. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { CONTROL_BYTES, SharedMemory } from "../../src/engine/backends/wasm/memory.ts";
import { DuctusError } from "../../src/engine/errors.ts";
import { matmul } from "../../src/engine/ops/matmul.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import { Parameter } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { nodeWasmBackend } from "../../src/platform/node/threads.ts";
import { uniformNoise } from "../helpers/noise.ts";

interface Block {
  readonly start: number;
  readonly bytes: number;
}

const commands = fc.array(
  fc.oneof(
    fc.record({ take: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 400_000 })) }),
    fc.record({ give: fc.nat() }),
  ),
  { maxLength: 80 },
);

/** The members of a namespace of the engine's, which a spread does not see. */
const exportsOf = (space: object): object =>
  Object.fromEntries(Object.getOwnPropertyNames(space).map((name) => [name, Reflect.get(space, name)]));

it("is one that never grows where memory may not be shared, and programs run in it", async () => {
  // As in web pages that are not isolated.
  class Unshared extends WebAssembly.Memory {
    constructor(limits: WebAssembly.MemoryDescriptor) {
      if (limits.shared === true) throw new TypeError("shared memory is disabled");
      super(limits);
    }
  }
  vi.stubGlobal("WebAssembly", { ...exportsOf(WebAssembly), Memory: Unshared });
  const backend = nodeWasmBackend({ threads: 1 });
  expect(() => nodeWasmBackend({ threads: 2 })).toThrow(/no memory that threads may share/);
  vi.unstubAllGlobals();
  const weight = new Parameter([40, 30], uniformNoise(1, 1200));
  const program = await backend.compile(trace((t) => ({ y: sum(matmul(t.input("x", [20, 40]), weight)) })));
  expect(program.inputs["x"].buffer).toBeInstanceOf(ArrayBuffer);
  program.inputs["x"].fill(1);
  program.run();
  expect(program.outputs["y"][0]).toBeCloseTo(20 * weight.data.reduce((total, value) => total + value, 0), 2);
  await expect(backend.compile(trace((t) => ({ y: sum(t.input("x", [2 ** 29])) })))).rejects.toThrow(
    /has 1\.0 left here;/,
  );
  await backend.close();
});

it("a program that needs more says so before it runs, and what would fit", async () => {
  const backend = nodeWasmBackend({ threads: 1 });
  const weight = new Parameter([64, 64], uniformNoise(1, 64 * 64));
  const step = (batch: number) =>
    trace((t) => ({ y: matmul(t.input("x", [batch, 1024, 64], "float32", true).reshape([-1, 64]), weight) }));
  const refused = await backend.compile(step(20_000)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(DuctusError);
  const { message } = refused as DuctusError;
  expect(message).toMatch(
    /^the program needs 9\.\d GiB but WebAssembly has 4\.0 left here; a batch of \d+ instead of 20000 would fit$/,
  );
  const fits = Number(/batch of (\d+)/.exec(message)?.[1]);
  expect(fits).toBeGreaterThan(7_000);
  // The one that is proposed fits, and not much more would have.
  await expect(backend.compile(step(Math.ceil(1.02 * fits)))).rejects.toThrow("would fit");
  await backend.compile(step(fits));
  await backend.close();
});

describe("the shared memory", () => {
  const memory = new SharedMemory();

  it("hands out blocks that do not overlap, and all of it again once everything is given back", () => {
    const property = fc.property(commands, fc.nat(), (list, order) => {
      const held: Block[] = [];
      const giveBack = (index: number): void => {
        const [{ start, bytes }] = held.splice(index % held.length, 1);
        memory.release(start, bytes);
      };
      for (const command of list) {
        if ("take" in command) held.push({ start: memory.allocate(command.take), bytes: command.take });
        else if (held.length > 0) giveBack(command.give);
        const sorted = [...held].sort((a, b) => a.start - b.start);
        sorted.forEach(({ start, bytes }, n) => {
          expect(start % 64).toBe(0);
          expect(start).toBeGreaterThanOrEqual(CONTROL_BYTES);
          // A vector may be read that begins at the last element.
          const end = start + bytes + 16;
          expect(end).toBeLessThanOrEqual(n + 1 < sorted.length ? sorted[n + 1].start : memory.buffer.byteLength);
        });
      }
      while (held.length > 0) giveBack(order);
      const size = memory.buffer.byteLength;
      const everything = size - CONTROL_BYTES - 64;
      expect(memory.allocate(everything)).toBe(CONTROL_BYTES);
      expect(memory.buffer.byteLength).toBe(size);
      memory.release(CONTROL_BYTES, everything);
    });
    fc.assert(property, { seed: 3, numRuns: 60 });
  });

  it("says what to do when 4 GiB are not enough, and goes on", () => {
    expect(() => memory.allocate(2 ** 32)).toThrow(DuctusError);
    expect(() => memory.allocate(2 ** 32)).toThrow(/4\.0 GiB .* smaller batch/);
    expect(memory.allocate(100)).toBe(CONTROL_BYTES);
    memory.release(CONTROL_BYTES, 100);
  });
});
