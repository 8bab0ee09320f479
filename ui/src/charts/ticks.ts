import { nice, ticks } from "d3-array";

/** Spans beyond these have steps that are no numbers any more. */
const SMALLEST_SPAN = 1e-300;
const LARGEST_SPAN = 1e308;

/** Round numbers between two others, about as many as asked for. */
export const linearTicks = (low: number, high: number, count: number): number[] =>
  isOrdinary(low, high) ? ticks(low, high, count) : [low, high];

/** The round numbers next to two others. */
export function roundEnds(low: number, high: number, count: number): readonly [number, number] {
  return isOrdinary(low, high) ? nice(low, high, count) : [low, high];
}

const isOrdinary = (low: number, high: number): boolean => high - low > SMALLEST_SPAN && high - low < LARGEST_SPAN;

/** Round numbers for an axis of powers: those of ten, and their 2- and 5-fold where there are few of them. */
export function logTicks(low: number, high: number, count: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = last - first;
  const multiples = decades * 3 <= count ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(decades / Math.max(1, count)));
  const found: number[] = [];
  for (let exponent = first; exponent <= last; exponent += stride) {
    for (const multiple of multiples) {
      // Powers would have rounding errors.
      const tick = Number(`${multiple}e${exponent}`);
      if (tick >= low && tick <= high) found.push(tick);
    }
  }
  // Less than a decade may hold none of them.
  return found.length >= 2 ? found : linearTicks(low, high, count);
}
