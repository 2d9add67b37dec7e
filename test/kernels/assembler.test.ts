/**
 * Every instruction of the assembler, validated by the engine and run against its meaning in JavaScript; a new one without
 * a case fails the test.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as asm from "../../src/engine/backends/wasm/assembler.ts";
import {
  Func,
  type I32,
  i32,
  load,
  type Stores,
  splatF,
  type V128,
  v,
  vi,
} from "../../src/engine/backends/wasm/assembler.ts";
import { fuseMultiplyAdds } from "../../src/engine/backends/wasm/fusable.ts";
import { relaxedSimdWorks } from "../../src/engine/backends/wasm/support.ts";
import { assemble, enableRelaxedSimd, evaluateI32 } from "./assemble.ts";

beforeAll(enableRelaxedSimd);

const bit = (holds: boolean): number => (holds ? 1 : 0);
const mask = (holds: boolean): number => (holds ? -1 : 0);
const INTEGERS = [0, 1, 2, -1, 7, -128, 1000003, 2 ** 31 - 1, -(2 ** 31)];

/** i32 instructions of two operands, with what they mean. */
const BINARY_I32 = {
  addI: (a, b) => a + b,
  subI: (a, b) => a - b,
  mulI: Math.imul,
  divU: (a, b) => (a >>> 0) / (b >>> 0),
  remU: (a, b) => (a >>> 0) % (b >>> 0),
  andI: (a, b) => a & b,
  ltS: (a, b) => bit(a < b),
  ltU: (a, b) => bit(a >>> 0 < b >>> 0),
  gtS: (a, b) => bit(a > b),
  geS: (a, b) => bit(a >= b),
  leS: (a, b) => bit(a <= b),
  eqI: (a, b) => bit(a === b),
  neI: (a, b) => bit(a !== b),
  minS: Math.min,
  maxS: Math.max,
} as const satisfies Readonly<Record<string, (a: number, b: number) => number>>;

const instructions: Readonly<Record<keyof typeof BINARY_I32, (a: I32, b: I32) => I32>> = asm;

const FLOATS = [0, -0, 1, -2.5, 3.5, 4.5, -0.5, 1e-40, 3e38, -7.25, Number.POSITIVE_INFINITY, 16777217];
const floats = (f: (a: number, b: number) => number) => ({ of: Float32Array, to: Float32Array, f });
const compare = (f: (a: number, b: number) => boolean) => ({
  of: Float32Array,
  to: Int32Array,
  f: (a: number, b: number) => mask(f(a, b)),
});
const bits = (f: (a: number, b: number) => number) => ({ of: Int32Array, to: Int32Array, f });
const halfEven = (x: number): number => {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : Math.ceil(x); // ceil keeps the sign of −0
};

interface Meaning {
  readonly of: typeof Float32Array | typeof Int32Array;
  readonly to: typeof Float32Array | typeof Int32Array;
  readonly f: (a: number, b: number) => number;
}

