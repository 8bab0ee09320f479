import type { Draw, Size } from "~/charts/canvas";
import type { Inks } from "~/charts/inks";
import { drawLines } from "~/charts/lineDrawing";
import type { LineView } from "~/charts/lineLayout";
import { layoutOf } from "~/charts/lineLayout";
import { pngOf, svgOf } from "~/charts/picture";
import type { Surface } from "~/charts/surface";
import { count } from "~/shared/format/numbers";

const LEGEND_ROW = 16;
const LEGEND_COLUMN = 220;
const SWATCH = 14;
const CHARACTER_PIXELS = 6.4;
/** A legend of more lines would be longer than the picture that it explains. */
const MOST_NAMED = 60;

/** A chart of lines with its legend, as the text of an SVG. */
export function lineChartSvg(view: LineView, size: Size, inks: Inks): string {
  const { draw, size: whole } = pictureOfLines(view, size, inks);
  return svgOf(draw, whole, inks.ground);
}

/** A chart of lines with its legend, as a PNG. */
export function lineChartPng(view: LineView, size: Size, inks: Inks): Promise<Blob> {
  const { draw, size: whole } = pictureOfLines(view, size, inks);
  return pngOf(draw, whole, inks.ground);
}

/** A chart of lines of some size, with its legend below. */
export function pictureOfLines(view: LineView, size: Size, inks: Inks): { readonly draw: Draw; readonly size: Size } {
  const columns = Math.max(1, Math.floor(size.width / LEGEND_COLUMN));
  const named = view.series.slice(0, MOST_NAMED);
  const entries = named.length + (named.length < view.series.length ? 1 : 0);
  const rows = Math.ceil(entries / columns);
  return {
    size: { width: size.width, height: size.height + LEGEND_ROW * (rows + 1) },
    draw: (surface) => {
      drawLines(surface, view, layoutOf(view, size), inks);
      const column = size.width / columns;
      for (let place = 0; place < entries; place += 1) {
        const x = LEGEND_ROW + (place % columns) * column;
        const y = size.height + LEGEND_ROW * (Math.floor(place / columns) + 0.75);
        drawEntry(surface, view, place, { x, y, width: column - LEGEND_ROW }, inks);
      }
    },
  };
}

interface Entry {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

function drawEntry(surface: Surface, { series }: LineView, place: number, { x, y, width }: Entry, inks: Inks): void {
  surface.font = `11px ${inks.font}`;
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  const each = series[place];
  if (each === undefined || place >= MOST_NAMED) {
    surface.fillStyle = inks.soft;
    surface.fillText(`and ${count(series.length - MOST_NAMED)} more`, x, y);
    return;
  }
  surface.strokeStyle = each.color;
  surface.lineWidth = 2;
  surface.setLineDash([...each.dash]);
  surface.beginPath();
  surface.moveTo(x, y);
  surface.lineTo(x + SWATCH, y);
  surface.stroke();
  surface.setLineDash([]);
  surface.fillStyle = inks.text;
  const most = Math.floor((width - SWATCH - 6) / CHARACTER_PIXELS);
  const label = each.label.length <= most ? each.label : `${each.label.slice(0, Math.max(1, most - 1))}…`;
  surface.fillText(label, x + SWATCH + 6, y);
}
