import type { AxisTick } from "~/charts/axisTicks";
import { yTicks } from "~/charts/axisTicks";
import type { Size } from "~/charts/canvas";
import type { Range } from "~/charts/curve";
import { extentOf } from "~/charts/dimension";
import { CHARACTER_PIXELS, LABEL_GAP } from "~/charts/lineLayout";
import type { Scale } from "~/charts/scale";
import { scaleOf } from "~/charts/scale";
import { roundEnds } from "~/charts/ticks";
import type { Plot } from "~/charts/trace";

/** What a bar stands for: a run, or a group of runs by their mean. */
export interface Bar {
  readonly id: string;
  readonly name: string;
  readonly color: string;
  readonly value: number;
  /** From the smallest to the largest value of a group; null of a run. */
  readonly range: Range | null;
}

/** Where bars are: below each other, from the top. */
export interface BarLayout {
  readonly plot: Plot;
  readonly x: Scale;
  readonly ticks: readonly AxisTick[];
  /** The pixels that each bar has with the gap below it. */
  readonly row: number;
  /** Whether there is room for a name at each bar. */
  readonly hasNames: boolean;
}

const TALLEST_ROW = 26;
/** Names are 11 pixels high. */
const LEAST_NAMED_ROW = 13;
const TOP = 8;
const BOTTOM = 38;
const SIDE = 12;
/** For the number at the end of a bar. */
const NUMBER_PIXELS = 64;
const MOST_NAME_SHARE = 0.4;
const PIXELS_PER_TICK = 80;

export function barLayoutOf(bars: readonly Bar[], isLog: boolean, size: Size): BarLayout {
  const bottom = Math.max(TOP + 1, size.height - BOTTOM);
  const row = Math.min(TALLEST_ROW, (bottom - TOP) / Math.max(1, bars.length));
  const hasNames = row >= LEAST_NAMED_ROW;
  const longest = Math.max(0, ...bars.map(({ name }) => name.length)) * CHARACTER_PIXELS + LABEL_GAP;
  const left = hasNames ? Math.max(SIDE, Math.min(longest, size.width * MOST_NAME_SHARE)) : SIDE;
  const right = Math.max(left + 1, size.width - (hasNames ? NUMBER_PIXELS : SIDE));
  const about = Math.max(2, Math.floor((right - left) / PIXELS_PER_TICK));
  const domain = barDomainOf(bars, isLog, about);
  return {
    plot: { left, right, top: TOP, bottom },
    x: scaleOf(domain, [left, right], isLog),
    ticks: yTicks(domain, isLog, about),
    row,
    hasNames,
  };
}

/** From where to where the axis of bars goes. They begin at zero; on an axis of powers, at one below the smallest. */
export function barDomainOf(bars: readonly Bar[], isLog: boolean, about: number): Range {
  const values = bars.flatMap(({ value, range }) => [value, ...(range ?? [])]);
  if (!isLog) {
    const [low, high] = extentOf([0, ...values]) ?? [0, 0];
    return low === high ? [0, 1] : roundEnds(low, high, about);
  }
  const extent = extentOf(values.filter((value) => value > 0));
  if (extent === null) return [1, 10];
  const [low, high] = extent;
  const below = Number(`1e${Math.ceil(Math.log10(low)) - 1}`);
  return [below > 0 ? below : low / 2 || low, high];
}

/** Whether a bar has a length: the others have only their number. */
export const hasLength = (value: number, isLog: boolean): boolean => Number.isFinite(value) && !(isLog && value <= 0);