/** Vector instructions lane by lane; those that mix lanes or take three operands have tests of their own. */
const VECTORS = {
  "v.add": floats((a, b) => a + b),
  "v.sub": floats((a, b) => a - b),
  "v.mul": floats((a, b) => a * b),
  "v.div": floats((a, b) => a / b),
  "v.min": floats(Math.min),
  "v.max": floats(Math.max),
  "v.pmin": floats((a, b) => [a, b][bit(b < a)]),
  "v.pmax": floats((a, b) => [a, b][bit(a < b)]),
  "v.neg": floats((a) => -a),
  "v.abs": floats(Math.abs),
  "v.sqrt": floats(Math.sqrt),
  "v.floor": floats(Math.floor),
  "v.nearest": floats(halfEven),
  "v.eq": compare((a, b) => a === b),
  "v.ne": compare((a, b) => a !== b),
  "v.lt": compare((a, b) => a < b),
  "v.gt": compare((a, b) => a > b),
  "v.le": compare((a, b) => a <= b),
  "v.ge": compare((a, b) => a >= b),
  "v.not": bits((a) => ~a),
  "v.and": bits((a, b) => a & b),
  "v.andNot": bits((a, b) => a & ~b),
  "v.or": bits((a, b) => a | b),
  "v.xor": bits((a, b) => a ^ b),
  "v.truncToI": {
    of: Float32Array,
    to: Int32Array,
    f: (a) => Math.min(Math.max(Math.trunc(a), -(2 ** 31)), 2 ** 31 - 1),
  },
  "v.fromI": { of: Int32Array, to: Float32Array, f: (a) => a },
  "vi.add": bits((a, b) => a + b),
  "vi.sub": bits((a, b) => a - b),
  "vi.mul": bits(Math.imul),
  "vi.min": bits(Math.min),
  "vi.max": bits(Math.max),
  "vi.neg": bits((a) => -a),
  "vi.abs": bits(Math.abs),
  "vi.eq": bits((a, b) => mask(a === b)),
  "vi.ne": bits((a, b) => mask(a !== b)),
  "vi.lt": bits((a, b) => mask(a < b)),
  "vi.gt": bits((a, b) => mask(a > b)),
  "vi.le": bits((a, b) => mask(a <= b)),
  "vi.ge": bits((a, b) => mask(a >= b)),
} as const satisfies Readonly<Record<string, Meaning>>;

const vectorOp = (name: string): ((a: V128, b: V128) => V128) => {
  const [group, key] = name.split(".");
  return ({ v, vi } as unknown as Record<string, Record<string, (a: V128, b: V128) => V128>>)[group][key];
};

/** Bytes after running `body` on memory that starts with `before`. */
function runOn(before: ArrayLike<number>, body: (f: Func) => void, length = 64): Uint8Array<ArrayBuffer> {
  const { bytes, run } = assemble(body);
  expect(WebAssembly.validate(bytes)).toBe(true);
  return new Uint8Array(run((memory) => new Uint8Array(memory).set(before))).slice(0, length);
}

const bytesOf = (values: Float32Array | Int32Array): Uint8Array => new Uint8Array(values.buffer);

