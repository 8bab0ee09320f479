import type { AxisTick } from "~/charts/axisTicks";
import { xTicks, yTicks } from "~/charts/axisTicks";
import type { Size } from "~/charts/canvas";
import type { LineSeries, Range, XAxis } from "~/charts/curve";
import { curvesIn, extentOfXs } from "~/charts/curve";
import type { Scale } from "~/charts/scale";
import { scaleOf, valuesIn } from "~/charts/scale";
import type { Plot } from "~/charts/trace";

/** What a chart of lines shows, and how. */
export interface LineView {
  readonly series: readonly LineSeries[];
  readonly axis: XAxis;
  /** Weight of the average that lines are smoothed by; 0 and more, below 1. */
  readonly smoothing: number;
  readonly isLog: boolean;
  /** Whether values far from most others may lie beyond the chart. */
  readonly ignoresOutliers: boolean;
  readonly showsPoints: boolean;
  /** The part of the x axis that is looked at; null for all of it. */
  readonly zoom: Range | null;
}

/** Where everything of a chart is. */
export interface Layout {
  readonly plot: Plot;
  readonly x: Scale;
  readonly y: Scale;
  readonly xTicks: readonly AxisTick[];
  readonly yTicks: readonly AxisTick[];
}

/** The letters of axes. */
export const FONT_PIXELS = 11;
export const CHARACTER_PIXELS = 6.4;
export const LABEL_GAP = 6;
const X_LABELS_PIXELS = 20;
const PIXELS_PER_X_TICK = 110;
const PIXELS_PER_Y_TICK = 44;

/** Where all curves are on the x axis, where no part of it is chosen. */
export function wholeX(series: readonly LineSeries[]): Range {
  const [low, high] = extentOfXs(curvesIn(series)) ?? [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Lays a chart out in a picture of some size. */
export function layoutOf(view: LineView, size: Size): Layout {
  const xs = view.zoom ?? wholeX(view.series);
  const ys = valuesIn(curvesIn(view.series), xs, view) ?? (view.isLog ? [1, 10] : [0, 1]);
  const top = 8;
  const bottom = Math.max(top + 1, size.height - X_LABELS_PIXELS);
  const ticksOfY = yTicks(ys, view.isLog, Math.max(2, Math.floor((bottom - top) / PIXELS_PER_Y_TICK)));
  const widest = Math.max(2, ...ticksOfY.map(({ label }) => label.length));
  const left = Math.ceil(widest * CHARACTER_PIXELS) + LABEL_GAP + 2;
  const right = Math.max(left + 1, size.width - 12);
  return {
    plot: { left, top, right, bottom },
    x: scaleOf(xs, [left, right]),
    y: scaleOf(ys, [bottom, top], view.isLog),
    xTicks: ticksOfX(view.axis, xs, left, right),
    yTicks: ticksOfY,
  };
}

/** The same chart with another part of the x axis, of which nothing is laid out anew: for charts that move. */
export const layoutAt = (layout: Layout, axis: XAxis, xs: Range): Layout => {
  const { left, right } = layout.plot;
  return { ...layout, x: scaleOf(xs, [left, right]), xTicks: ticksOfX(axis, xs, left, right) };
};

const ticksOfX = (axis: XAxis, xs: Range, left: number, right: number): AxisTick[] =>
  xTicks(axis, xs, Math.max(2, Math.floor((right - left) / PIXELS_PER_X_TICK)));
