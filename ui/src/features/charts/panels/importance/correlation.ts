/** How far two things rise and fall together, by the ranks of their values. */
export interface Correlation {
  /** From −1 to 1. */
  readonly coefficient: number;
  /** Where the coefficient of all such runs lies, with a confidence of 95 %. */
  readonly interval: readonly [number, number];
  /** How many runs have both. */
  readonly runs: number;
}

/** Of fewer runs, no interval can be told. */
export const FEWEST_CORRELATED = 5;
/** Of the normal distribution, 95 % are within so many deviations. */
const DEVIATIONS = 1.959_964;

/** The places of numbers in their order, from 1; those that are equal share the middle of theirs. */
export function ranksOf(values: readonly number[]): Float64Array {
  const order = values.map((_, place) => place).toSorted((one, other) => (values[one] ?? 0) - (values[other] ?? 0));
  const ranks = new Float64Array(values.length);
  for (let first = 0; first < order.length;) {
    let after = first + 1;
    while (after < order.length && values[order[after] ?? 0] === values[order[first] ?? 0]) after += 1;
    for (const place of order.slice(first, after)) ranks[place] = (first + 1 + after) / 2;
    first = after;
  }
  return ranks;
}

/**
 * Spearman's coefficient of pairs of numbers, with its interval by Fisher's transformation and the variance of Bonett and
 * Wright (2000), https://doi.org/10.1007/BF02294183; null of too few pairs, and where a side is always the same.
 */
export function rankCorrelation(xs: readonly number[], ys: readonly number[]): Correlation | null {
  const runs = xs.length;
  if (runs < FEWEST_CORRELATED) return null;
  const [ofX, ofY] = [ranksOf(xs), ranksOf(ys)];
  const middle = (runs + 1) / 2;
  let both = 0;
  let squaredX = 0;
  let squaredY = 0;
  for (let place = 0; place < runs; place += 1) {
    const [x, y] = [(ofX[place] ?? 0) - middle, (ofY[place] ?? 0) - middle];
    both += x * y;
    squaredX += x * x;
    squaredY += y * y;
  }
  if (squaredX === 0 || squaredY === 0) return null;
  const coefficient = both / Math.sqrt(squaredX * squaredY);
  const around = DEVIATIONS * Math.sqrt((1 + coefficient ** 2 / 2) / (runs - 3));
  // Of ±1, the transformation is infinite; its inverse is ±1 again.
  const at = Math.atanh(Math.min(1, Math.max(-1, coefficient)));
  return { coefficient, interval: [Math.tanh(at - around), Math.tanh(at + around)], runs };
}