describe("integers", () => {
  it.each(Object.keys(BINARY_I32) as (keyof typeof BINARY_I32)[])("%s", (name) => {
    const divides = name === "divU" || name === "remU";
    const pairs = INTEGERS.flatMap((a) => INTEGERS.filter((b) => b !== 0 || !divides).map((b) => [a, b] as const));
    const op = instructions[name];
    const apart = (value: number): I32 => asm.subI(i32(value), 0); // not folded
    const got = evaluateI32(pairs.map(([a, b]) => op(apart(a), apart(b))));
    expect(got).toEqual(pairs.map(([a, b]) => BINARY_I32[name](a, b) | 0));
  });

  it("eqz, select, gtF, addF", () => {
    const [one, two] = [asm.extractF(asm.splatConst(1), 0), asm.extractF(asm.splatConst(2), 3)];
    const compared = [asm.eqz(i32(0)), asm.eqz(i32(5)), asm.gtF(two, one), asm.gtF(one, one)];
    expect(evaluateI32(compared)).toEqual([1, 0, 1, 0]);
    expect(evaluateI32([asm.select(i32(1), i32(3), i32(4)), asm.select(i32(0), i32(3), i32(4))])).toEqual([3, 4]);
    const sum = asm.extractI(splatF(asm.addF(one, asm.select(i32(1), two, one))), 2);
    const vector = asm.extractI(asm.select(i32(0), asm.splatConstI(1), asm.splatConstI(2)), 1);
    expect(evaluateI32([sum, vector])).toEqual([...new Int32Array(new Float32Array([3]).buffer), 2]);
  });

  it("ctz and clz", () => {
    const values = [1, 2, 8, -1, 0x00ff0000, -(2 ** 31), 0];
    expect(evaluateI32(values.map((value) => asm.clz(i32(value))))).toEqual(values.map(Math.clz32));
    expect(evaluateI32(values.map((value) => asm.ctz(i32(value))))).toEqual([0, 1, 3, 0, 16, 31, 32]);
  });

  it("constants at the edges of LEB128", () => {
    const powers = Array.from({ length: 32 }, (_, n) => 2 ** n).flatMap((p) => [p, p - 1, p + 1, -p, -p - 1, 1 - p]);
    const values = [...new Set([0, ...powers])].filter((value) => value === (value | 0));
    expect(evaluateI32(values.map(i32))).toEqual(values);
  });

  it("offsets at the edges of LEB128", () => {
    for (const offset of [0, 127, 128, 16383, 16384, 2 ** 21 - 1, 2 ** 21, 2 ** 22 - 4]) {
      const memory = assemble((f) => {
        f.storeI32(i32(0), i32(offset + 1), offset);
        f.storeI32(i32(8), asm.loadI32(i32(0), offset));
      }).run();
      expect(new DataView(memory).getInt32(offset, true)).toBe(offset + 1);
      expect(new Int32Array(memory)[2]).toBe(offset + 1);
    }
  });

  it("more locals than one byte counts", () => {
    const memory = assemble((f) => {
      const locals = Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? f.local("v128") : f.let(i32(n))));
      locals.forEach((local, n) => {
        if (local.type === "i32") f.storeI32(i32(n * 4), local as I32);
      });
    }).run();
    const got = new Int32Array(memory, 0, 300);
    expect(got.every((value, n) => value === (n % 3 === 0 ? 0 : n))).toBe(true);
  });

  it("folds constants to what the machine computes", () => {
    const int = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)));
    const cases = fc.array(fc.tuple(int, int, fc.boolean()), { minLength: 20, maxLength: 40 });
    const property = fc.property(cases, (triples) => {
      const folded = triples.flatMap(([a, b, plain]) => {
        const right = plain ? b : i32(b);
        return [asm.addI(i32(a), right), asm.mulI(i32(a), right)];
      });
      for (const { code } of folded) expect(code[0]).toBe(0x41);
      const apart = (value: number): I32 => asm.subI(i32(value), 0);
      const computed = triples.flatMap(([a, b]) => [
        asm.addI(apart(a), apart(b)),
        asm.mulI(apart(a), apart(b)),
        asm.addI(i32(a), apart(b)),
        asm.addI(apart(a), b),
        asm.mulI(apart(a), b),
      ]);
      const results = evaluateI32([...folded, ...computed]);
      triples.forEach(([a, b], n) => {
        const [sum, product] = [(a + b) | 0, Math.imul(a, b)];
        expect(results.slice(2 * n, 2 * n + 2)).toEqual([sum, product]);
        const at = folded.length + 5 * n;
        expect(results.slice(at, at + 5)).toEqual([sum, product, sum, sum, product]);
      });
    });
    fc.assert(property, { seed: 1, numRuns: 20 });
  });
});

