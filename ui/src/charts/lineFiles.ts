import type { Size } from "~/charts/canvas";
import type { Inks } from "~/charts/inks";
import type { LineView } from "~/charts/lineDrawing";
import { drawLines, layoutOf } from "~/charts/lineDrawing";
import { pngOf, svgOf } from "~/charts/picture";

const LEGEND_ROW = 16;
const SWATCH = 14;

/** A chart of lines with its legend, as the text of an SVG. */
export const lineChartSvg = (view: LineView, size: Size, inks: Inks): string =>
  svgOf((surface) => drawAll(surface, view, size, inks), withLegend(view, size), inks.ground);

/** A chart of lines with its legend, as a PNG. */
export const lineChartPng = (view: LineView, size: Size, inks: Inks): Promise<Blob> =>
  pngOf((surface) => drawAll(surface, view, size, inks), withLegend(view, size), inks.ground);

const withLegend = (view: LineView, { width, height }: Size): Size => ({
  width,
  height: height + LEGEND_ROW * (view.series.length + 1),
});

function drawAll(surface: Parameters<typeof drawLines>[0], view: LineView, size: Size, inks: Inks): void {
  drawLines(surface, view, layoutOf(view, size), inks);
  surface.font = `11px ${inks.font}`;
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  for (const [place, { label, color, dash }] of view.series.entries()) {
    const y = size.height + LEGEND_ROW * (place + 0.75);
    surface.strokeStyle = color;
    surface.lineWidth = 2;
    surface.setLineDash([...dash]);
    surface.beginPath();
    surface.moveTo(LEGEND_ROW, y);
    surface.lineTo(LEGEND_ROW + SWATCH, y);
    surface.stroke();
    surface.setLineDash([]);
    surface.fillStyle = inks.text;
    surface.fillText(label, LEGEND_ROW + SWATCH + 6, y);
  }
}
