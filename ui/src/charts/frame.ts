import type { Axis } from "~/charts/axis";
import type { Size } from "~/charts/canvas";
import type { Legend } from "~/charts/coloring";
import type { Inks } from "~/charts/inks";
import { rampAt } from "~/charts/ramp";
import type { Surface } from "~/charts/surface";

/** The rectangle that two axes span, in pixels. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const LEFT = 76;
/** Below this width, there is less room for labels. */
const NARROW = 480;
const NARROW_LEFT = 56;
const NARROW_LEGEND = 0.8;
/** Labels below each other are at least so far apart. */
const LABEL_HEIGHT = 12;
const TOP = 24;
const RIGHT = 16;
const BOTTOM = 44;
/** Points keep off the ends. */
const INSET = 10;
const LABEL_PX = 6.2;
const LEGEND_ROW = 16;
const MOST_SWATCHES = 12;

export function frameOf(size: Size, legendWidth: number): Frame {
  const isNarrow = size.width < NARROW;
  const left = isNarrow ? NARROW_LEFT : LEFT;
  return {
    left,
    right: Math.max(left + 1, size.width - RIGHT - legendWidth * (isNarrow ? NARROW_LEGEND : 1)),
    top: TOP,
    bottom: Math.max(TOP + 1, size.height - BOTTOM),
  };
}

export const xIn = (frame: Frame, position: number): number =>
  frame.left + INSET + position * (frame.right - frame.left - 2 * INSET);

export const yIn = (frame: Frame, position: number): number =>
  frame.bottom - INSET - position * (frame.bottom - frame.top - 2 * INSET);

/** A text that fits into some pixels, by its beginning. Labels are 11 pixels high, and about so wide. */
export function shortened(text: string, pixels: number): string {
  const most = Math.max(3, Math.floor(pixels / LABEL_PX));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** A label right of a tick, readable above lines. */
export function drawTickLabel(
  surface: Surface,
  text: string,
  x: number,
  y: number,
  isAside: boolean,
  inks: Inks,
): void {
  surface.font = `11px ${inks.font}`;
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  surface.lineJoin = "round";
  surface.lineWidth = 3;
  surface.strokeStyle = inks.ground;
  surface.strokeText(text, x, y);
  surface.fillStyle = isAside ? inks.soft : inks.text;
  surface.fillText(text, x, y);
}

/** Two axes with hairlines at their ticks, and their names. */
export function drawFrame(surface: Surface, frame: Frame, x: Axis, y: Axis, inks: Inks): void {
  surface.font = `11px ${inks.font}`;
  surface.lineWidth = 1;
  surface.strokeStyle = inks.line;
  surface.fillStyle = inks.soft;
  surface.beginPath();
  surface.textAlign = "center";
  surface.textBaseline = "top";
  const room = (frame.right - frame.left) / Math.max(1, x.ticks.length);
  for (const tick of x.ticks) {
    const at = Math.round(xIn(frame, tick.at)) + 0.5;
    surface.moveTo(at, frame.top);
    surface.lineTo(at, frame.bottom);
    surface.fillText(shortened(tick.label, room - 4), at, frame.bottom + 6);
  }
  surface.textAlign = "right";
  surface.textBaseline = "middle";
  const labelled: number[] = [];
  // What is beside the numbers has its label first: no other says that it is there.
  for (const tick of y.ticks.toSorted((one, other) => Number(other.isAside) - Number(one.isAside))) {
    const at = Math.round(yIn(frame, tick.at)) + 0.5;
    surface.moveTo(frame.left, at);
    surface.lineTo(frame.right, at);
    if (labelled.some((each) => Math.abs(each - at) < LABEL_HEIGHT)) continue;
    labelled.push(at);
    surface.fillText(shortened(tick.label, frame.left - 12), frame.left - 6, at);
  }
  surface.stroke();
  surface.strokeStyle = inks.strong;
  surface.strokeRect(frame.left + 0.5, frame.top + 0.5, frame.right - frame.left, frame.bottom - frame.top);
  surface.font = `600 11px ${inks.font}`;
  surface.fillStyle = inks.text;
  surface.textAlign = "center";
  surface.textBaseline = "top";
  surface.fillText(titleOf(x), (frame.left + frame.right) / 2, frame.bottom + 24);
  surface.textAlign = "left";
  surface.fillText(titleOf(y), frame.left, frame.top - 17);
}

const titleOf = (axis: Axis): string => `${axis.dimension.label}${axis.isLog ? " (log)" : ""}`;

/** What says which colour means what, at the right. */
export function drawLegend(surface: Surface, legend: Legend, left: number, top: number, height: number, inks: Inks) {
  surface.font = `600 11px ${inks.font}`;
  surface.fillStyle = inks.text;
  surface.textAlign = "left";
  surface.textBaseline = "middle";
  surface.fillText(shortened(legend.title, 112), left, top - 14);
  if (legend.kind === "swatches") {
    const room = Math.min(MOST_SWATCHES, Math.floor(height / LEGEND_ROW) - 1);
    for (const [place, { label, color }] of legend.swatches.slice(0, room).entries()) {
      const y = top + 8 + place * LEGEND_ROW;
      surface.fillStyle = color;
      surface.fillRect(left, y - 5, 10, 10);
      surface.font = `11px ${inks.font}`;
      surface.fillStyle = inks.text;
      surface.fillText(shortened(label, 94), left + 16, y);
    }
    if (legend.swatches.length > room) {
      surface.fillStyle = inks.soft;
      surface.fillText(`and ${legend.swatches.length - room} more`, left, top + 8 + room * LEGEND_ROW);
    }
    return;
  }
  const rows = Math.max(1, Math.round(height));
  for (let row = 0; row < rows; row += 2) {
    surface.fillStyle = rampAt(1 - row / rows);
    surface.fillRect(left, top + row, 12, 2);
  }
  for (const tick of legend.axis.ticks) {
    drawTickLabel(surface, tick.label, left + 18, top + (1 - tick.at) * height, false, inks);
  }
}