describe("vectors", () => {
  it.each(Object.keys(VECTORS) as (keyof typeof VECTORS)[])("%s", (name) => {
    const { of: From, to: To, f: meaning }: Meaning = VECTORS[name];
    const values = From === Float32Array ? FLOATS : INTEGERS;
    const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
    for (let first = 0; first < pairs.length; first += 4) {
      const four = Array.from({ length: 4 }, (_, n) => pairs[(first + n) % pairs.length]);
      const operands = new From(four.flatMap(([a]) => a).concat(four.map(([, b]) => b)));
      const out = runOn(bytesOf(operands), (f) => f.store(i32(32), vectorOp(name)(load(i32(0)), load(i32(16)))));
      const want = Array.from({ length: 4 }, (_, n) => meaning(operands[n], operands[4 + n]));
      expect([...new To(out.buffer, 32, 4)], `${name} of ${four}`).toEqual([...new To(want)]);
    }
  });

  it("shifts, masks and multiply-adds", () => {
    const before = bytesOf(new Int32Array([-8, 9, 0x12345678, 1, 0, -1, 0x0000ffff, -1, 5, 6, 7, 8]));
    const [a, m, b] = [0, 16, 32].map((at) => load(i32(at)));
    const one = (value: V128): number[] => [
      ...new Int32Array(runOn(before, (f) => f.store(i32(48), value)).buffer, 48, 4),
    ];
    expect(one(vi.shl(a, 3))).toEqual([-64, 72, 0x12345678 << 3, 8]);
    expect(one(vi.shrS(a, 4))).toEqual([-1, 0, 0x01234567, 0]);
    expect(one(vi.shrU(a, 4))).toEqual([0x0fffffff, 0, 0x01234567, 0]);
    expect(one(v.bitselect(a, b, m))).toEqual([5, 9, 0x5678, 1]);
    expect(one(asm.shuffle(a, b, [3, 4, 0, 7]))).toEqual([1, 5, -8, 8]);
    // (1 + 2⁻¹²)² − (1 + 2⁻¹¹) = 2⁻²⁴, which is lost when the square is rounded.
    const operands = [1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11].map(asm.splatConst) as [V128, V128, V128];
    const { bytes } = assemble((f) => f.store(i32(48), v.fusableMadd(...operands)));
    expect(one(v.fusableMadd(...operands))).toEqual([0, 0, 0, 0]);
    if (!relaxedSimdWorks()) return;
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
    const fused = new WebAssembly.Instance(new WebAssembly.Module(fuseMultiplyAdds(bytes)), { env: { memory } });
    (fused.exports.f as () => void)();
    expect([...new Int32Array(memory.buffer, 48, 4)]).toEqual(one(v.relaxedMadd(...operands)));
    const product = one(v.relaxedMadd(asm.splatConst(3), asm.splatConst(5), asm.splatConst(0.5)));
    expect(product).toEqual(new Array(4).fill(new Int32Array(new Float32Array([15.5]).buffer)[0]));
  });

  it("two lanes in double precision", () => {
    const numbers = [1 / 3, -2.5, 1e300, -Infinity, 5, 1e-50];
    const before = [...new Uint8Array(Float64Array.from(numbers).buffer)];
    const [a, b, c] = [0, 16, 32].map((at) => load(i32(at)));
    const one = (value: V128): Uint8Array => runOn(before, (f) => f.store(i32(48), value)).slice(48, 64);
    const doubles = (value: V128): number[] => [...new Float64Array(one(value).buffer)];
    const singles = (value: V128): number[] => [...new Float32Array(one(value).buffer)];
    const { vd } = asm;
    expect(doubles(vd.add(a, c))).toEqual([1 / 3 + 5, -2.5 + 1e-50]);
    expect(doubles(vd.sub(a, b))).toEqual([1 / 3 - 1e300, Infinity]);
    expect(doubles(vd.mul(a, c))).toEqual([(1 / 3) * 5, -2.5 * 1e-50]);
    expect(doubles(vd.div(a, c))).toEqual([1 / 3 / 5, -2.5 / 1e-50]);
    expect(doubles(vd.max(b, c))).toEqual([1e300, 1e-50]);
    expect(singles(vd.toF(a))).toEqual([Math.fround(1 / 3), -2.5, 0, 0]);
    expect(singles(vd.toF(b))).toEqual([Infinity, -Infinity, 0, 0]);
    expect(doubles(vd.fromF(vd.toF(a)))).toEqual([Math.fround(1 / 3), -2.5]);
    expect(doubles(asm.splatConstD(1 / 7))).toEqual([1 / 7, 1 / 7]);
  });

  it("lanes in and out", () => {
    const before = bytesOf(new Int32Array([-1, 2, 0x81828384 | 0, 4]));
    const lanes = (value: V128): number[] => [
      ...new Int32Array(runOn(before, (f) => f.store(i32(32), value)).buffer, 32, 4),
    ];
    expect(lanes(asm.load32Splat(i32(0), 4))).toEqual([2, 2, 2, 2]);
    expect(lanes(asm.load32Zero(i32(4)))).toEqual([2, 0, 0, 0]);
    expect(lanes(asm.splatI(asm.loadU8(i32(8))))).toEqual(new Array(4).fill(0x84));
    expect(lanes(splatF(asm.loadF32(i32(12))))).toEqual([4, 4, 4, 4]);
    expect(lanes(asm.i32x4Const([1, -2, 3, -4]))).toEqual([1, -2, 3, -4]);
    expect(lanes(v.widenLow16(v.widenLow8(asm.load32Zero(i32(8)))))).toEqual([0x84, 0x83, 0x82, 0x81]);
    expect(evaluateI32([0, 1, 2, 3].map((lane) => asm.extractI(asm.i32x4Const([5, 6, 7, 8]), lane)))).toEqual([
      5, 6, 7, 8,
    ]);
  });

  it("bytes and halves", () => {
    const before = Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + (i % 3) * 90) & 255);
    const [a, b] = [before.subarray(0, 16), before.subarray(16, 32)];
    const [va, vb2] = [load(i32(0)), load(i32(16))];
    const one = (value: V128): Uint8Array => runOn(before, (f) => f.store(i32(48), value)).slice(48);
    const each = (f: (a: number, b: number) => number): Uint8Array => a.map((value, i) => f(value, b[i]));
    expect(one(asm.vb.add(va, vb2))).toEqual(each((x, y) => x + y));
    expect(one(asm.vb.sub(va, vb2))).toEqual(each((x, y) => x - y));
    expect(one(asm.vb.min(va, vb2))).toEqual(each(Math.min));
    expect(one(asm.vb.max(va, vb2))).toEqual(each(Math.max));

    expect(one(asm.vb.ne(va, asm.splatConstI(-1)))).toEqual(a.map((value) => (value === 255 ? 0 : 255)));
    const high = a.reduce((mask, value, i) => mask | ((value >> 7) << i), 0);
    expect(one(asm.splatI(asm.bitmask(va))).slice(0, 4)).toEqual(new Uint8Array(Int32Array.of(high).buffer));
    const [none, some] = [asm.splatConstI(0), asm.i32x4Const([0, 0, 2, 0])];
    expect(evaluateI32([asm.anyTrue(none), asm.anyTrue(some)])).toEqual([0, 1]);

    const halves = (bytes: Uint8Array): Int16Array => new Int16Array(bytes.slice().buffer);
    const [ha, hb] = [halves(a), halves(b)];
    const product = ha.map((value, i) => Math.imul(value, hb[i]));
    expect(halves(one(asm.vh.mul(va, vb2)))).toEqual(product);
    expect(halves(one(asm.vh.shrU(va, 3)))).toEqual(ha.map((value) => (value & 65535) >> 3));
    expect(halves(one(v.widenHigh8(va)))).toEqual(Int16Array.from(a.subarray(8)));
    const dots = Int32Array.from({ length: 4 }, (_, i) => ha[2 * i] * hb[2 * i] + ha[2 * i + 1] * hb[2 * i + 1]);
    expect(new Int32Array(one(asm.vh.dot(va, vb2)).buffer)).toEqual(dots);
    expect(halves(one(asm.splatH(i32(-5))))).toEqual(new Int16Array(8).fill(-5));
    const wide = [asm.i32x4Const([-1, 5, 65536, 70000]), asm.i32x4Const([0, 65535, 3, -70000])] as const;
    expect(halves(one(asm.vh.narrow(...wide)))).toEqual(Int16Array.of(0, 5, -1, -1, 0, -1, 3, 0));
    const narrowed = [...ha, ...hb].map((value) => Math.min(255, Math.max(0, value)));
    expect(one(asm.vb.narrow(va, vb2))).toEqual(Uint8Array.from(narrowed));
    const loaded = ha.slice();
    loaded[5] = halves(before)[12];
    expect(halves(one(asm.load16Lane(i32(20), va, 5, 4)))).toEqual(loaded);
  });

  it.each([1, 2, 3, 4])("storeLanes(%i) writes these lanes and no others", (count) => {
    const out = runOn(
      new Array(32).fill(0xaa),
      (f) => f.storeLanes(i32(4), asm.i32x4Const([1, 2, 3, 4]), count, 4),
      32,
    );
    const untouched = 0xaaaaaaaa | 0;
    const want = [untouched, untouched, ...[1, 2, 3, 4].map((lane) => (lane <= count ? lane : untouched))];
    expect([...new Int32Array(out.buffer, 0, 6)]).toEqual(want);
  });
});

