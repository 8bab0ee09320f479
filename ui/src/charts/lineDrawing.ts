import type { Curve, LineSeries } from "~/charts/curve";
import { firstFrom, isBucketed } from "~/charts/curve";
import type { Inks } from "~/charts/inks";
import { drawAxes } from "~/charts/lineAxes";
import type { Layout, LineView } from "~/charts/lineLayout";
import { drawEndLabel, drawMarks } from "~/charts/lineMarks";
import type { Scale } from "~/charts/scale";
import { smoothedCurve } from "~/charts/smooth";
import type { Surface } from "~/charts/surface";
import type { Plot } from "~/charts/trace";
import { trace, traceArea } from "~/charts/trace";

/** What was logged, behind a line that is smoothed. */
const FAINT = 0.3;
const POINT_RADIUS = 2;
/** Points closer than this would only be a thicker line. */
const LEAST_PIXELS_PER_POINT = 4;
const MOST_WIDE = 8;
const MOST_DASHED = 50;
const BAND_ALPHA = 0.2;

/** Draws a chart: its axes, its lines, marks for what is not finite, and the names of lines that have one. */
export function drawLines(surface: Surface, view: LineView, layout: Layout, inks: Inks): void {
  drawAxes(surface, layout, inks);
  drawAllSeries(surface, view, layout, inks);
  for (const each of view.series) drawEndLabel(surface, each, view, layout, inks);
}

/** Draws the lines of a chart, and marks for what is not finite; areas are below all lines. */
export function drawAllSeries(surface: Surface, view: LineView, layout: Layout, inks: Inks): void {
  for (const each of view.series) drawBand(surface, each, layout);
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
  const isSmoothed = view.smoothing > 0;
  // Among more lines than dashes can tell apart, and in lines that go up and down with each pixel, they would only cost
  // time: more than all the rest.
  const isDashed = series.dash.length > 0 && view.series.length <= MOST_DASHED;
  if (isDashed && (isSmoothed || !isDense(series.curve, layout))) surface.setLineDash([...series.dash]);
  if (isSmoothed) surface.globalAlpha = FAINT;
  drawCurve(surface, series.curve, layout, view.showsPoints);
  if (isSmoothed) {
    surface.globalAlpha = 1;
    drawCurve(surface, smoothedCurve(series.curve, view.smoothing), layout, false);
  }
  surface.setLineDash([]);
}

/** Whether a curve has a bucket with several values at every other pixel. */
const isDense = (curve: Curve, layout: Layout): boolean =>
  isBucketed(curve) && 2 * visible(curve, layout) > layout.plot.right - layout.plot.left;

const visible = ({ xs }: Curve, { x }: Layout): number => firstFrom(xs, x.domain[1]) - firstFrom(xs, x.domain[0]);

function drawBand(surface: Surface, { band, color }: LineSeries, { x, y, plot }: Layout): void {
  if (band === undefined) return;
  surface.fillStyle = color;
  surface.globalAlpha = BAND_ALPHA;
  surface.beginPath();
  traceArea(surface, band, x, y, plot);
  surface.fill();
  surface.globalAlpha = 1;
}

function drawCurve(surface: Surface, curve: Curve, layout: Layout, showsPoints: boolean): void {
  const { x, y, plot } = layout;
  surface.beginPath();
  const alone = trace(surface, curve, x, y, plot);
  surface.stroke();
  const hasRoom = visible(curve, layout) * LEAST_PIXELS_PER_POINT <= plot.right - plot.left;
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
