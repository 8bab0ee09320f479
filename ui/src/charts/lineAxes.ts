import type { Inks } from "~/charts/inks";
import type { Layout } from "~/charts/lineLayout";
import { CHARACTER_PIXELS, FONT_PIXELS, LABEL_GAP } from "~/charts/lineLayout";
import type { Surface } from "~/charts/surface";

/** Draws the axes of a chart, with their numbers and a line for each. */
export function drawAxes(surface: Surface, { plot, x, y, xTicks: ofX, yTicks: ofY }: Layout, inks: Inks): void {
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
