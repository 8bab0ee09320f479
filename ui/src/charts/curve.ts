/** A metric of a run to be drawn: its points, or buckets of them, in columns of one length. */
export interface Curve {
  /** Where each is on the axis; rising. */
  readonly xs: Float64Array;
  /** The smallest value of each bucket; NaN where nothing else is in it. Of a point, its value. */
  readonly mins: Float64Array;
  /** The largest value of each bucket. Of points alone, the same as `mins`. */
  readonly maxs: Float64Array;
  /** How many points of each bucket are NaN. */
  readonly nans: Uint32Array;
}

/** A line of a chart. */
export interface LineSeries {
  /** Tells it from the other lines of its chart. */
  readonly id: string;
  /** Whose it is: the lines of one owner are lit together. Without it, its own. */
  readonly owner?: string;
  /** What it is called: the run, the metric, or both. */
  readonly label: string;
  readonly color: string;
  /** Lengths of strokes and gaps, for lines that share a colour; empty for a line without gaps. */
  readonly dash: readonly number[];
  readonly curve: Curve;
  /** What the line is the mean of: an area from the smallest to the largest of several curves. */
  readonly band?: Curve;
  /** Written at the end of the line, which is to be found among others. */
  readonly endLabel?: string;
}

/** What `xs` are: steps, or milliseconds since the Unix epoch or since the run began. */
export type XAxis = "step" | "time" | "relative";

/** From where to where. */
export type Range = readonly [number, number];

/** A part of the axis in numbers that URLs can have, at least one unit wide: steps and milliseconds are whole. */
export const wholeRange = ([from, to]: Range): Range => [
  Math.floor(from),
  Math.max(Math.floor(from) + 1, Math.ceil(to)),
];

export const ownerOf = ({ owner, id }: LineSeries): string => owner ?? id;

/** All that is drawn of some lines. */
export const curvesIn = (series: readonly LineSeries[]): Curve[] =>
  series.flatMap(({ curve, band }) => (band === undefined ? [curve] : [curve, band]));

/** Points as a curve. */
export const curveOfPoints = (xs: readonly number[], values: readonly number[]): Curve => {
  const column = Float64Array.from(values);
  return {
    xs: Float64Array.from(xs),
    mins: column,
    maxs: column,
    nans: Uint32Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0)),
  };
};

/** Whether buckets of a curve hold more than one value, so that a line through them is not what was logged. */
export const isBucketed = ({ mins, maxs }: Curve): boolean =>
  mins !== maxs && mins.some((min, place) => !Object.is(min, maxs[place]));

/** From the first to the last place on the axis; null where no curve has a point. */
export function extentOfXs(curves: readonly Curve[]): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const { xs } of curves) {
    const [first, last] = [xs[0], xs.at(-1)];
    if (first !== undefined && first < low) low = first;
    if (last !== undefined && last > high) high = last;
  }
  return low > high ? null : [low, high];
}

/** What a curve has from one place up to, not including, another. */
export const partOf = ({ xs, mins, maxs, nans }: Curve, begin: number, end: number): Curve => {
  const part = mins.subarray(begin, end);
  return {
    xs: xs.subarray(begin, end),
    mins: part,
    maxs: mins === maxs ? part : maxs.subarray(begin, end),
    nans: nans.subarray(begin, end),
  };
};

/** The buckets of a curve within a range. */
export const within = (curve: Curve, [from, to]: Range): Curve =>
  partOf(curve, firstFrom(curve.xs, from), firstAfter(curve.xs, to));

/** A curve with a part of it as it was read more finely: its buckets within a range are those of the other. */
export function withPart(curve: Curve, part: Curve, [from, to]: Range): Curve {
  const before = firstFrom(curve.xs, from);
  const after = firstAfter(curve.xs, to);
  if (part.xs.length === 0 && before === after) return curve;
  const joined = <Column extends Float64Array | Uint32Array>(whole: Column, inner: Column, empty: Column): Column => {
    empty.set(whole.subarray(0, before));
    empty.set(inner, before);
    empty.set(whole.subarray(after), before + inner.length);
    return empty;
  };
  const length = before + part.xs.length + curve.xs.length - after;
  const numbers = (whole: Float64Array, inner: Float64Array): Float64Array =>
    joined(whole, inner, new Float64Array(length));
  const mins = numbers(curve.mins, part.mins);
  return {
    xs: numbers(curve.xs, part.xs),
    mins,
    maxs: curve.mins === curve.maxs && part.mins === part.maxs ? mins : numbers(curve.maxs, part.maxs),
    nans: joined(curve.nans, part.nans, new Uint32Array(length)),
  };
}

/** The place of the bucket that is nearest to an x; -1 where there is none. */
export function nearest({ xs }: Curve, x: number): number {
  const after = firstFrom(xs, x);
  if (after === 0) return xs.length === 0 ? -1 : 0;
  if (after === xs.length) return xs.length - 1;
  return x - at(xs, after - 1) <= at(xs, after) - x ? after - 1 : after;
}

/** The place of the first x that is not below another; the length where there is none. */
export function firstFrom(xs: Float64Array, x: number): number {
  let [low, high] = [0, xs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(xs, middle) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the first x that is above another; the length where there is none. */
export function firstAfter(xs: Float64Array, x: number): number {
  let place = firstFrom(xs, x);
  while (place < xs.length && at(xs, place) <= x) place += 1;
  return place;
}

const at = (column: Float64Array, place: number): number => column[place] ?? NaN;