describe("functions", () => {
  const trips = (from: I32 | number, to: I32 | number, step: number): number =>
    new Int32Array(
      assemble((f) => f.for(from, to, step, () => f.storeI32(i32(0), asm.addI(asm.loadI32(i32(0)), 1)))).run(),
    )[0];

  it("for runs as often as in JavaScript, known bounds or not", () => {
    const property = fc.property(
      fc.integer({ min: -3, max: 12 }),
      fc.integer({ min: -3, max: 12 }),
      fc.integer({ min: 1, max: 5 }),
      (from, to, step) => {
        const want = Math.max(0, Math.ceil((to - from) / step));
        expect(trips(from, to, step)).toBe(want);
        expect(trips(asm.subI(i32(from), 0), asm.subI(i32(to), 0), step)).toBe(want);
      },
    );
    fc.assert(property, { seed: 2, numRuns: 60 });
  });

  it("if, doWhile, call, return, fill, zero, copy, drop and atomics", () => {
    const module = new asm.ModuleBuilder();
    const callee = module.func("callee", 2);
    callee.if(asm.eqI(callee.params[1], 0), () => callee.return());
    callee.storeI32(callee.params[0], callee.params[1]);
    const f = module.func("f", 0);
    const count = f.let(i32(3));
    f.doWhile(
      () => {
        f.call(callee, [asm.mulI(count, 4), count]);
        f.set(count, asm.subI(count, 1));
      },
      () => count,
    );
    f.call(callee, [i32(0), i32(0)]);
    f.if(
      asm.eqz(count),
      () => f.storeI32(i32(16), i32(1)),
      () => f.storeI32(i32(16), i32(2)),
    );
    f.copy(i32(20), i32(4), i32(12));
    f.zero(i32(4), i32(4));
    f.atomicStore(i32(32), i32(40));
    f.drop(asm.atomicAdd(i32(32), i32(2)));
    f.storeI32(i32(36), asm.atomicLoad(i32(32)));
    f.storeI32(i32(40), asm.atomicNotify(i32(32), i32(1)));
    f.storeI32(i32(44), asm.atomicWait(i32(32), i32(0))); // another value: returns at once with 1
    f.storeF32(i32(48), asm.extractF(asm.splatConst(0.5), 1));
    f.storeU8(i32(52), i32(0x1234), 1); // the lowest byte, beside others
    f.fill(i32(56), i32(0x1207), i32(3));
    module.export(f);
    const bytes = module.encode({ shared: true, maximum: 1 });
    expect(WebAssembly.validate(bytes)).toBe(true);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    (instance.exports.f as () => void)();
    const half = new Int32Array(new Float32Array([0.5]).buffer)[0];
    const words = [0, 0, 2, 3, 1, 1, 2, 3, 42, 42, 0, 1, half, 0x3400, 0x070707];
    expect([...new Int32Array(memory.buffer, 0, words.length)]).toEqual(words);
  });
});

