import type { Axis } from "~/charts/axis";
import type { Brushes } from "~/charts/brush";
import type { Size } from "~/charts/canvas";
import { drawTickLabel, shortened } from "~/charts/frame";
import type { Inks } from "~/charts/inks";
import type { Surface } from "~/charts/surface";

/** Where the axes of parallel coordinates are, in pixels. */
export interface Layout {
  readonly top: number;
  readonly bottom: number;
  /** Of each axis, from the left. */
  readonly xs: readonly number[];
  /** The room that an axis has. */
  readonly step: number;
}

const TOP = 36;
const BOTTOM = 12;
const SIDE = 64;
export const LEGEND_WIDTH = 132;
const FADED = 0.22;
const SOLID = 0.75;
/** Up to so many lines there is room for wider ones; many wide ones take several times as long to draw. */
const FEW = 40;
const BRUSH_WIDTH = 14;

export function layoutOf(axes: number, size: Size, hasLegend: boolean): Layout {
  const right = size.width - (hasLegend ? LEGEND_WIDTH : 0) - SIDE;
  const step = axes < 2 ? right - SIDE : (right - SIDE) / (axes - 1);
  return {
    top: TOP,
    bottom: Math.max(TOP + 1, size.height - BOTTOM),
    xs: Array.from({ length: axes }, (_, place) => (axes < 2 ? (SIDE + right) / 2 : SIDE + place * step)),
    step,
  };
}

export const yOf = (layout: Layout, position: number): number =>
  layout.bottom - position * (layout.bottom - layout.top);

export const positionAt = (layout: Layout, y: number): number => (layout.bottom - y) / (layout.bottom - layout.top);

/** The axis next to a place, and how far away it is. */
export function nearestAxis(layout: Layout, x: number): { readonly place: number; readonly distance: number } {
  let place = 0;
  for (const [each, at] of layout.xs.entries()) {
    if (Math.abs(at - x) < Math.abs((layout.xs[place] ?? 0) - x)) place = each;
  }
  return { place, distance: Math.abs((layout.xs[place] ?? Infinity) - x) };
}

/** The run whose line is next to a place, within some pixels; null where none is. */
export function nearestLine(
  layout: Layout,
  axes: readonly Axis[],
  runs: readonly number[],
  x: number,
  y: number,
  within: number,
): number | null {
  const right = Math.min(
    axes.length - 1,
    Math.max(
      1,
      layout.xs.findIndex((at) => at >= x),
    ),
  );
  const first = axes[Math.max(0, right - 1)];
  const second = axes[right];
  const from = layout.xs[Math.max(0, right - 1)] ?? 0;
  if (first === undefined || second === undefined) return null;
  const share = Math.min(1, Math.max(0, (x - from) / layout.step));
  // What is pixels away downwards is nearer to a steep line.
  let nearest: number | null = null;
  let best = within;
  for (const run of runs) {
    const y0 = yOf(layout, first.positions[run] ?? 0);
    const y1 = yOf(layout, second.positions[run] ?? 0);
    const steep = Math.hypot(1, (y1 - y0) / layout.step);
    const distance = Math.abs(y0 + (y1 - y0) * share - y) / steep;
    if (distance < best) [nearest, best] = [run, distance];
  }
  return nearest;
}

/** Draws the lines of runs: those of one colour at once, which is many times faster than one by one. */
export function drawLines(
  surface: Surface,
  layout: Layout,
  axes: readonly Axis[],
  runs: readonly number[],
  colors: readonly (string | null)[],
  inks: Inks,
): void {
  surface.lineWidth = runs.length <= FEW ? 1.75 : 1;
  surface.lineJoin = "bevel";
  surface.globalAlpha = SOLID;
  for (const [color, alike] of Map.groupBy(runs, (run) => colors[run] ?? inks.strong)) {
    surface.strokeStyle = color;
    surface.beginPath();
    for (const run of alike) trace(surface, layout, axes, run);
    surface.stroke();
  }
  surface.globalAlpha = 1;
}

