import type { Curve, LineSeries, XAxis } from "~/charts/curve";
import { nearest } from "~/charts/curve";
import type { Layout, LineView } from "~/charts/lineLayout";
import { middleAt, smoothedCurve } from "~/charts/smooth";
import { count, shortNumber } from "~/shared/format/numbers";
import { duration, fullTime } from "~/shared/format/times";

/** What a line has where somebody points. */
export interface Reading {
  readonly series: LineSeries;
  /** Its bucket there. */
  readonly place: number;
  /** Where that is. */
  readonly x: number;
  /** Pixels of it in the chart. */
  readonly at: { readonly x: number; readonly y: number };
}

/** What the lines have near an x, those nearest to the pointer first. Lines that end before it are left out. */
export function readingsAt(view: LineView, layout: Layout, x: number, pixelY: number | null): Reading[] {
  const distance = (reading: Reading): number => (pixelY === null ? 0 : Math.abs(reading.at.y - pixelY));
  return view.series
    .flatMap((series) => readingOf(series, view, layout, x) ?? [])
    .toSorted((one, other) => distance(one) - distance(other));
}

/** A bucket further away than this many pixels is not what somebody points at. */
const REACH = 40;

function readingOf(series: LineSeries, view: LineView, layout: Layout, x: number): Reading | null {
  const { curve } = series;
  const place = nearest(curve, x);
  if (place < 0) return null;
  const found = curve.xs[place] ?? NaN;
  const pixel = layout.x.at(found);
  if (Math.abs(pixel - layout.x.at(x)) > REACH && view.series.length > 1) return null;
  if (found < layout.x.domain[0] || found > layout.x.domain[1]) return null;
  return { series, place, x: found, at: { x: pixel, y: pixelOf(drawnAt(series, place, view), layout) } };
}

/** The value that the line goes through at a bucket. */
const drawnAt = ({ curve }: LineSeries, place: number, { smoothing }: LineView): number =>
  smoothing === 0 ? middleAt(curve, place) : middleAt(smoothedCurve(curve, smoothing), place);

/** What was read, in words: the value of a line; of one that is smoothed or a mean, that and what it stands for. */
export function readingText({ series, place, x }: Reading, view: LineView, layout: Layout): string {
  const { curve, band } = series;
  const isDerived = view.smoothing > 0 || band !== undefined;
  const beside = band ?? curve;
  const text = valueText(bucketsBeside(beside, band === undefined ? place : nearest(band, x), layout));
  return isDerived ? `${shortNumber(drawnAt(series, place, view))} (${text})` : text;
}

const pixelOf = (value: number, { y, plot }: Layout): number =>
  !Number.isFinite(value) ? plot.bottom : Math.min(plot.bottom, Math.max(plot.top, y.at(value)));

/** What the buckets hold that share a column of pixels with one: a spike among them must not be missed. */
function bucketsBeside(curve: Curve, place: number, { x }: Layout): Bucket {
  const { xs, mins, maxs, nans } = curve;
  const pixel = x.at(xs[place] ?? NaN);
  const isBeside = (other: number): boolean => Math.abs(x.at(xs[other] ?? NaN) - pixel) < 1;
  let [first, last] = [place, place];
  while (isBeside(first - 1)) first -= 1;
  while (isBeside(last + 1)) last += 1;
  let [min, max, nan] = [NaN, NaN, 0];
  for (let beside = first; beside <= last; beside += 1) {
    const [low = NaN, high = NaN] = [mins[beside], maxs[beside]];
    if (!(min <= low)) min = Number.isNaN(low) ? min : low;
    if (!(max >= high)) max = Number.isNaN(high) ? max : high;
    nan += nans[beside] ?? 0;
  }
  return { min, max, nan };
}

interface Bucket {
  readonly min: number;
  readonly max: number;
  readonly nan: number;
}

/** One value, or a range of them, and how many are no numbers. */
function valueText({ min, max, nan }: Bucket): string {
  if (Number.isNaN(max)) return nan > 1 ? `${count(nan)} NaN` : "NaN";
  const range = min === max ? shortNumber(min) : `${shortNumber(min)} … ${shortNumber(max)}`;
  return nan === 0 ? range : `${range}, ${count(nan)} NaN`;
}

/** A place on the x axis in words. */
export function xText(axis: XAxis, x: number): string {
  if (axis === "time") return fullTime(x);
  return axis === "relative" ? `after ${duration(x)}` : `step ${count(Math.round(x))}`;
}
