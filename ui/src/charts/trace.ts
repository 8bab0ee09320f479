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
  const alone: number[] = [];
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
  const see = (pixel: number, top: number, bottom: number): void => {
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
  };
  walk(curve, x, y, plot, see, gap);
  return alone;
}

/** Puts the areas between the smallest and the largest values of buckets into the path of a surface. */
export function traceArea(surface: Surface, curve: Curve, x: Scale, y: Scale, plot: Plot): void {
  let pixels: number[] = [];
  let tops: number[] = [];
  let bottoms: number[] = [];
  const gap = (): void => {
    const [only] = pixels;
    // A bucket alone has no width.
    if (pixels.length === 1 && only !== undefined) {
      const [top = 0, bottom = 0] = [tops[0], bottoms[0]];
      surface.rect(only - BEYOND, top, 2 * BEYOND, bottom - top);
    } else {
      for (const [place, pixel] of pixels.entries()) {
        if (place === 0) surface.moveTo(pixel, tops[place] ?? 0);
        else surface.lineTo(pixel, tops[place] ?? 0);
      }
      for (let place = pixels.length - 1; place >= 0; place -= 1) {
        surface.lineTo(pixels[place] ?? 0, bottoms[place] ?? 0);
      }
      if (pixels.length > 0) surface.closePath();
    }
    [pixels, tops, bottoms] = [[], [], []];
  };
  walk(
    curve,
    x,
    y,
    plot,
    (pixel, top, bottom) => {
      const before = pixels.length - 1;
      if (before >= 0 && Math.floor(pixels[before] ?? NaN) === Math.floor(pixel)) {
        tops[before] = Math.min(tops[before] ?? top, top);
        bottoms[before] = Math.max(bottoms[before] ?? bottom, bottom);
      } else {
        pixels.push(pixel);
        tops.push(top);
        bottoms.push(bottom);
      }
    },
    gap,
  );
}

/**
 * Goes through the buckets that are in sight, from left to right, in pixels. Where a line comes from outside or goes
 * there, its way across the edge is seen as a value at the edge.
 */
function walk(
  { xs, mins, maxs }: Curve,
  x: Scale,
  y: Scale,
  plot: Plot,
  see: (pixel: number, top: number, bottom: number) => void,
  gap: () => void,
): void {
  const clamped = (value: number): number => {
    if (y.isLog && value <= 0) return NaN;
    if (value === Infinity) return plot.top - BEYOND;
    if (value === -Infinity) return plot.bottom + BEYOND;
    return Math.min(plot.bottom + BEYOND, Math.max(plot.top - BEYOND, y.at(value)));
  };
  const topOf = (place: number): number => clamped(maxs[place] ?? NaN);
  const bottomOf = (place: number, top: number): number => {
    if (mins === maxs) return top;
    const bottom = clamped(mins[place] ?? NaN);
    // On an axis of powers, a bucket that goes below 0 goes to the edge.
    return Number.isNaN(bottom) ? plot.bottom + BEYOND : bottom;
  };
  const seeEdge = (edge: number, inner: number): void => {
    const [before, after] = [x.at(xs[inner - 1] ?? NaN), x.at(xs[inner] ?? NaN)];
    const share = (edge - before) / (after - before);
    const [topBefore, topAfter] = [topOf(inner - 1), topOf(inner)];
    if (!(share > 0 && share < 1) || Number.isNaN(topBefore) || Number.isNaN(topAfter)) return;
    const [bottomBefore, bottomAfter] = [bottomOf(inner - 1, topBefore), bottomOf(inner, topAfter)];
    see(edge, topBefore + (topAfter - topBefore) * share, bottomBefore + (bottomAfter - bottomBefore) * share);
  };
  const [from, to] = x.domain;
  let place = firstFrom(xs, from);
  if (place > 0 && place < xs.length) seeEdge(x.at(from), place);
  for (; place < xs.length; place += 1) {
    const at = xs[place] ?? NaN;
    if (at > to) break;
    const top = topOf(place);
    if (Number.isNaN(top)) gap();
    else see(x.at(at), top, bottomOf(place, top));
  }
  if (place > 0 && place < xs.length) seeEdge(x.at(to), place);
  gap();
}
