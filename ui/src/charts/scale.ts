import type { Curve, Range } from "~/charts/curve";
import { firstFrom } from "~/charts/curve";

/** Where numbers are on an axis of so many pixels. */
export interface Scale {
  readonly domain: Range;
  readonly isLog: boolean;
  /** The pixel of a number. */
  readonly at: (value: number) => number;
  /** The number at a pixel. */
  readonly valueAt: (pixel: number) => number;
}

/** Room above and below the lines, as a part of the axis. */
const PADDING = 0.05;
/** Which parts of the values count as outliers, at each end. */
const OUTLYING = 0.02;
/** To find them, so many values are enough. */
const SAMPLED = 20_000;

export function scaleOf(domain: Range, pixels: Range, isLog = false): Scale {
  // Halves, because the span of the largest numbers would be infinite.
  const turned = (value: number): number => (isLog ? Math.log(value) : value / 2);
  const [from, to] = [turned(domain[0]), turned(domain[1])];
  const [first, last] = pixels;
  const share = (last - first) / (to - from);
  return {
    domain,
    isLog,
    at: (value) => first + (turned(value) - from) * share,
    valueAt: (pixel) => {
      const back = from + (pixel - first) / share;
      return isLog ? Math.exp(back) : back * 2;
    },
  };
}

interface Options {
  readonly isLog: boolean;
  readonly ignoresOutliers: boolean;
}

/** From where to where the values go that are in sight; null where no finite one is. */
export function valuesIn(curves: readonly Curve[], xs: Range, options: Options): Range | null {
  const extent = options.ignoresOutliers
    ? withoutOutliers(curves, xs, options.isLog)
    : extentIn(curves, xs, options.isLog);
  return extent === null ? null : padded(extent, options.isLog);
}

function extentIn(curves: readonly Curve[], xs: Range, isLog: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  eachIn(curves, xs, isLog, 1, (value) => {
    if (value < low) low = value;
    if (value > high) high = value;
  });
  return low > high ? null : [low, high];
}

function withoutOutliers(curves: readonly Curve[], xs: Range, isLog: boolean): Range | null {
  const total = curves.reduce((sum, curve) => sum + curve.xs.length, 0);
  const found: number[] = [];
  eachIn(curves, xs, isLog, Math.max(1, Math.ceil((2 * total) / SAMPLED)), (value) => found.push(value));
  const sorted = Float64Array.from(found).toSorted();
  const low = sorted[Math.floor(OUTLYING * (sorted.length - 1))];
  const high = sorted[Math.ceil((1 - OUTLYING) * (sorted.length - 1))];
  return low === undefined || high === undefined ? null : [low, high];
}

function eachIn(
  curves: readonly Curve[],
  [from, to]: Range,
  isLog: boolean,
  stride: number,
  see: (value: number) => void,
): void {
  for (const { xs, mins, maxs } of curves) {
    const columns = mins === maxs ? [mins] : [mins, maxs];
    for (let place = firstFrom(xs, from); place < xs.length && (xs[place] ?? Infinity) <= to; place += stride) {
      for (const column of columns) {
        const value = column[place] ?? NaN;
        if (Number.isFinite(value) && !(isLog && value <= 0)) see(value);
      }
    }
  }
}

function padded([low, high]: Range, isLog: boolean): Range {
  if (isLog) {
    const factor = low === high ? 2 : (high / low) ** PADDING;
    return Number.isFinite(high * factor) && low / factor > 0 ? [low / factor, high * factor] : [low, high];
  }
  if (low === high) {
    const around = low === 0 ? 1 : Math.abs(low) / 2;
    return [low - around, high + around];
  }
  const room = high * PADDING - low * PADDING;
  return Number.isFinite(high + room) && Number.isFinite(low - room) ? [low - room, high + room] : [low, high];
}
