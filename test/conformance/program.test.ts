/** What every backend promises about its programs (backends/backend.ts), beyond the values of single ops. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend, Program } from "../../src/engine/backends/backend.ts";
import { uniform } from "../../src/engine/ops/constant.ts";
import { conv2d } from "../../src/engine/ops/conv.ts";
import { add, mul, sub } from "../../src/engine/ops/elementwise.ts";
import { matmul } from "../../src/engine/ops/matmul.ts";
import { reshape } from "../../src/engine/ops/movement.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import { Parameter } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { backends } from "../helpers/backends.ts";
import { uniformNoise } from "../helpers/noise.ts";

/** What a run gave for one output. */
const read = async (program: Program, name: string): Promise<number[]> => [...(await program.read(name))[name]];

const parameter = (...values: number[]): Parameter => new Parameter([values.length], Float32Array.from(values));

describe.each(backends)("$name", ({ make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  it("computes every update from the old values: two parameters swap", async () => {
    const a = parameter(1, 2, 3);
    const b = parameter(4, 5, 6);
    const program = await backend.compile(
      trace((t) => {
        t.update(a, b);
        t.update(b, a);
        return { total: sum(a) };
      }),
    );
    const seen = async (): Promise<number[][]> => {
      await backend.pull([a, b]);
      return [[...a.data], [...b.data], await read(program, "total")];
    };
    program.run();
    expect(await seen()).toEqual([[4, 5, 6], [1, 2, 3], [6]]);
    program.run();
    expect(await seen()).toEqual([[1, 2, 3], [4, 5, 6], [15]]);
    program.dispose();
    expect([...a.data]).toEqual([1, 2, 3]); // parameters outlive their programs
  });

  it("gives a parameter as an output its value before the update", async () => {
    const a = parameter(1, 2);
    const program = await backend.compile(
      trace((t) => {
        t.update(a, mul(a, 2));
        return { a };
      }),
    );
    program.run();
    program.run();
    await backend.pull([a]);
    expect([await read(program, "a"), [...a.data]]).toEqual([
      [2, 4],
      [4, 8],
    ]);
    program.dispose();
  });

  it("computes with weights that were written from outside once it is told so", async () => {
    // Channels enough for kernels that keep transformed weights between runs.
    const weight = new Parameter([3, 3, 16, 16], uniformNoise(1, 9 * 256, -1, 1));
    const x = uniformNoise(2, 8 * 8 * 16);
    const make = (): Promise<Program> =>
      backend.compile(trace((t) => ({ y: conv2d(t.input("x", [1, 8, 8, 16]), weight) })));
    const answer = (program: Program): Promise<number[]> => {
      program.inputs["x"].set(x);
      program.run();
      return read(program, "y");
    };
    const program = await make();
    const before = await answer(program);
    weight.data.set(uniformNoise(3, weight.size, -1, 1));
    backend.push([weight]);
    const after = await answer(program);
    const fresh = await make();
    expect(after).toEqual(await answer(fresh));
    expect(after).not.toEqual(before);
    for (const each of [program, fresh]) each.dispose();
  });

  it("updates int32 parameters, and parameters that nothing reads", async () => {
    const steps = new Parameter<"int32">([], Int32Array.of(41), false);
    const copy = parameter(0, 0);
    const program = await backend.compile(
      trace((t) => {
        t.update(steps, add(steps, 1));
        t.update(copy, t.input("x", [2]));
        return {};
      }),
    );
    program.inputs["x"].set([7, 8]);
    program.run();
    await backend.pull([steps, copy]);
    expect([steps.data[0], ...copy.data]).toEqual([42, 7, 8]);
    program.dispose();
  });

  it("sees what is written into a parameter, or put in its place, between runs", async () => {
    const a = parameter(1, 2);
    const program = await backend.compile(trace((t) => ({ y: mul(a, t.input("x", [2])) })));
    program.inputs["x"].set([10, 10]);
    program.run();
    expect(await read(program, "y")).toEqual([10, 20]);
    a.data[0] = 3;
    backend.push([a]);
    program.run();
    expect(await read(program, "y")).toEqual([30, 20]);
    a.data = Float32Array.of(5, 6);
    program.run();
    expect(await read(program, "y")).toEqual([50, 60]);
    program.dispose();
  });

  it("shares parameters between programs, and keeps their inputs and outputs apart", async () => {
    const a = parameter(1, 2);
    const train = await backend.compile(
      trace((t) => {
        const next = add(a, t.input("x", [2]));
        t.update(a, next);
        return { next };
      }),
    );
    const { x } = train.inputs;
    x.set([1, 1]);
    train.run();
    // A later program needs far more memory; the arrays of the first must stay what they are.
    const large = 300;
    const use = await backend.compile(
      trace((t) => {
        const m = t.input("x", [large, large]);
        return { y: mul(a, 10), total: sum(matmul(matmul(m, m), m)) };
      }),
    );
    use.inputs["x"].fill(1 / large);
    use.run();
    expect(await read(use, "y")).toEqual([20, 30]);
    expect((await read(use, "total"))[0]).toBeCloseTo(large, 1);
    expect(train.inputs["x"] === x).toBe(true);
    expect([[...x], await read(train, "next")]).toEqual([
      [1, 1],
      [2, 3],
    ]);
    train.run();
    use.run();
    expect([await read(train, "next"), await read(use, "y")]).toEqual([
      [3, 4],
      [30, 40],
    ]);
    use.dispose();
    train.run();
    await backend.pull([a]);
    expect([...a.data]).toEqual([4, 5]);
    train.dispose();
  });

  it("gives inputs, views of them and one tensor under two names as outputs; ignores unused inputs", async () => {
    const program = await backend.compile(
      trace((t) => {
        const x = t.input("x", [2, 2], "float32", true);
        t.input("unused", [3]);
        const y = sub(x, 1);
        return { x, view: reshape(x, [4]), y, again: y };
      }),
    );
    program.inputs["x"].set([1, 2, 3, 4]);
    program.inputs["unused"]?.fill(1);
    program.run();
    const { x, view, y, again } = await program.read();
    expect([[...x], [...view]]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect([[...y], [...again]]).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    program.dispose();
  });

  it("leaves its inputs as they were written", async () => {
    const program = await backend.compile(
      trace((t) => {
        const x = t.input("x", [64, 8], "float32", true);
        return { y: sum(mul(add(x, 1), x), 1) };
      }),
    );
    const values = uniformNoise(3, 512);
    program.inputs["x"].set(values);
    program.run();
    program.run();
    await program.ready();
    expect([...program.inputs["x"]]).toEqual([...values]);
    program.dispose();
  });

  it("draws other random numbers for another key, and the same for the same", async () => {
    const program = await backend.compile(
      trace((t) => ({ y: uniform(t.input("key", [2], "int32"), { shape: [8, 25], stream: 1, batched: true }) })),
    );
    const draw = async (key: number): Promise<string> => {
      program.inputs["key"].set([key, 7]);
      program.run();
      return (await read(program, "y")).join();
    };
    const [first, second, third] = [await draw(1), await draw(2), await draw(1)];
    expect(second).not.toBe(first);
    expect(third).toBe(first);
    program.dispose();
  });

  it("takes each run's inputs when it is ordered, and reads what the last run gave", async () => {
    const total = parameter(0);
    const program = await backend.compile(
      trace((t) => {
        const next = add(total, t.input("x", [1]));
        t.update(total, next);
        return { next, twice: mul(next, 2) };
      }),
    );
    for (const x of [1, 10, 100]) {
      program.inputs["x"].fill(x);
      program.run();
    }
    program.inputs["x"].fill(1000);
    const { next, twice } = await program.read("next", "twice");
    expect([[...next], [...twice]]).toEqual([[111], [222]]);
    await backend.pull([total]);
    expect([...total.data]).toEqual([111]);
    program.dispose();
  });

  it("tells its memory before it runs", async () => {
    const a = parameter(...uniformNoise(1, 100));
    const program = await backend.compile(trace((t) => ({ y: sum(mul(a, t.input("x", [100]))) })));
    expect(program.memory.parameters).toBeGreaterThanOrEqual(400);
    expect(program.memory.arena).toBeGreaterThan(0);
    program.dispose();
  });
});