/** Draws the lines of all runs as what is behind those that are brushed. */
export function drawFadedLines(
  surface: Surface,
  layout: Layout,
  axes: readonly Axis[],
  runs: readonly number[],
  inks: Inks,
): void {
  surface.globalAlpha = FADED;
  surface.lineWidth = 1;
  surface.lineJoin = "bevel";
  surface.strokeStyle = inks.strong;
  surface.beginPath();
  for (const run of runs) trace(surface, layout, axes, run);
  surface.stroke();
  surface.globalAlpha = 1;
}

/** Draws one line so that it stands out. */
export function drawLine(
  surface: Surface,
  layout: Layout,
  axes: readonly Axis[],
  run: number,
  color: string,
  inks: Inks,
): void {
  for (const [width, style] of [
    [5, inks.ground],
    [2.5, color],
  ] as const) {
    surface.lineWidth = width;
    surface.strokeStyle = style;
    surface.beginPath();
    trace(surface, layout, axes, run);
    surface.stroke();
  }
}

function trace(surface: Surface, layout: Layout, axes: readonly Axis[], run: number): void {
  const [only] = axes;
  if (axes.length === 1 && only !== undefined) {
    const [x = 0] = layout.xs;
    const y = yOf(layout, only.positions[run] ?? 0);
    surface.moveTo(x - 20, y);
    surface.lineTo(x + 20, y);
    return;
  }
  for (const [place, axis] of axes.entries()) {
    const y = yOf(layout, axis.positions[run] ?? 0);
    if (place === 0) surface.moveTo(layout.xs[place] ?? 0, y);
    else surface.lineTo(layout.xs[place] ?? 0, y);
  }
}

/** Draws the axes with their ticks, and what is brushed on them. */
export function drawAxes(surface: Surface, layout: Layout, axes: readonly Axis[], brushes: Brushes, inks: Inks): void {
  for (const [place, axis] of axes.entries()) {
    const x = Math.round(layout.xs[place] ?? 0) + 0.5;
    surface.lineWidth = 1;
    surface.strokeStyle = inks.soft;
    surface.beginPath();
    surface.moveTo(x, layout.top);
    surface.lineTo(x, layout.bottom);
    surface.stroke();
    const brush = brushes[axis.dimension.id];
    for (const [low, high] of brush === undefined ? [] : axis.spansOf(brush)) {
      drawBrush(surface, x, yOf(layout, high), yOf(layout, low), inks);
    }
    for (const tick of axis.ticks) {
      drawTickLabel(surface, shortened(tick.label, layout.step - 14), x + 5, yOf(layout, tick.at), tick.isAside, inks);
    }
  }
}

function drawBrush(surface: Surface, x: number, top: number, bottom: number, inks: Inks): void {
  const height = Math.max(3, bottom - top);
  surface.fillStyle = inks.accent;
  surface.globalAlpha = 0.28;
  surface.fillRect(x - BRUSH_WIDTH / 2, top, BRUSH_WIDTH, height);
  surface.globalAlpha = 1;
  surface.strokeStyle = inks.accent;
  surface.lineWidth = 1.5;
  surface.strokeRect(x - BRUSH_WIDTH / 2, top, BRUSH_WIDTH, height);
}

/** Draws the names of the axes, which on the screen are buttons. */
export function drawTitles(surface: Surface, layout: Layout, axes: readonly Axis[], inks: Inks): void {
  surface.font = `600 11px ${inks.font}`;
  surface.fillStyle = inks.text;
  surface.textAlign = "center";
  surface.textBaseline = "middle";
  for (const [place, axis] of axes.entries()) {
    surface.fillText(shortened(axis.dimension.label, Math.max(60, layout.step)), layout.xs[place] ?? 0, 14);
  }
}

/** The place that an axis gets which is dropped somewhere. */
export const placeFor = (layout: Layout, x: number): number => nearestAxis(layout, x).place;
