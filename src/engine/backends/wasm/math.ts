/**
 * Elementary functions on four lanes. Polynomials are those of Cephes (S. Moshier, single precision), good to 2 ulp or so;
 * erf beyond 1 is Abramowitz & Stegun 7.1.26. Made only of plain SIMD, so `strict` programs get the same bits everywhere.
 */
import { type Func, splatConst, splatConstI, type V128, v, vi } from "./assembler.ts";

/** What depends on the mode: multiply-add is fused where allowed and possible. */
export interface Isa {
  /** Whether bits may differ between machines, and so between versions. */
  readonly relaxed: boolean;
  /** a·b + c */
  readonly madd: (a: V128, b: V128, c: V128) => V128;
}

/** Plain multiply and add that a loader may fuse. */
export const FUSABLE_ISA: Isa = { relaxed: false, madd: v.fusableMadd };

/** Plain multiply and add, or the relaxed fused form. */
export function isa(relaxed: boolean): Isa {
  return { relaxed, madd: relaxed ? v.relaxedMadd : (a, b, c) => v.add(v.mul(a, b), c) };
}

/** c₀xⁿ + c₁xⁿ⁻¹ + … by Horner's rule. */
export function polynomial({ madd }: Isa, x: V128, coefficients: readonly number[]): V128 {
  const [first, ...rest] = coefficients;
  return rest.reduce((sum, c) => madd(sum, x, splatConst(c)), splatConst(first));
}

/** 2ⁿ for integer lanes in −126 … 127. */
const powerOfTwo = (n: V128): V128 => vi.shl(vi.add(n, splatConstI(127)), 23);

/** 1.5·2²³: added to a number below 2²² it leaves the nearest whole number in the last bits of the sum, ties to even. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;

/**
 * eˣ = 2ⁿ·eʳ with |r| ≤ ½ ln 2; the scaling is done in two halves so that subnormals and infinity come out right. Made of
 * instructions that V8 can join to 256 bits: it cannot join those that round or that turn floats into integers.
 */
export function exp(f: Func, m: Isa, x: V128): V128 {
  const bounded = f.let(v.pmax(v.pmin(x, splatConst(89)), splatConst(-104))); // a NaN stays
  const shifted = f.let(v.add(v.mul(bounded, splatConst(Math.LOG2E)), splatConst(ROUNDER)));
  const n = f.let(v.sub(shifted, splatConst(ROUNDER)));
  const r = f.let(m.madd(n, splatConst(2.1219444e-4), m.madd(n, splatConst(-0.693359375), bounded)));
  const p = polynomial(m, r, [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5]);
  const e = f.let(m.madd(p, v.mul(r, r), v.add(r, splatConst(1))));
  const whole = f.let(vi.sub(shifted, splatConstI(ROUNDER_BITS)));
  const half = f.let(vi.shrS(whole, 1));
  return v.mul(v.mul(e, powerOfTwo(half)), powerOfTwo(vi.sub(whole, half)));
}

/** ln x = e·ln 2 + ln m with m in [√½, √2). */
export function log(f: Func, m: Isa, argument: V128): V128 {
  const x = f.let(argument);
  const tiny = f.let(v.lt(x, splatConst(2 ** -126)));
  const scaled = f.let(v.bitselect(v.mul(x, splatConst(2 ** 24)), x, tiny)); // subnormals
  const exponent = vi.sub(vi.shrU(scaled, 23), v.bitselect(splatConstI(126 + 24), splatConstI(126), tiny));
  const mantissa = f.let(v.or(v.and(scaled, splatConstI(0x007fffff)), splatConstI(0x3f000000)));
  const small = f.let(v.lt(mantissa, splatConst(Math.SQRT1_2)));
  const e = f.let(v.sub(v.fromI(exponent), v.and(small, splatConst(1))));
  const y = f.let(v.sub(v.add(mantissa, v.and(small, mantissa)), splatConst(1)));
  const z = f.let(v.mul(y, y));
  const p = polynomial(
    m,
    y,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const tail = m.madd(e, splatConst(-2.1219444e-4), v.mul(v.mul(y, z), p));
  const sum = f.let(m.madd(e, splatConst(0.693359375), v.add(y, m.madd(z, splatConst(-0.5), tail))));
  const positive = v.bitselect(x, sum, v.eq(x, splatConst(Number.POSITIVE_INFINITY)));
  const orNaN = v.bitselect(positive, splatConst(Number.NaN), v.gt(x, splatConst(0)));
  return v.bitselect(splatConst(Number.NEGATIVE_INFINITY), orNaN, v.eq(x, splatConst(0)));
}

export const sigmoid = (f: Func, m: Isa, x: V128): V128 =>
  v.div(splatConst(1), v.add(splatConst(1), exp(f, m, v.neg(x))));

const withSignOf = (magnitude: V128, x: V128): V128 => v.bitselect(magnitude, x, splatConstI(0x7fffffff));

export function tanh(f: Func, m: Isa, argument: V128): V128 {
  const x = f.let(argument);
  const z = f.let(v.mul(x, x));
  const p = polynomial(
    m,
    z,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  const near = m.madd(v.mul(p, z), x, x);
  const e = exp(f, m, v.mul(v.abs(x), splatConst(2)));
  const far = v.sub(splatConst(1), v.div(splatConst(2), v.add(e, splatConst(1))));
  return v.bitselect(near, withSignOf(far, x), v.lt(v.abs(x), splatConst(0.625)));
}

export function erf(f: Func, m: Isa, argument: V128): V128 {
  const x = f.let(argument);
  const a = f.let(v.abs(x));
  const z = f.let(v.mul(x, x));
  const near = v.mul(
    x,
    polynomial(
      m,
      z,
      [
        7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1,
        -3.7612625824233e-1, 1.12837916572671,
      ],
    ),
  );
  const t = f.let(v.div(splatConst(1), m.madd(a, splatConst(0.3275911), splatConst(1))));
  const p = polynomial(m, t, [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]);
  const far = v.sub(splatConst(1), v.mul(v.mul(p, t), exp(f, m, v.neg(z))));
  return v.bitselect(near, withSignOf(far, x), v.lt(a, splatConst(1)));
}

/** aᵇ = e^(b·ln|a|), with the sign and the special cases of C's pow that arithmetic meets. */
export function pow(f: Func, m: Isa, base: V128, exponent: V128): V128 {
  const a = f.let(base);
  const b = f.let(exponent);
  const magnitude = f.let(exp(f, m, v.mul(b, log(f, m, v.abs(a)))));
  const negative = f.let(v.lt(a, splatConst(0)));
  const integer = v.eq(v.floor(b), b);
  const half = f.let(v.mul(b, splatConst(0.5)));
  const odd = v.ne(v.floor(half), half);
  const signed = v.bitselect(v.neg(magnitude), magnitude, v.and(negative, odd));
  const real = v.bitselect(splatConst(Number.NaN), signed, v.andNot(negative, integer));
  return v.bitselect(splatConst(1), real, v.eq(b, splatConst(0)));
}