describe("stores that are held together", () => {
  /** What a function leaves in the first words of memory that held 1, 2, 3 … before. */
  const leftBy = (body: (f: Func) => void, words: number): number[] => {
    const memory = assemble(body).run((buffer) =>
      new Float32Array(buffer).set(Array.from({ length: 32 }, (_, i) => i + 1)),
    );
    return [...new Float32Array(memory, 0, words)];
  };
  /** Swaps two vectors, if the first store is held until the second one's value is computed. */
  const swap = (f: Func, first: Stores, second: Stores): void => {
    const [a, b] = [f.let(i32(0)), f.let(i32(16))];
    first.store(a, asm.load(b));
    second.store(b, asm.load(a));
  };

  it("come after everything that is computed, and after what the function stores itself", () => {
    expect(leftBy((f) => swap(f, f, f), 8)).toEqual([5, 6, 7, 8, 5, 6, 7, 8]);
    expect(leftBy((f) => f.together((held) => swap(f, held, held)), 8)).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
    expect(leftBy((f) => f.together((held) => swap(f, held, f)), 8)).toEqual([5, 6, 7, 8, 1, 2, 3, 4]);
    expect(leftBy((f) => f.together((held) => swap(f, f, held)), 8)).toEqual([5, 6, 7, 8, 5, 6, 7, 8]);
  });

  it("keep lanes, offsets and values that change later", () => {
    const body = (f: Func): void => {
      const [from, to] = [f.let(i32(0)), f.let(i32(64))];
      f.together((held) => {
        held.storeLanes(asm.addI(to, 4), asm.load(from), 3, 0);
        held.storeLanes(asm.addI(to, 4), v.add(asm.load(from), asm.load(from)), 1, 12);
        f.set(from, i32(32));
      });
    };
    expect(leftBy(body, 21).slice(16)).toEqual([17, 1, 2, 3, 2]);
  });

  it("evaluate equal addresses once, which the function does not", () => {
    assemble((f) => {
      const at = f.let(i32(64));
      const address = (): I32 => asm.addI(at, 4);
      const own = address();
      f.together((held) => {
        expect(held.shared(address())).toBe(held.shared(address()));
        expect(held.shared(asm.addI(at, 8))).not.toBe(held.shared(address()));
        expect(held.shared(at)).toBe(at);
        expect(f.shared(own)).toBe(own);
      });
    });
  });
});

