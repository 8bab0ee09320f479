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

/** The middle between the smallest and the largest value of a bucket: of a point alone, its value. */
export function middleAt({ mins, maxs }: Curve, place: number): number {
  const [min = NaN, max = NaN] = [mins[place], maxs[place]];
  // Halves, because the sum of the largest numbers would be infinite.
  return min === max ? min : min / 2 + max / 2;
}

/** The middles of all buckets. */
export const middles = (curve: Curve): Float64Array =>
  curve.mins === curve.maxs ? curve.mins : curve.mins.map((_, place) => middleAt(curve, place));

const known = new WeakMap<Curve, { readonly weight: number; readonly curve: Curve }>();

/** The line through the middles of buckets, smoothed. The last one of each curve is kept: pointers ask for it at each move. */
export function smoothedCurve(curve: Curve, weight: number): Curve {
  const found = known.get(curve);
  if (found?.weight === weight) return found.curve;
  const values = smoothed(middles(curve), weight);
  const result = { ...curve, mins: values, maxs: values };
  known.set(curve, { weight, curve: result });
  return result;
}
