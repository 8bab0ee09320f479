import type { AxisTick } from "~/charts/axisTicks";
import { xTicks, yTicks } from "~/charts/axisTicks";
import type { Size } from "~/charts/canvas";
import type { Curve, LineSeries, Range, XAxis } from "~/charts/curve";
import { extentOfXs, firstFrom } from "~/charts/curve";
import type { Inks } from "~/charts/inks";
import type { Scale } from "~/charts/scale";
import { scaleOf, valuesIn } from "~/charts/scale";
import { middles, smoothed } from "~/charts/smooth";
import type { Surface } from "~/charts/surface";
import type { Plot } from "~/charts/trace";
import { trace } from "~/charts/trace";

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

const FONT_PIXELS = 11;
const CHARACTER_PIXELS = 6.4;
const LABEL_GAP = 6;
const X_LABELS_PIXELS = 20;
const PIXELS_PER_X_TICK = 110;
const PIXELS_PER_Y_TICK = 44;
/** What was logged, behind a line that is smoothed. */
const FAINT = 0.3;
const POINT_RADIUS = 2;
/** Points closer than this would only be a thicker line. */
const LEAST_PIXELS_PER_POINT = 4;
const MARK = 4;
const MOST_WIDE = 8;

/** Where all curves are on the x axis, where no part of it is chosen. */
export function wholeX(series: readonly LineSeries[]): Range {
  const [low, high] = extentOfXs(series.map(({ curve }) => curve)) ?? [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Lays a chart out in a picture of some size. */
export function layoutOf(view: LineView, size: Size): Layout {
  const xs = view.zoom ?? wholeX(view.series);
  const ys =
    valuesIn(
      view.series.map(({ curve }) => curve),
      xs,
      view,
    ) ?? (view.isLog ? [1, 10] : [0, 1]);
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
    xTicks: xTicks(view.axis, xs, Math.max(2, Math.floor((right - left) / PIXELS_PER_X_TICK))),
    yTicks: ticksOfY,
  };
}

/** Draws axes, lines, and marks for what is not finite. */
export function drawLines(surface: Surface, view: LineView, layout: Layout, inks: Inks): void {
  drawGrid(surface, layout, inks);
  // Wider lines are easier to see, and cost several times as much where there are many.
  const width = view.series.length <= MOST_WIDE ? 1.5 : 1;
  for (const each of view.series) drawSeries(surface, each, view, layout, width);
  for (const each of view.series) drawMarks(surface, each, layout, inks);
}

/** One line of a chart. */
export function drawSeries(surface: Surface, series: LineSeries, view: LineView, layout: Layout, width: number): void {
  surface.strokeStyle = series.color;
  surface.fillStyle = series.color;
  surface.lineJoin = "bevel";
  surface.lineWidth = width;
  surface.setLineDash([...series.dash]);
  const isSmoothed = view.smoothing > 0;
  if (isSmoothed) surface.globalAlpha = FAINT;
  drawCurve(surface, series.curve, layout, view.showsPoints);
  if (isSmoothed) {
    surface.globalAlpha = 1;
    drawCurve(surface, smoothedCurve(series.curve, view.smoothing), layout, false);
  }
  surface.setLineDash([]);
}

/** The line through the middles of buckets, smoothed. */
export function smoothedCurve(curve: Curve, smoothing: number): Curve {
  const values = smoothed(middles(curve), smoothing);
  return { ...curve, mins: values, maxs: values };
}

function drawCurve(surface: Surface, curve: Curve, { x, y, plot }: Layout, showsPoints: boolean): void {
  surface.beginPath();
  const alone = trace(surface, curve, x, y, plot);
  surface.stroke();
  const visible = firstFrom(curve.xs, x.domain[1]) - firstFrom(curve.xs, x.domain[0]);
  const hasRoom = visible * LEAST_PIXELS_PER_POINT <= plot.right - plot.left;
  const dots = showsPoints && hasRoom ? [...alone, ...pointsOf(curve, x, y, plot)] : alone;
  if (dots.length === 0) return;
  surface.beginPath();
  for (let place = 0; place < dots.length; place += 2) {
    const [dotX = 0, dotY = 0] = [dots[place], dots[place + 1]];
    surface.moveTo(dotX + POINT_RADIUS, dotY);
    surface.arc(dotX, dotY, POINT_RADIUS, 0, 2 * Math.PI);
  }
  surface.fill();
}

/** Where points are, as pixels x, y after each other. */
function pointsOf({ xs, mins, maxs }: Curve, x: Scale, y: Scale, plot: Plot): number[] {
  const found: number[] = [];
  for (let place = firstFrom(xs, x.domain[0]); place < xs.length; place += 1) {
    const at = xs[place] ?? NaN;
    if (at > x.domain[1]) break;
    const [low, high] = [y.at(mins[place] ?? NaN), y.at(maxs[place] ?? NaN)];
    for (const pixel of low === high ? [low] : [low, high]) {
      if (pixel >= plot.top && pixel <= plot.bottom) found.push(x.at(at), pixel);
    }
  }
  return found;
}

function drawGrid(surface: Surface, { plot, x, y, xTicks: ofX, yTicks: ofY }: Layout, inks: Inks): void {
  surface.font = `${FONT_PIXELS}px ${inks.font}`;
  surface.lineWidth = 1;
  surface.strokeStyle = inks.line;
  surface.fillStyle = inks.soft;
  surface.beginPath();
  surface.textAlign = "right";
  surface.textBaseline = "middle";
  for (const { value, label } of ofY) {
    const pixel = Math.round(y.at(value)) + 0.5;
    surface.moveTo(plot.left, pixel);
    surface.lineTo(plot.right, pixel);
    surface.fillText(label, plot.left - LABEL_GAP, pixel);
  }
  surface.textBaseline = "top";
  for (const { value, label } of ofX) {
    const pixel = Math.round(x.at(value)) + 0.5;
    surface.moveTo(pixel, plot.top);
    surface.lineTo(pixel, plot.bottom);
    const half = (label.length * CHARACTER_PIXELS) / 2;
    surface.textAlign = pixel + half > plot.right + 8 ? "right" : pixel - half < 0 ? "left" : "center";
    surface.fillText(label, surface.textAlign === "right" ? plot.right + 8 : pixel, plot.bottom + LABEL_GAP);
  }
  surface.stroke();
  surface.strokeStyle = inks.strong;
  surface.beginPath();
  surface.moveTo(plot.left, plot.bottom + 0.5);
  surface.lineTo(plot.right, plot.bottom + 0.5);
  surface.stroke();
}

/** Crosses on the axis where points are NaN, and triangles at the edge where they are infinite. */
function drawMarks(surface: Surface, { curve, color }: LineSeries, { x, plot }: Layout, inks: Inks): void {
  const { xs, mins, maxs, nans } = curve;
  surface.lineWidth = 1.5;
  surface.strokeStyle = inks.text;
  surface.fillStyle = color;
  let lastMarked = -Infinity;
  for (let place = firstFrom(xs, x.domain[0]); place < xs.length; place += 1) {
    const at = xs[place] ?? NaN;
    if (at > x.domain[1]) break;
    const isNan = (nans[place] ?? 0) > 0;
    const isUp = maxs[place] === Infinity;
    const isDown = mins[place] === -Infinity;
    const pixel = x.at(at);
    // One mark for those that would lie on each other.
    if (!(isNan || isUp || isDown) || pixel - lastMarked < MARK) continue;
    lastMarked = pixel;
    if (isNan) cross(surface, pixel, plot.bottom - MARK - 1);
    if (isUp) triangle(surface, pixel, plot.top, 2 * MARK);
    if (isDown) triangle(surface, pixel, plot.bottom, -2 * MARK);
  }
}

function cross(surface: Surface, x: number, y: number): void {
  surface.beginPath();
  surface.moveTo(x - MARK + 1, y - MARK + 1);
  surface.lineTo(x + MARK - 1, y + MARK - 1);
  surface.moveTo(x - MARK + 1, y + MARK - 1);
  surface.lineTo(x + MARK - 1, y - MARK + 1);
  surface.stroke();
}

/** A triangle whose tip is at a place, as high as given; below 0 it stands on its tip. */
function triangle(surface: Surface, x: number, tip: number, height: number): void {
  surface.beginPath();
  surface.moveTo(x, tip);
  surface.lineTo(x - MARK, tip + height);
  surface.lineTo(x + MARK, tip + height);
  surface.closePath();
  surface.fill();
}
