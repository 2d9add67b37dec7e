/** Elementary functions of the wasm kernels beside those of JavaScript, in units in the last place of float32. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addI, type Func, load, mulI, type V128 } from "../../src/engine/backends/wasm/assembler.ts";
import { QUICK_CURVES } from "../../src/engine/backends/wasm/kernels/recurrent.ts";
import { erf, exp, type Isa, isa, log, pow, sigmoid, tanh } from "../../src/engine/backends/wasm/math.ts";
import { relaxedSimdWorks } from "../../src/engine/backends/wasm/support.ts";
import { hash32, unit } from "../helpers/noise.ts";
import { assemble, enableRelaxedSimd } from "./assemble.ts";

beforeAll(enableRelaxedSimd);

/** Values of a function for every x (and y), four at a time. */
function apply(
  lower: (f: Func, m: Isa, x: V128, y: V128) => V128,
  relaxed: boolean,
  x: Float32Array,
  y = x,
): Float32Array {
  const length = Math.ceil(x.length / 4) * 4;
  const { run } = assemble((f) => {
    f.for(0, length, 4, (i) => {
      const at = f.let(mulI(i, 4));
      f.store(addI(at, 8 * length), lower(f, isa(relaxed), load(at), load(at, 4 * length)));
    });
  });
  const memory = run((buffer) => {
    new Float32Array(buffer).set(x);
    new Float32Array(buffer).set(y, length);
  });
  return new Float32Array(memory, 8 * length, x.length).slice();
}

/** Position of a float32 among all of them: neighbors differ by one, +0 and −0 are equal. */
function position(value: number): number {
  const bits = new Int32Array(new Float32Array([value]).buffer)[0];
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

const ulps = (got: number, want: number): number => {
  if (Number.isNaN(got) || Number.isNaN(want))
    return Number.isNaN(got) && Number.isNaN(want) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(position(got) - position(Math.fround(want)));
};

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  100,
  -100,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  2 ** -127,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

/** Special values, an even grid over ±104 and a finer one over ±2, then numbers of every exponent. */
const SWEEP = new Float32Array([
  ...SPECIAL,
  ...Array.from({ length: 6001 }, (_, n) => (n - 3000) * (104 / 3000)),
  ...Array.from({ length: 4001 }, (_, n) => (n - 2000) / 1000),
  ...new Float32Array(Uint32Array.from({ length: 20_000 }, (_, n) => hash32(1, n)).buffer),
]);

/** erf in double precision: its Taylor series, which has 1 to 11 digits to spare below 4; above it is 1 in float32. */
function erfReference(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) >= 4) return Math.sign(x);
  let sum = 0;
  let term = x; // (−1)ⁿ x²ⁿ⁺¹ / n!
  for (let n = 0; n < 80; n++) {
    sum += term / (2 * n + 1);
    term *= -(x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

interface Case {
  readonly lower: (f: Func, m: Isa, x: V128) => V128;
  readonly reference: (x: number) => number;
  /** Largest error in units in the last place. */
  readonly ulps: number;
  /** Results nearer to 0 than this may become 0. */
  readonly flushed?: number;
}

const CASES = {
  exp: { lower: exp, reference: Math.exp, ulps: 1 },
  log: { lower: log, reference: Math.log, ulps: 1 },
  tanh: { lower: tanh, reference: Math.tanh, ulps: 1 },
  // 1 / (1 + e⁻ˣ): below −88.7 e⁻ˣ is infinite, where the true value is subnormal.
  sigmoid: { lower: sigmoid, reference: (x) => 1 / (1 + Math.exp(-x)), ulps: 3, flushed: 2 ** -126 },
  erf: { lower: erf, reference: erfReference, ulps: 4 },
} as const satisfies Readonly<Record<string, Case>>;

/** The error of b·ln a, which pow takes to the power of e, grows with its size. */
const powBound = (a: number, b: number): number => {
  const exponent = Math.abs(b * Math.log(Math.abs(a)));
  return 2 * (1 + (Number.isFinite(exponent) ? exponent : 0));
};

const modes = [
  { mode: "strict", relaxed: false },
  { mode: "relaxed", relaxed: true },
];

describe.each(modes)("$mode arithmetic", ({ relaxed }) => {
  beforeEach(({ skip }) => {
    if (relaxed && !relaxedSimdWorks()) skip("this engine has no relaxed SIMD");
  });

  it.each(Object.keys(CASES) as (keyof typeof CASES)[])("%s", (name) => {
    const { lower, reference, ulps: bound, flushed = 0 }: Case = CASES[name];
    const got = apply(lower, relaxed, SWEEP);
    got.forEach((value, n) => {
      const [x, want] = [SWEEP[n], reference(SWEEP[n])];
      if (value === 0 && Math.abs(want) < flushed) return;
      const error = ulps(value, want);
      if (error > bound) expect.fail(`${name}(${x}) is ${value} but should be ${want}: ${error} ulp`);
    });
  });

  it.each(Object.keys(QUICK_CURVES) as (keyof typeof QUICK_CURVES)[])("%s of gates", (name) => {
    const got = apply(QUICK_CURVES[name], relaxed, SWEEP);
    got.forEach((value, n) => {
      const [x, want] = [SWEEP[n], CASES[name].reference(SWEEP[n])];
      if (Number.isNaN(want)) expect(value).toBeNaN();
      else if (!(Math.abs(value - want) <= 4e-7)) expect.fail(`${name}(${x}) is ${value} but should be ${want}`);
    });
  });

  it("pow", () => {
    const count = 40_000;
    const bases = SPECIAL.flatMap((base) => SPECIAL.map(() => base));
    const exponents = SPECIAL.flatMap(() => SPECIAL);
    for (let n = 0; n < count; n++) {
      bases.push(unit(2, n) * 20 - 4);
      exponents.push(n % 3 === 0 ? Math.floor(unit(3, n) * 13) - 6 : unit(3, n) * 24 - 12);
    }
    const [a, b] = [Float32Array.from(bases), Float32Array.from(exponents)];
    const got = apply(pow, relaxed, a, b);
    got.forEach((value, n) => {
      // Not as in C: the sign of 1 / −0, and powers of −∞ that are no whole numbers.
      if ((Object.is(a[n], -0) && b[n] < 0) || (a[n] === Number.NEGATIVE_INFINITY && !Number.isInteger(b[n]))) return;
      const want = a[n] ** b[n];
      // JavaScript says NaN for (±1)^(±∞) where C says 1.
      if (Math.abs(a[n]) === 1 && Math.abs(b[n]) === Number.POSITIVE_INFINITY) return;
      const error = ulps(value, want);
      if (error > powBound(a[n], b[n]))
        expect.fail(`pow(${a[n]}, ${b[n]}) is ${value} but should be ${want}: ${error} ulp`);
    });
  });
});

it("the relaxed multiply-add, where the machine fuses it, rounds once", ({ skip }) => {
  if (!relaxedSimdWorks()) skip("this engine has no relaxed SIMD");
  const [x, y] = [Float32Array.of(1 + 2 ** -12), Float32Array.of(-(1 + 2 ** -11))];
  const [once] = apply((_, m, a, c) => m.madd(a, a, c), true, x, y);
  const [twice] = apply((_, m, a, c) => m.madd(a, a, c), false, x, y);
  expect([0, 2 ** -24]).toContain(once);
  expect(twice).toBe(0);
});
