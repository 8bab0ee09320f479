import type { LineSeries } from "~/charts/curve";
import { firstAfter, firstFrom } from "~/charts/curve";
import type { Inks } from "~/charts/inks";
import type { Layout, LineView } from "~/charts/lineLayout";
import { FONT_PIXELS, LABEL_GAP } from "~/charts/lineLayout";
import { smoothedCurve } from "~/charts/smooth";
import type { Surface } from "~/charts/surface";

const MARK = 4;
const END_RADIUS = 3.5;

/** Crosses on the axis where points are NaN, and triangles at the edge where they are infinite. */
export function drawMarks(surface: Surface, { curve, band, color }: LineSeries, { x, plot }: Layout, inks: Inks): void {
  const { xs, mins, maxs, nans } = band ?? curve;
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

/** Names a line at its last value in sight. */
export function drawEndLabel(surface: Surface, series: LineSeries, view: LineView, layout: Layout, inks: Inks): void {
  if (series.endLabel === undefined) return;
  const { plot, x, y } = layout;
  const { xs, mins } = view.smoothing > 0 ? smoothedCurve(series.curve, view.smoothing) : series.curve;
  const last = firstAfter(xs, x.domain[1]) - 1;
  const [at, value] = [xs[last] ?? NaN, mins[last] ?? NaN];
  if (!(at >= x.domain[0]) || !Number.isFinite(value) || (y.isLog && value <= 0)) return;
  const [pixelX, pixelY] = [x.at(at), Math.min(plot.bottom, Math.max(plot.top, y.at(value)))];
  surface.beginPath();
  surface.fillStyle = series.color;
  surface.arc(pixelX, pixelY, END_RADIUS, 0, 2 * Math.PI);
  surface.fill();
  surface.font = `600 ${FONT_PIXELS}px ${inks.font}`;
  surface.textAlign = "right";
  const isAtTop = pixelY < plot.top + 2 * FONT_PIXELS;
  surface.textBaseline = isAtTop ? "top" : "alphabetic";
  const beside = isAtTop ? LABEL_GAP : -LABEL_GAP;
  // With a border in the ground's colour, so that it can be read on top of lines.
  surface.strokeStyle = inks.ground;
  surface.lineWidth = 3;
  surface.strokeText(series.endLabel, pixelX, pixelY + beside);
  surface.fillStyle = inks.text;
  surface.fillText(series.endLabel, pixelX, pixelY + beside);
}
