import type { Curve } from "~/charts/curve";
import { firstFrom } from "~/charts/curve";
import type { Scale } from "~/charts/scale";
import type { Surface } from "~/charts/surface";

/** A rectangle of a chart, in pixels. */
export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How far beyond its edges a line goes on, so that it is seen to leave. */
const BEYOND = 1;

/**
 * Puts a line through buckets into the path of a surface. It touches the smallest and the largest value of each, so that
 * no spike is lost; where several buckets share a column of pixels, it is drawn through what they have together. It has
 * a gap where a bucket holds nothing but NaN. What is beyond the plot is drawn at its edge.
 *
 * @returns where single values are that no line leads to, as pixels x, y after each other.
 */
export function trace(surface: Surface, curve: Curve, x: Scale, y: Scale, plot: Plot): number[] {
  const { xs, mins, maxs } = curve;
  const alone: number[] = [];
  const clamped = (value: number): number => {
    if (y.isLog && value <= 0) return NaN;
    if (value === Infinity) return plot.top - BEYOND;
    if (value === -Infinity) return plot.bottom + BEYOND;
    return Math.min(plot.bottom + BEYOND, Math.max(plot.top - BEYOND, y.at(value)));
  };
  let column = NaN;
  let columnX = 0;
  let first = 0;
  let last = 0;
  let highest = 0;
  let lowest = 0;
  let drawn = 0;
  let drawnY = 0;
  const flush = (): void => {
    if (Number.isNaN(column)) return;
    if (drawn === 0) surface.moveTo(columnX, first);
    else surface.lineTo(columnX, first);
    if (highest !== lowest) {
      const upFirst = Math.abs(last - lowest) < Math.abs(last - highest);
      let before = first;
      for (const next of upFirst ? [highest, lowest, last] : [lowest, highest, last]) {
        if (next !== before) surface.lineTo(columnX, next);
        before = next;
      }
      drawn += 1;
    }
    drawn += 1;
    drawnY = last;
    column = NaN;
  };
  const gap = (): void => {
    flush();
    if (drawn === 1) alone.push(columnX, drawnY);
    drawn = 0;
  };
  const begin = Math.max(0, firstFrom(xs, x.domain[0]));
  for (let place = begin; place < xs.length; place += 1) {
    const at = xs[place] ?? NaN;
    if (at > x.domain[1]) break;
    const top = clamped(maxs[place] ?? NaN);
    let bottom = mins === maxs ? top : clamped(mins[place] ?? NaN);
    if (Number.isNaN(top)) {
      gap();
      continue;
    }
    // On an axis of powers, a bucket that goes below 0 goes to the edge.
    if (Number.isNaN(bottom)) bottom = plot.bottom + BEYOND;
    const pixel = x.at(at);
    const here = Math.floor(pixel);
    // Through a bucket the line goes from the end that is nearer to where it comes from.
    const nearerBottom = Math.abs(last - bottom) < Math.abs(last - top);
    const entry = nearerBottom ? bottom : top;
    const exit = nearerBottom ? top : bottom;
    if (here === column) {
      if (top < highest) highest = top;
      if (bottom > lowest) lowest = bottom;
    } else {
      flush();
      column = here;
      columnX = pixel;
      first = entry;
      highest = top;
      lowest = bottom;
    }
    last = exit;
  }
  gap();
  return alone;
}