it("has a case for every instruction", () => {
  const cased = new Set([...Object.keys(BINARY_I32), ...Object.keys(VECTORS)]);
  const elsewhere = {
    functions: [
      "i32",
      "eqz",
      "select",
      "gtF",
      "addF",
      "loadI32",
      "loadU8",
      "loadF32",
      "load",
      "load32Splat",
      "load32Zero",
      "load16Lane",
      "ctz",
      "clz",
      "anyTrue",
      "bitmask",
    ],
    atomics: ["atomicLoad", "atomicAdd", "atomicNotify", "atomicWait"],
    lanes: [
      "splatConst",
      "splatConstI",
      "splatConstD",
      "i32x4Const",
      "splatI",
      "splatH",
      "splatF",
      "extractI",
      "extractF",
      "shuffle",
    ],
    vectors: [
      "v.bitselect",
      "v.fusableMadd",
      "v.relaxedMadd",
      "v.widenLow8",
      "v.widenHigh8",
      "v.widenLow16",
      "vi.shl",
      "vi.shrU",
      "vi.shrS",
    ],
    halves: ["vb.ne", "vb.add", "vb.sub", "vb.min", "vb.max", "vb.narrow", "vh.mul", "vh.dot", "vh.narrow", "vh.shrU"],
    doubles: ["vd.add", "vd.sub", "vd.mul", "vd.div", "vd.max", "vd.fromF", "vd.toF"],
    statements: [
      "local",
      "let",
      "set",
      "store",
      "storeLanes",
      "storeI32",
      "storeF32",
      "storeU8",
      "atomicStore",
      "fill",
      "zero",
      "copy",
      "drop",
      "call",
      "if",
      "for",
      "doWhile",
      "return",
    ],
    together: ["together", "shared", "HeldStores"],
  };
  for (const name of Object.values(elsewhere).flat()) cased.add(name);
  const groups = { v, vi, vb: asm.vb, vh: asm.vh, vd: asm.vd };
  const vectorNames = Object.entries(groups).flatMap(([group, ops]) => Object.keys(ops).map((op) => `${group}.${op}`));
  const exported = Object.keys(asm).filter((name) => ![...Object.keys(groups), "Func", "ModuleBuilder"].includes(name));
  const methods = Object.getOwnPropertyNames(Func.prototype).filter(
    (name) => !["constructor", "encode"].includes(name),
  );
  expect([...exported, ...vectorNames, ...methods].filter((name) => !cased.has(name))).toEqual([]);
});
