/** How sure a share is that was counted on a sample: confidence intervals. */
import { Random } from "../engine/random.ts";

/** 97.5 % quantile of the standard normal distribution: two-sided intervals of 95 %. */
const Z = 1.959963984540054;

/** Both ends of a 95 % confidence interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * 95 % interval of a share, of which `hits` of `total` were counted: E. B. Wilson, "Probable inference, the law of
 * succession, and statistical inference", JASA 22 (1927). It stays inside 0 … 1 and holds for shares near 1 and small counts,
 * where the usual ± two standard errors fail.
 */
export function wilsonInterval(hits: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 };
  const share = hits / total;
  const z2 = Z * Z;
  const center = (share + z2 / (2 * total)) / (1 + z2 / total);
  const half = (Z / (1 + z2 / total)) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  // The ends are exact where everything or nothing was a hit; rounding must not put them elsewhere.
  return { low: hits === 0 ? 0 : center - half, high: hits === total ? 1 : center + half };
}

/**
 * 95 % interval of the difference of two shares counted on the same samples: A. Agresti and Y. Min, "Simple improved
 * confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005): half a sample more in each cell.
 * @param onlyFirst  samples that only the first has right  @param onlySecond  those that only the second has right
 */
export function pairedDifferenceInterval(onlyFirst: number, onlySecond: number, total: number): Interval {
  const [b, c, n] = [onlyFirst + 0.5, onlySecond + 0.5, total + 2];
  const difference = (b - c) / n;
  const half = (Z * Math.sqrt(b + c - (b - c) ** 2 / n)) / n;
  return { low: Math.max(-1, difference - half), high: Math.min(1, difference + half) };
}

/** What was counted of one group of samples, such as all that one writer wrote. */
export interface GroupCount {
  readonly hits: number;
  readonly total: number;
}

const DRAWS = 1000;

/**
 * 95 % interval of a share whose samples come in groups: groups are drawn anew, with replacement, and the middle 95 % of the shares
 * taken (B. Efron, "Bootstrap methods", Annals of Statistics 7, 1979). Samples of one writer are right or wrong together, so an
 * interval that takes them for independent is too narrow. The same groups give the same interval.
 */
export function bootstrapInterval(groups: readonly GroupCount[]): Interval {
  if (groups.length === 0) return { low: 0, high: 1 };
  const random = new Random(0, "split");
  const shares = new Float64Array(DRAWS);
  for (let draw = 0; draw < DRAWS; draw++) {
    let [hits, total] = [0, 0];
    for (let k = 0; k < groups.length; k++) {
      const group = groups[random.integer(groups.length)];
      hits += group.hits;
      total += group.total;
    }
    shares[draw] = total === 0 ? 0 : hits / total;
  }
  shares.sort();
  return { low: shares[Math.floor(0.025 * DRAWS)], high: shares[Math.ceil(0.975 * DRAWS) - 1] };
}

/** Draws for measures that take long to work out. */
const FEWER_DRAWS = 200;

/**
 * As {@link bootstrapInterval}, of any measure of samples; undefined draws, where it cannot be worked out, are left out.
 * @param groups the samples of each group, or one sample each where samples are independent
 * @param measure of samples by their indices, of which some occur more than once
 */
export function bootstrapMeasure(
  groups: readonly (readonly number[])[],
  measure: (samples: readonly number[]) => number | undefined,
): Interval | undefined {
  if (groups.length === 0) return undefined;
  const random = new Random(0, "split");
  const found: number[] = [];
  for (let draw = 0; draw < FEWER_DRAWS; draw++) {
    const samples: number[] = [];
    for (let k = 0; k < groups.length; k++) for (const i of groups[random.integer(groups.length)]) samples.push(i);
    const value = measure(samples);
    if (value !== undefined) found.push(value);
  }
  if (found.length === 0) return undefined;
  found.sort((a, b) => a - b);
  return { low: found[Math.floor(0.025 * found.length)], high: found[Math.ceil(0.975 * found.length) - 1] };
}
