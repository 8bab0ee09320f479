import type { Curve, Range } from "~/charts/curve";
import { curveOfPoints, extentOfXs, firstAfter, firstFrom, partOf, within, withPart } from "~/charts/curve";
import { middleAt } from "~/charts/smooth";

/** Several curves as one. */
export interface Band {
  /** What they have on average, each counting once. Of buckets, their middles count. */
  readonly mean: Curve;
  /** From the smallest to the largest value of all of them, and how many NaN they have. */
  readonly range: Curve;
}

/**
 * Curves over the same axis as their mean and their range, in at most so many buckets. Curves with the same places keep
 * these; others are brought into buckets of the same width. Where a curve has nothing in a bucket, and something before
 * and after it, the line between these counts: the mean would else jump with who logs how often. What is zoomed in on has
 * so many buckets of its own.
 */
export function bandOf(curves: readonly Curve[], most: number, zoom: Range | null = null): Band {
  const there = curves.filter(({ xs }) => xs.length > 0);
  const extent = extentOfXs(there);
  const [first] = there;
  if (extent === null || first === undefined) return { mean: curveOfPoints([], []), range: curveOfPoints([], []) };
  if (there.every(({ xs }) => isSame(xs, first.xs))) return inBuckets(there, first.xs.length, (place) => place);
  const whole = inRange(there, most, extent);
  if (zoom === null) return whole;
  const near = inRange(
    there.map((curve) => around(curve, zoom)),
    most,
    zoom,
  );
  const withNear = (of: Curve, part: Curve): Curve => withPart(of, within(part, zoom), zoom);
  return { mean: withNear(whole.mean, near.mean), range: withNear(whole.range, near.range) };
}

/** In buckets of a range of the axis, and one for what is before it, and one for what is after it. */
function inRange(curves: readonly Curve[], most: number, [low, high]: Range): Band {
  const count = Math.min(most, Math.max(...curves.map(({ xs }) => xs.length)));
  const width = (high - low) / count;
  return inBuckets(curves, count + 2, (_, x) => {
    if (x < low) return 0;
    if (x > high) return count + 1;
    return width === 0 ? 1 : 1 + Math.min(count - 1, Math.floor((x - low) / width));
  });
}

/** What a curve has in a range, and its nearest place on either side, for the lines that lead into it. */
const around = (curve: Curve, [from, to]: Range): Curve =>
  partOf(curve, Math.max(0, firstFrom(curve.xs, from) - 1), firstAfter(curve.xs, to) + 1);

const isSame = (one: Float64Array, other: Float64Array): boolean =>
  one === other || (one.length === other.length && one.every((x, place) => x === other[place]));

type BucketOf = (place: number, x: number) => number;

function inBuckets(curves: readonly Curve[], count: number, bucketOf: BucketOf): Band {
  const xs = new Float64Array(count).fill(Infinity);
  for (const curve of curves) {
    for (const [place, x] of curve.xs.entries()) {
      const bucket = bucketOf(place, x);
      if (x < (xs[bucket] ?? NaN)) xs[bucket] = x;
    }
  }
  const sums = new Sums(xs);
  for (const curve of curves) addCurve(sums, curve, bucketOf);
  return sums.band();
}

/** Adds a curve: what it has in each bucket, and the line between what it has in two of them. */
function addCurve(sums: Sums, curve: Curve, bucketOf: BucketOf): void {
  let before = { bucket: -1, x: NaN, value: NaN };
  let [bucket, bucketX, sum, finite] = [-1, NaN, 0, 0];
  const end = (): void => {
    if (bucket < 0) return;
    const here = { bucket, x: bucketX, value: finite === 0 ? NaN : sum / finite };
    sums.addLine(before, here);
    if (finite > 0) sums.addMean(bucket, here.value);
    before = here;
  };
  for (const [place, x] of curve.xs.entries()) {
    const next = bucketOf(place, x);
    if (next !== bucket) {
      end();
      [bucket, bucketX, sum, finite] = [next, x, 0, 0];
    }
    sums.addRange(bucket, curve.mins[place] ?? NaN, curve.maxs[place] ?? NaN, curve.nans[place] ?? 0);
    const middle = middleAt(curve, place);
    if (Number.isFinite(middle)) {
      sum += middle;
      finite += 1;
    }
  }
  end();
}

interface Place {
  readonly bucket: number;
  readonly x: number;
  readonly value: number;
}

/** What is known of each bucket so far. */
class Sums {
  readonly #xs: Float64Array;
  readonly #sums: Float64Array;
  readonly #counts: Uint32Array;
  readonly #mins: Float64Array;
  readonly #maxs: Float64Array;
  readonly #nans: Uint32Array;

  constructor(xs: Float64Array) {
    this.#xs = xs;
    this.#sums = new Float64Array(xs.length);
    this.#counts = new Uint32Array(xs.length);
    this.#mins = new Float64Array(xs.length).fill(NaN);
    this.#maxs = new Float64Array(xs.length).fill(NaN);
    this.#nans = new Uint32Array(xs.length);
  }

  addMean(bucket: number, value: number): void {
    this.#sums[bucket] = (this.#sums[bucket] ?? 0) + value;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  addRange(bucket: number, min: number, max: number, nans: number): void {
    const [low = NaN, high = NaN] = [this.#mins[bucket], this.#maxs[bucket]];
    if (!(low <= min) && !Number.isNaN(min)) this.#mins[bucket] = min;
    if (!(high >= max) && !Number.isNaN(max)) this.#maxs[bucket] = max;
    this.#nans[bucket] = (this.#nans[bucket] ?? 0) + nans;
  }

  /** Counts what a line has in the buckets between two; it has nothing where either is not finite. */
  addLine(from: Place, to: Place): void {
    if (Number.isNaN(from.value) || Number.isNaN(to.value)) return;
    for (let bucket = from.bucket + 1; bucket < to.bucket; bucket += 1) {
      const x = this.#xs[bucket] ?? Infinity;
      if (x === Infinity) continue;
      const share = (x - from.x) / (to.x - from.x);
      const value = from.value * (1 - share) + to.value * share;
      this.addMean(bucket, value);
      this.addRange(bucket, value, value, 0);
    }
  }

  band(): Band {
    const there = Array.from(this.#xs.keys()).filter((bucket) => this.#xs[bucket] !== Infinity);
    const column = (values: Float64Array): Float64Array => Float64Array.from(there, (bucket) => values[bucket] ?? NaN);
    const xs = column(this.#xs);
    const means = Float64Array.from(there, (bucket) => (this.#sums[bucket] ?? 0) / (this.#counts[bucket] ?? 0));
    return {
      // What is not finite is marked once, in the range.
      mean: { xs, mins: means, maxs: means, nans: new Uint32Array(xs.length) },
      range: {
        xs,
        mins: column(this.#mins),
        maxs: column(this.#maxs),
        nans: Uint32Array.from(there, (bucket) => this.#nans[bucket] ?? 0),
      },
    };
  }
}
