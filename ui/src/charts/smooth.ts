import type { Curve } from "~/charts/curve";

/**
 * A debiased exponential moving average: of values `v`, with the weight `w`, the n-th is
 * `(1 - w) · Σ wⁿ⁻ᵏ v_k / (1 - wⁿ)`. So the first is the first value, and not near 0. As TensorBoard does it.
 *
 * What is not finite stays as it is, and does not count.
 */
export function smoothed(values: Float64Array, weight: number): Float64Array {
  if (weight <= 0) return values;
  let sum = 0;
  let bias = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = sum * weight + (1 - weight) * value;
    bias *= weight;
    return sum / (1 - bias);
  });
}

/** The middles between the smallest and the largest value of each bucket: of points alone, their values. */
export const middles = ({ mins, maxs }: Curve): Float64Array =>
  // Halves, because the sum of the largest numbers would be infinite.
  mins === maxs ? mins : mins.map((min, place) => (min === maxs[place] ? min : min / 2 + (maxs[place] ?? NaN) / 2));
